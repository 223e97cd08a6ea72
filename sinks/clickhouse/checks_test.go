package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// checking makes a warehouse with checks beside those of every user.
func checking(t *testing.T, checks ...schemas.Check) *Warehouse {
	t.Helper()
	c := newClock()
	w := open(t, newLake(t, c), c, false)
	w.checks = append(schemas.Checks(), checks...)
	return w
}

func check(name, table, field string, rule schemas.Rule) schemas.Check {
	return schemas.Check{Name: name, Table: table, Source: "mpay", Field: field, Severity: schemas.SeverityWarn, Rule: rule, Doc: name}
}

func ptr(n int64) *int64 { return &n }

// What the views call broken is what a Judge refuses, row for row, for every
// kind that both know.
func TestAlarmsAreWhatAJudgeRefuses(t *testing.T) {
	day := int64(day0.Unix() / 86400)
	checks := []schemas.Check{
		check("required_text", "ledger", "subscriber_ref", schemas.Required{}), check("required_number", "ledger", "balance_after_minor", schemas.Required{}),
		check("low", "ledger", "amount_minor", schemas.Range{Min: ptr(-5)}), check("both", "ledger", "amount_minor", schemas.Range{Min: ptr(-7), Max: ptr(7)}),
		check("nullable", "ledger", "balance_after_minor", schemas.Range{Max: ptr(3)}), check("late", "ledger", "business_date", schemas.Range{Max: ptr(day)}),
		check("form", "ledger", "subscriber_ref", schemas.Pattern{Matches: `[a-c]+|.'x\\?`}), check("fold", "ledger", "subscriber_ref", schemas.Pattern{Matches: `(?i)ÜB.*`}),
		check("word", "ledger", "subscriber_ref", schemas.Vocabulary{Words: []string{"a", "it's \\ here"}}),
		check("when", "ledger", "amount_minor", schemas.Range{Max: ptr(0)}),
	}
	checks[9].When = []schemas.Condition{{Column: "type", Among: []string{"fee", ""}}, {Column: "status", Among: []string{"posted"}}}
	w := checking(t, checks...)
	random := rand.New(rand.NewPCG(3, 4))
	texts := []string{"", "a", "abc", "abcd", "a\nb", "übEr", "üb\n", "it's \\ here", "\n'x", "\n'x\\", "'x\\\\"}
	var rows []row
	for i := range 300 {
		more := row{"subscriber_ref": texts[random.IntN(len(texts))], "type": []string{"fee", "", "topup"}[random.IntN(3)], "business_date": day0.AddDate(0, 0, random.IntN(2))}
		if random.IntN(2) == 0 {
			more["balance_after_minor"] = random.Int64N(8)
		}
		rows = append(rows, ledgerRow(fmt.Sprint("e", i), day0.Add(time.Duration(i)*time.Minute), random.Int64N(20)-10, more))
	}
	rec := record(schemas.Ledger, rows)
	defer rec.Release()
	var want []string
	for _, c := range checks {
		j, err := schemas.NewJudge(schemas.Ledger, []schemas.Check{c})
		if err != nil {
			t.Fatal(err)
		}
		bad := j.Rows(rec, nil)
		if bad == nil {
			t.Errorf("no row breaks %s: the comparison says nothing", c.Name)
		}
		for i := range bad {
			if bad[i] == 0 {
				want = append(want, fmt.Sprintf("%s | e%d", c.Name, i))
			}
		}
	}
	other := ledgerRow("other", day0, 9, row{"source": "elsewhere"})
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), rows...))
	commit(t, w.lake, part(schemas.Ledger, "elsewhere", "wlt_1", days(0, 1), other))
	follow(t, w)
	slices.Sort(want)
	for _, sql := range []string{"SELECT check_name, row_id FROM " + w.db + ".alarms", "SELECT arrayJoin(flags), entry_id FROM " + w.db + ".ledger"} {
		got := strings.Split(strings.TrimSpace(lines(ask(t, w, sql))), "\n")
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d lines, want %d\ngot  %q\nwant %q", sql, len(got), len(want), got, want)
		}
	}
}

