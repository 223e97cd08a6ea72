package clickhouse

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
)

// entry is a ledger row as the oracle knows it.
type entry struct {
	id, kind, status, provider, category, reverses string
	amount                                         int64
	day                                            int
}

func (e entry) row() row {
	return ledgerRow(e.id, day0.AddDate(0, 0, e.day).Add(time.Hour), e.amount, row{"type": e.kind, "status": e.status, "provider_code": e.provider,
		"category": e.category, "reversal_of": e.reverses})
}

// line is the oracle's ledger view.
func (e entry) line() string {
	category := e.category
	if category == "" && e.provider == "azersu" {
		category = "utilities"
	}
	return fmt.Sprintf("%s | %s | %s | %s | %s | %s | %d", e.id, e.kind, e.status, e.provider, category, e.reverses, e.amount)
}

func drawEntry(t *rapid.T, ids int) entry {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	n := rapid.IntRange(0, ids).Draw(t, "id")
	e := entry{id: fmt.Sprint("e", n), kind: pick("type", "bill_pay", "fee", "refund", "reversal", "topup", "transfer_out", "strange"),
		status: pick("status", "posted", "posted", "pending", "reversed"), provider: pick("provider", "azersu", "azercell"),
		category: pick("category", "", "", "mobile"), amount: rapid.Int64Range(-9_999_999_999_999_999_99, 9_999_999_999_999_999_99).Draw(t, "amount"),
		day: n % 5} // a revision never moves a row in time; the days lie in two months
	if rapid.IntRange(0, 3).Draw(t, "points") == 0 {
		e.reverses = fmt.Sprint("e", rapid.IntRange(0, ids).Draw(t, "reverses"))
	}
	return e
}

// spendLines is spend_by_provider by the words of contracts.md §4.
func spendLines(now map[string]entry) []string {
	type sums struct {
		entries       int
		spend, refund *big.Int
	}
	out := map[string]*sums{}
	pointed := map[string]bool{}
	for _, e := range now {
		pointed[e.reverses] = true
	}
	for _, e := range now {
		category := e.category
		if category == "" && e.provider == "azersu" {
			category = "utilities"
		}
		key := fmt.Sprintf("%s | %s | %s", day0.AddDate(0, 0, e.day).Format(time.DateOnly), e.provider, category)
		s := out[key]
		if s == nil {
			s = &sums{spend: new(big.Int), refund: new(big.Int)}
		}
		switch {
		case (e.kind == "bill_pay" || e.kind == "fee") && e.amount < 0 && (e.status == "posted" || e.status == "reversed"):
			s.entries++
			s.spend.Sub(s.spend, big.NewInt(e.amount))
			if e.status == "reversed" && !pointed[e.id] {
				s.refund.Sub(s.refund, big.NewInt(e.amount))
			}
		case (e.kind == "refund" || e.kind == "reversal") && e.amount > 0:
			s.entries++
			s.refund.Add(s.refund, big.NewInt(e.amount))
		default:
			continue
		}
		out[key] = s
	}
	var text []string
	for _, key := range slices.Sorted(maps.Keys(out)) {
		s := out[key]
		text = append(text, fmt.Sprintf("%s | %d | %s | %s | %s", key, s.entries, s.spend, s.refund, new(big.Int).Sub(s.spend, s.refund)))
	}
	return text
}

const (
	oracleLedger = "SELECT entry_id, type, status, provider_code, category, reversal_of, amount_minor FROM %s ORDER BY entry_id"
	oracleSpend  = "SELECT business_date, provider_code, category, entries, spend_minor, refunds_minor, net_minor FROM %s ORDER BY business_date, provider_code, category"
)

func (w *Warehouse) text(t testing.TB, snapshot int64, sql, from string) string {
	var out []string
	for _, r := range askAt(t, w, fmt.Sprintf(sql, from), snapshot) {
		out = append(out, strings.Join(r, " | "))
	}
	return strings.Join(out, "\n")
}

