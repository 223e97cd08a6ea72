// Summing up what wallets have beside their statements.

package sandbox

import (
	"cmp"
	"slices"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// walletSums collects a WalletTruth while the statements are read.
type walletSums struct {
	w         *World
	ledger    map[ledgerKey]*ledgerKey
	unknown   unknownSum
	funding   map[FundingSum]*FundingSum
	assurance map[AssuranceSum]*AssuranceSum
	proved    map[LedgerAssurance]*LedgerAssurance
	edges     map[TransferEdge]*TransferEdge
	days      map[TransferDay]*TransferDay
	met       map[TransferDay]map[string]bool
}

func newWalletSums(w *World) *walletSums {
	return &walletSums{w, map[ledgerKey]*ledgerKey{}, unknownSum{}, map[FundingSum]*FundingSum{}, map[AssuranceSum]*AssuranceSum{}, map[LedgerAssurance]*LedgerAssurance{},
		map[TransferEdge]*TransferEdge{}, map[TransferDay]*TransferDay{}, map[TransferDay]map[string]bool{}}
}

// lineOf is the sums under a key, which is a line without them.
func lineOf[T comparable](m map[T]*T, key T) *T {
	if m[key] == nil {
		line := key
		m[key] = &line
	}
	return m[key]
}

// entry counts one statement row.
func (x *walletSums) entry(wallet string, e *mpaytest.Entry) {
	b, day := x.w.byID[wallet], x.w.cal.dayOf(e.PostedAt.Unix())
	date := e.PostedAt.In(x.w.cal.zone).Format(time.DateOnly)
	x.note(e)
	kind := lineOf(x.ledger, ledgerKey{wallet: wallet, date: date, kind: e.Type, status: e.Status, channel: e.Channel, provider: e.ProviderCode})
	kind.rows++
	kind.amount += e.AmountMinor
	kind.fee += e.FeeMinor
	proved := LedgerAssurance{Source: SourceMPAY, WalletID: wallet, BusinessDate: date}
	switch l := x.w.login(b, day); {
	case (e.Type == "bill_pay" || e.Type == "transfer_out") && e.AmountMinor <= -stepUpFrom:
		proved.StepUpRequired, proved.AssuranceLevel = true, "A3"
	case e.SessionID != "":
		proved.StepUpRequired, proved.AssuranceLevel = l.stepUp, l.level()
	}
	p := lineOf(x.proved, proved)
	p.Rows++
	p.AmountMinor += e.AmountMinor
	direction, amount := "out", -e.AmountMinor
	switch e.Type {
	case "transfer_out":
	case "transfer_in":
		direction, amount = "in", e.AmountMinor
	default:
		return
	}
	edge := lineOf(x.edges, TransferEdge{Source: SourceMPAY, WalletID: wallet, MSISDN: e.Counterparty, Direction: direction, Currency: "AZN"})
	edge.Entries++
	edge.AmountMinor += amount
	key := TransferDay{Source: SourceMPAY, WalletID: wallet, BusinessDate: date, Direction: direction, Currency: "AZN"}
	if x.met[key] == nil {
		x.met[key] = map[string]bool{}
	}
	x.met[key][e.Counterparty] = true
	t := lineOf(x.days, key)
	t.Entries++
	t.AmountMinor += amount
	t.Counterparties = int64(len(x.met[key]))
}

// events counts everything else that a wallet has at an instant.
func (x *walletSums) events(b *walletBook, until int64) {
	for d := 0; d < x.w.cal.days() && x.w.cal.starts[d] <= until; d++ {
		for _, e := range x.w.fundingDay(b, d, until) {
			f := lineOf(x.funding, FundingSum{Source: SourceMPAY, WalletID: b.who.id, BusinessDate: e.OccurredAt.Format(time.DateOnly),
				Method: e.Method, TerminalNetwork: e.TerminalNetwork, Status: e.Status, Currency: "AZN"})
			f.Events++
			f.AmountMinor += e.AmountMinor
			f.FeeMinor += e.FeeMinor
			if e.LedgerID != "" {
				f.WithLedger++
			}
		}
		for _, e := range x.w.assuranceDay(b, d, until) {
			a := lineOf(x.assurance, AssuranceSum{Source: SourceMPAY, WalletID: b.who.id, BusinessDate: e.OccurredAt.Format(time.DateOnly),
				Event: e.Event, AssuranceLevel: e.AssuranceLevel})
			a.Events++
			a.AmountMinor += e.AmountMinor
		}
	}
}

func (x *walletSums) result(until time.Time) (t WalletTruth) {
	for _, b := range x.w.wallets {
		x.events(b, until.Unix())
		o := x.w.Balance(b.who.id, until)
		t.Observed = append(t.Observed, Observation{SourceMPAY, b.who.id, "AZN", o.AsOf.UTC(), o.AvailableMinor, o.ReservedMinor})
		for _, f := range x.w.Templates(b.who.id, until) {
			t.Templates = append(t.Templates, TemplateLine{SourceMPAY, b.who.id, f.ID, f.ProviderCode})
		}
	}
	for _, f := range x.w.Workflows(until) {
		t.Workflows = append(t.Workflows, WorkflowLine{SourceMPAY, f.ID, f.ProviderCode, f.Platform, f.Platform == "android", append([]string{}, f.Steps...)})
	}
	t.Funding = ordered(x.funding, func(a, b *FundingSum) int {
		return cmp.Or(cmp.Compare(a.WalletID, b.WalletID), cmp.Compare(a.BusinessDate, b.BusinessDate), cmp.Compare(a.Method, b.Method),
			cmp.Compare(a.TerminalNetwork, b.TerminalNetwork), cmp.Compare(a.Status, b.Status))
	})
	t.Assurance = ordered(x.assurance, func(a, b *AssuranceSum) int {
		return cmp.Or(cmp.Compare(a.WalletID, b.WalletID), cmp.Compare(a.BusinessDate, b.BusinessDate), cmp.Compare(a.Event, b.Event),
			cmp.Compare(a.AssuranceLevel, b.AssuranceLevel))
	})
	t.LedgerAssurance = ordered(x.proved, func(a, b *LedgerAssurance) int {
		return cmp.Or(cmp.Compare(a.WalletID, b.WalletID), cmp.Compare(a.BusinessDate, b.BusinessDate), cmp.Compare(a.AssuranceLevel, b.AssuranceLevel),
			cmp.Compare(boolNumber(a.StepUpRequired), boolNumber(b.StepUpRequired)))
	})
	t.TransferEdges = ordered(x.edges, func(a, b *TransferEdge) int {
		return cmp.Or(cmp.Compare(a.WalletID, b.WalletID), cmp.Compare(a.MSISDN, b.MSISDN), cmp.Compare(a.Direction, b.Direction))
	})
	t.TransferDays = ordered(x.days, func(a, b *TransferDay) int {
		return cmp.Or(cmp.Compare(a.WalletID, b.WalletID), cmp.Compare(a.BusinessDate, b.BusinessDate), cmp.Compare(a.Direction, b.Direction))
	})
	return t
}

func boolNumber(b bool) int {
	if b {
		return 1
	}
	return 0
}

func ordered[T comparable](m map[T]*T, less func(a, b *T) int) []T {
	out := make([]T, 0, len(m))
	for _, line := range m {
		out = append(out, *line)
	}
	slices.SortFunc(out, func(a, b T) int { return less(&a, &b) })
	return out
}

// rows counts the lines' rows by wallet and table.
func (t *WalletTruth) rows(wallets []*walletBook) (out []RowCount) {
	for _, b := range wallets {
		funding := RowCount{Source: SourceMPAY, WalletID: b.who.id, Table: "funding_events", Currency: "AZN"}
		assurance, templates := funding, RowCount{Source: SourceMPAY, WalletID: b.who.id, Table: "templates"}
		assurance.Table = "assurance_events"
		for _, f := range t.Funding {
			if f.WalletID == b.who.id {
				funding.Rows, funding.AmountMinor = funding.Rows+f.Events, funding.AmountMinor+f.AmountMinor
			}
		}
		for _, a := range t.Assurance {
			if a.WalletID == b.who.id {
				assurance.Rows, assurance.AmountMinor = assurance.Rows+a.Events, assurance.AmountMinor+a.AmountMinor
			}
		}
		for _, f := range t.Templates {
			if f.WalletID == b.who.id {
				templates.Rows++
			}
		}
		out = append(out, funding, assurance, templates)
	}
	return append(out, RowCount{Source: SourceMPAY, Table: "nfc_workflows", Rows: int64(len(t.Workflows))})
}