// A value that no row of the other table has; of another wallet it is none.
func TestDanglingReferences(t *testing.T) {
	w := checking(t,
		check("known_provider", "ledger", "provider_code", schemas.Referential{Table: "providers", Column: "provider_code", Source: "mpay"}),
		check("known_entry", "ledger", "reversal_of", schemas.Referential{Table: "ledger", Column: "entry_id", Source: "mpay"}))
	commit(t, w.lake, part(schemas.Providers, "mpay", "", schemas.Window{}, row{"source": "mpay", "provider_code": "azersu"}),
		part(schemas.Providers, "mpay", "", schemas.Window{}))
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("a", day0, 1, nil), ledgerRow("b", day0, 1, row{"reversal_of": "a"}),
		ledgerRow("c", day0, 1, row{"reversal_of": "z"}), ledgerRow("d", day0, 1, row{"provider_code": "gone"}), ledgerRow("e", day0, 1, row{"provider_code": ""})),
		part(schemas.Ledger, "mpay", "wlt_2", days(0, 1), ledgerRow("f", day0, 1, row{"wallet_id": "wlt_2", "reversal_of": "a"})))
	follow(t, w)
	const sql = "SELECT check_name, wallet_id, row_id, observed, expected FROM %s.alarms ORDER BY ALL"
	want := "known_entry | wlt_1 | c | z | mpay/ledger.entry_id\nknown_entry | wlt_2 | f | a | mpay/ledger.entry_id\nknown_provider | wlt_1 | d | gone | mpay/providers.provider_code\n"
	if got := lines(ask(t, w, fmt.Sprintf(sql, w.db))); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	// What is referred to comes later: no alarm any more, and still one before.
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("z", day0, 1, nil)))
	follow(t, w)
	for snapshot, want := range map[int64]string{0: "2", 2: "3"} {
		if got := askAt(t, w, "SELECT count() FROM "+w.db+".alarms", snapshot); got[0][0] != want {
			t.Errorf("snapshot %d: %s alarms, want %s", snapshot, got[0][0], want)
		}
	}
}

// The number of issue-like input is one line of alarms, with source, wallet and
// row; numbers, masked ones and the erased are none.
func TestNumbersThatAreNone(t *testing.T) {
	w := checking(t)
	of := func(id, person, masked string) row {
		return ledgerRow(id, day0, 1, row{"counterparty": person, "counterparty_masked": masked})
	}
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), of("good", "p1_a", "+99450•••••67"), of("none", "p1_b", "189011••••67"),
		of("masked upstream", "", "050•••••67"), of("nobody", "", ""), of("erased", schemas.Erased, schemas.Erased)))
	customer := func(id, customer string) row {
		return op("p", 1, id, "sale", "success", "card", 1, row{"customer_id": customer})
	}
	commit(t, w.lake, part(schemas.Operations, "psp", "", days(0, 2), customer("a", "189011234567"), customer("b", "p1_0123456789abcdef0123456789abcdef"),
		customer("c", "c-17"), customer("d", "+189 (01) 12345"), customer("e", "1234567890"), customer("f", "12345678901234"), customer("g", "")))
	follow(t, w)
	want := "ledger | mpay | wlt_1 | none | 189011••••67\noperations | psp |  | a | 189011234567\noperations | psp |  | d | +189 (01) 12345\n"
	if got := lines(ask(t, w, "SELECT table, source, wallet_id, row_id, observed FROM "+w.db+".alarms WHERE check_name = 'not_a_number' ORDER BY ALL")); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	off := checking(t)
	for i := range off.checks {
		off.checks[i].Except = []string{"psp"}
	}
	commit(t, off.lake, part(schemas.Operations, "psp", "", days(0, 2), customer("a", "189011234567")))
	follow(t, off)
	if got := cell(t, off, "SELECT count() FROM "+off.db+".alarms"); got != "0" {
		t.Errorf("a check that is switched off has %s alarms", got)
	}
}

// A chain that does not close is an alarm with both neighbours and the money
// that is missing, until it closes.
func TestBrokenChainIsAnAlarm(t *testing.T) {
	w := checking(t)
	balanced := func(id string, m int, amount, balance int64) row {
		return ledgerRow(id, day0.Add(time.Duration(m)*time.Minute), amount, row{"balance_after_minor": balance})
	}
	past := part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), balanced("a", 1, -100, 900), balanced("c", 3, -50, 600))
	past.Past = true
	young := part(schemas.Ledger, "mpay", "wlt_2", days(0, 1), row(ledgerRow("x", day0, -1, row{"wallet_id": "wlt_2", "balance_after_minor": int64(5)})),
		row(ledgerRow("y", day0.Add(time.Hour), -1, row{"wallet_id": "wlt_2", "balance_after_minor": int64(1)})))
	commit(t, w.lake, past, young)
	follow(t, w)
	const sql = "SELECT check_name, source, wallet_id, row_id, observed, expected, amount_minor, business_date, snapshot FROM %s.alarms ORDER BY ALL"
	want := "balance_chain | mpay | wlt_1 | c | after a | rows of -250 in between | -250 | 2026-03-30 | 1\n"
	if got := lines(ask(t, w, fmt.Sprintf(sql, w.db))); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	late := part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), balanced("b", 2, -250, 650))
	late.Past = true
	commit(t, w.lake, late)
	follow(t, w)
	if got := lines(ask(t, w, fmt.Sprintf(sql, w.db))); got != "" {
		t.Errorf("the chain closes and is an alarm all the same:\n%s", got)
	}
	if got := askAt(t, w, "SELECT count() FROM "+w.db+".alarms", 1); got[0][0] != "1" {
		t.Errorf("at manifest 1: %s alarms", got[0][0])
	}
}

