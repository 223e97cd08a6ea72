// Files: what a bank, the terminals' network and a rewards programme export of
// the same world, in the layouts of the presets.

package sandbox

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// File is one export. Truth names what it holds.
type File struct {
	Path string // from the folder of all files: source/2026-03.csv
	Text []byte
}

// FileTruth is what the files of a source add up to, as they stand.
type FileTruth struct {
	Source      string `json:"source"`
	Table       string `json:"table"`
	Currency    string `json:"currency"`
	Rows        int64  `json:"rows"`
	AmountMinor int64  `json:"amount_minor"` // signed sum
	PointsCenti int64  `json:"points_centi,omitempty"`
}

// Sources of files in the sandbox's configuration, with their presets.
const (
	SourceBank     = "bank"
	SourceTerminal = "terminals"
	SourceRewards  = "rewards"
)

// rewarded is the provider whose bills earn points: 1 point for 1.00.
const rewarded = "MOB_AZERCELL"

// statements collects the lines of one source by month.
type statements struct {
	heading string
	months  map[string]*bytes.Buffer
	truth   FileTruth
}

func (s *statements) add(at time.Time, amount int64, format string, args ...any) {
	s.line(at, format, args...)
	s.truth.Rows++
	s.truth.AmountMinor += amount
}

func (s *statements) line(at time.Time, format string, args ...any) {
	month := at.Format("2006-01")
	b := s.months[month]
	if b == nil {
		b = bytes.NewBufferString(s.heading + "\r\n")
		s.months[month] = b
	}
	fmt.Fprintf(b, format+"\r\n", args...)
}

// Files writes every export as it stands at an instant, one for each month, with
// what they add up to. A month that goes on is written anew each day: to a
// reader that is a correction.
func (w *World) Files(until time.Time) (files []File, truth []FileTruth) {
	until = w.seen(until)
	all := []*statements{
		{heading: "Əməliyyat nömrəsi;Hesab;Əməliyyat tarixi;Əməliyyat növü;Satıcı;Kart;Məxaric;Mədaxil;Valyuta;Komissiya;Təyinat", truth: FileTruth{Source: SourceBank, Table: "bank_entries"}},
		{heading: "Çek №;Ödəniş vaxtı;Terminal;Xidmət;Məbləğ;Komissiya;Valyuta;Status;Cüzdan;Cüzdan əməliyyatı", truth: FileTruth{Source: SourceTerminal, Table: "funding_events"}},
		{heading: "Reward ID,Date,Type,Bonus,Purchase amount,Partner,Campaign,MSISDN,Payment ID,Description", truth: FileTruth{Source: SourceRewards, Table: "loyalty_entries"}},
	}
	for _, s := range all {
		s.months, s.truth.Currency = map[string]*bytes.Buffer{}, "AZN"
	}
	for _, b := range w.bankRows(until) {
		b.write(all[0])
	}
	for _, f := range w.flawed() {
		all[0].line(w.flawedAt(), "%s;AZ77AIIB40050019440000123456;%s;Kart ödənişi;AZERSU ASC BAKI;;%s;;AZN;0,00;\"\"", f.id, w.flawedAt().Format("02.01.2006 15:04:05"), f.amount)
	}
	for _, wallet := range w.Wallets() {
		for _, e := range w.FundingEvents(wallet.ID, w.Start(), until.Add(time.Second), until, 0, 1<<30) {
			if e.Method == "terminal" {
				terminalLine(all[1], wallet.ID, &e)
			}
		}
		for _, e := range w.Entries(wallet.ID, w.Start(), until.Add(time.Second), until, 0, 1<<30) {
			if e.Type == "bill_pay" && e.Status == "posted" && e.ProviderCode == rewarded {
				rewardLine(all[2], wallet.MSISDN, &e)
			}
		}
	}
	for _, s := range all {
		for _, month := range slices.Sorted(maps.Keys(s.months)) {
			files = append(files, File{Path: s.truth.Source + "/" + month + ".csv", Text: s.months[month].Bytes()})
		}
		truth = append(truth, s.truth)
	}
	return files, truth
}

func (b *bankRow) write(s *statements) {
	debit, credit := comma(max(-b.amount, 0)), ""
	if b.amount > 0 {
		debit, credit = "", comma(b.amount)
	}
	s.add(b.at, b.amount, "%s;AZ77AIIB40050019440000123456;%s;Kart ödənişi;%s;%s;%s;%s;AZN;%s;\"%s\"",
		b.id, b.at.Format("02.01.2006 15:04:05"), b.merchant, b.card, debit, credit, comma(b.fee), b.remark)
}

var terminalWords = map[string]string{"completed": "Uğurlu", "pending": "Gözləmədə", "failed": "Uğursuz", "reversed": "Ləğv edildi"}

func terminalLine(s *statements, wallet string, e *mpaytest.FundingEvent) {
	s.add(e.OccurredAt, e.AmountMinor, "EM-%s;%s;%s;MPAY;%s;%s;AZN;%s;%s;%s", strings.TrimPrefix(e.ID, "fnd_"),
		e.OccurredAt.Format("02.01.2006 15:04:05"), e.TerminalID, decimal2(e.AmountMinor), decimal2(e.FeeMinor), terminalWords[e.Status], wallet, e.LedgerID)
}

func rewardLine(s *statements, msisdn string, e *mpaytest.Entry) {
	points := -e.AmountMinor
	s.truth.PointsCenti += points
	s.add(e.PostedAt, points, "AK-%s,%s,Earn,%s,%s,%s,spring,%s,%s,Bonus", strings.TrimPrefix(e.ID, "txn_"),
		e.PostedAt.Format("2006-01-02 15:04:05"), decimal2(points), decimal2(points), e.ProviderCode, msisdn, e.ID)
}

func decimal2(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }

func comma(minor int64) string { return strings.Replace(decimal2(minor), ".", ",", 1) }

// configFiles are the sources and pipelines of the files under a folder.
func configFiles(dir string) (sources, pipelines string) {
	limits := fmt.Sprintf(", checks: [{field: amount_minor, kind: range, min: -%d, max: %[1]d, severity: reject}]", bankLimit)
	for _, s := range [][4]string{{SourceBank, "birbank", "bank_entries", limits}, {SourceTerminal, "emanat", "funding_events"}, {SourceRewards, "akart", "loyalty_entries"}} {
		sources += fmt.Sprintf("  %s: {type: csv, url: %s, preset: %s, time_zone: Asia/Baku}\n", s[0], quote(fileURL("file", dir+"/"+s[0])), s[1])
		pipelines += fmt.Sprintf("  %s: {source: %s, table: %s, schedule: \"10 * * * *\"%s}\n", s[0], s[0], s[2], s[3])
	}
	return sources, pipelines
}