// For any history of revisions and reversals, in any order, followed at any
// pace: every snapshot shows what the oracle says it showed, for ever.
func TestSnapshotsAgainstOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newClock()
		l := newLake(t, c)
		w := open(t, l, c, rapid.Bool().Draw(rt, "push"))
		commit(t, l, part(schemas.Providers, "mpay", "", schemas.Window{}, row{"source": "mpay", "provider_code": "azersu", "name_az": "Azərsu", "category": "utilities"}))
		now := map[string]entry{}
		history := []map[string]entry{{}, {}} // by snapshot
		for range rapid.IntRange(1, 6).Draw(rt, "commits") {
			next := maps.Clone(now)
			var rows []row
			batch := map[string]entry{}
			for range rapid.IntRange(1, 12).Draw(rt, "rows") {
				e := drawEntry(rt, 12)
				batch[e.id] = e
			}
			for _, id := range slices.Sorted(maps.Keys(batch)) {
				next[id] = batch[id]
				rows = append(rows, batch[id].row())
			}
			if r := commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 5), rows...)); r.Sequence != 0 {
				history = append(history, next)
			}
			now = next
			if rapid.Bool().Draw(rt, "follow") {
				follow(t, w)
			}
			if rapid.IntRange(0, 4).Draw(rt, "restart") == 0 {
				w = reopen(t, l, c, false, w.db)
			}
		}
		follow(t, w)
		for n := len(history) - 1; n > 0; n-- {
			var lines []string
			for _, id := range slices.Sorted(maps.Keys(history[n])) {
				lines = append(lines, history[n][id].line())
			}
			wantLedger, wantSpend := strings.Join(lines, "\n"), strings.Join(spendLines(history[n]), "\n")
			for name, got := range map[string][2]string{
				"_at":     {w.text(t, 0, oracleLedger, fmt.Sprintf("ledger_at(snapshot = %d)", n)), w.text(t, 0, oracleSpend, fmt.Sprintf("spend_by_provider_at(snapshot = %d)", n))},
				"comment": {w.text(t, int64(n), oracleLedger, "ledger"), w.text(t, int64(n), oracleSpend, "spend_by_provider")},
			} {
				if got[0] != wantLedger {
					rt.Fatalf("ledger of snapshot %d (%s):\n%s\nwant:\n%s", n, name, got[0], wantLedger)
				}
				if got[1] != wantSpend {
					rt.Fatalf("spend of snapshot %d (%s):\n%s\nwant:\n%s", n, name, got[1], wantSpend)
				}
			}
		}
		if s, err := w.Status(t.Context()); err != nil || s.Doubles != 0 {
			rt.Fatalf("status %+v %v", s, err)
		}
		if err := w.exec(t.Context(), "drop", "DROP DATABASE "+w.db); err != nil {
			rt.Fatal(err)
		}
	})
}

// The catalogue: current wording, history, names with their fallbacks.
func TestCatalogue(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, false)
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	p := func(code, az, en, category string, updated time.Time) row {
		return row{"source": "mpay", "provider_code": code, "name_az": az, "name_en": en, "category": category, "status": "active", "updated_at": updated}
	}
	commit(t, l, part(schemas.Providers, "mpay", "", schemas.Window{}, p("a", "Azərsu", "", "utilities", at(1)), p("b", "", "", "mobile", time.Time{}), p("c", "C", "Sea", "", at(2))))
	commit(t, l, part(schemas.Providers, "mpay", "", schemas.Window{}, p("a", "Azərsu", "Azersu", "water", at(9)), p("b", "", "", "mobile", time.Time{}), p("c", "C", "Sea", "", at(2))))
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("1", day0, -5, row{"provider_code": "a"}), ledgerRow("2", day0, -5, row{"provider_code": "c"}), ledgerRow("3", day0, -5, row{"provider_code": "zz"})))
	follow(t, w)
	seen := cell(t, w, "SELECT min(created_at) FROM snapshots") // when the lake first read what does not say when it changed
	for sql, want := range map[string]string{
		"SELECT provider_code, provider_name, category, revision FROM providers ORDER BY 1":        "a | Azersu | water | 2\nb | b | mobile | 1\nc | Sea |  | 1\n",
		"SELECT provider_code, provider_name, category FROM providers_at(snapshot = 1) ORDER BY 1": "a | Azərsu | utilities\nb | b | mobile\nc | Sea | \n",
		"SELECT provider_code, provider_name, category, spend FROM spend_by_provider ORDER BY 1":   "a | Azersu | water | 0.05\nc | Sea |  | 0.05\nzz | zz |  | 0.05\n",
		"SELECT provider_code, category, valid_from, valid_to FROM providers_history ORDER BY 1, 3": "a | utilities | 2026-01-01 00:00:00.000000 | 2026-01-09 00:00:00.000000\na | water | 2026-01-09 00:00:00.000000 | \\N\n" +
			"b | mobile | " + seen + " | \\N\nc |  | 2026-01-02 00:00:00.000000 | \\N\n",
	} {
		if got := lines(ask(t, w, sql)); got != want {
			t.Errorf("%s:\n%swant:\n%s", sql, got, want)
		}
	}
}

// Exponents other than two, and the gap in what is complete.
func TestCurrenciesAndCompleteness(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, true)
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("jpy", day0, -123, row{"currency": "JPY"}), ledgerRow("kwd", day0, -1234, row{"currency": "KWD"}),
		ledgerRow("clf", day0, -12345, row{"currency": "CLF"}), ledgerRow("azn", day0, -9_223_372_036_854_775_807, nil)))
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(1, 1)), part(schemas.Ledger, "mpay", "wlt_2", days(3, 2)))
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(5, 1)))
	follow(t, w)
	if got := lines(ask(t, w, "SELECT entry_id, amount FROM ledger ORDER BY entry_id")); got != "azn | -92233720368547758.07\nclf | -1.2345\njpy | -123\nkwd | -1.234\n" {
		t.Errorf("amounts:\n%s", got)
	}
	want := "mpay | wlt_1 | ledger | 2026-04-01 00:00:00.000000\nmpay | wlt_2 | ledger | 2026-04-04 00:00:00.000000\n"
	if got := lines(ask(t, w, "SELECT source, wallet_id, `table`, complete_through FROM completeness ORDER BY ALL")); got != want {
		t.Errorf("with a gap:\n%s", got)
	}
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(2, 3)))
	follow(t, w)
	if got := cell(t, w, "SELECT complete_through FROM completeness WHERE wallet_id = 'wlt_1'"); got != "2026-04-05 00:00:00.000000" {
		t.Errorf("gap closed: %s", got)
	}
}