func TestFreshness(t *testing.T) {
	w := checking(t, check("fresh", "ledger", "", schemas.Freshness{Max: 48 * time.Hour}))
	now := time.Now().UTC()
	today := schemas.Window{From: now.AddDate(0, 0, -5).Truncate(24 * time.Hour), To: now.AddDate(0, 0, 5).Truncate(24 * time.Hour)}
	ask1 := func() string {
		return lines(ask(t, w, "SELECT source, table, row_id, field, observed, expected FROM "+w.db+".alarms"))
	}
	if got := ask1(); got != "mpay | ledger |  | posted_at | no row | a row of the last 2 days\n" {
		t.Errorf("nothing was read: %s", got)
	}
	old := now.Add(-49 * time.Hour).Truncate(time.Microsecond)
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", today, ledgerRow("a", old, 1, nil), ledgerRow("ahead", now.Add(24*time.Hour), 1, nil)),
		part(schemas.Ledger, "mpay", "wlt_2", today))
	follow(t, w)
	first, err := w.TableAlarms(t.Context())
	if got := ask1(); !strings.Contains(got, old.Format("2006-01-02 15:04:05.000000")) || err != nil || len(first) != 1 || first[0].Day != old.Format(time.DateOnly) {
		t.Errorf("an old row, and one that is ahead of its time: %s, %+v, %v", got, first, err)
	}
	again, _ := w.TableAlarms(t.Context())
	if len(again) != 1 || again[0].ID != first[0].ID {
		t.Error("the same stall is told under another id")
	}
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_2", today, ledgerRow("b", now.Add(-47*time.Hour), 1, row{"wallet_id": "wlt_2"})))
	follow(t, w)
	if got := ask1(); got != "" {
		t.Errorf("a row of 47 hours ago is not fresh: %s", got)
	}
}

// Volumes against a plain count of the same days.
func TestVolume(t *testing.T) {
	rule := schemas.Volume{Weeks: 3, Min: 50, Max: 200, Least: 4, Zone: "Asia/Baku"}
	w := checking(t, check("volume", "ledger", "", rule))
	baku, err := time.LoadLocation(rule.Zone)
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := time.Now().In(baku).Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(5, 6))
	counts := map[int]int{} // by days before today
	var rows []row
	for back := range 45 {
		counts[back] = 6 + random.IntN(6)
		switch back {
		case 3, 40:
			counts[back] = 0
		case 5:
			counts[back] = 2
		case 6:
			counts[back] = 40
		case 11, 18, 25, 32, 4:
			counts[back] = 1 // too few to judge by
		}
		for n := range counts[back] {
			day := today.AddDate(0, 0, -back)
			rows = append(rows, ledgerRow(fmt.Sprint(back, ".", n), day.Add(time.Duration(n)*time.Minute), 1, row{"business_date": day}))
		}
	}
	window := schemas.Window{From: today.AddDate(0, 0, -50), To: today.AddDate(0, 0, 2)}
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", window, rows...))
	follow(t, w)
	want := ""
	for back := schemas.VolumeDays; back > 0; back-- {
		before := []int{counts[back+7], counts[back+14], counts[back+21]}
		if back+21 > 44 {
			continue
		}
		slices.Sort(before)
		if usual := before[1]; usual >= 4 && (2*counts[back] < usual || counts[back] > 2*usual) {
			want += fmt.Sprintf("%s | %d rows | 50 to 200 %% of %d rows\n", today.AddDate(0, 0, -back).Format(time.DateOnly), counts[back], usual)
		}
	}
	if strings.Count(want, "\n") < 3 {
		t.Fatalf("the oracle has too little to say: %s", want)
	}
	if got := lines(ask(t, w, "SELECT business_date, observed, expected FROM "+w.db+".alarms ORDER BY ALL")); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	list, err := w.TableAlarms(t.Context())
	if err != nil || len(list) != strings.Count(want, "\n") || list[0].Check != "volume" {
		t.Errorf("%+v, %v", list, err)
	}
}
