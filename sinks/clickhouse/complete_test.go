package clickhouse

import (
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// A balance chain that does not close ends what is complete at the row before
// the break, until the place is read again and closes. What is left of it is
// the same from any older snapshot.
func TestCompletenessEndsAtABreak(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, false)
	at := func(hour int) time.Time { return day0.Add(time.Duration(hour) * time.Hour) }
	entry := func(id string, hour int, amount, balance int64) row {
		return ledgerRow(id, at(hour), amount, row{"balance_after_minor": balance})
	}
	first, missing, last := entry("a", 1, -10, 90), entry("b", 20, -20, 70), entry("c", 30, -30, 40)
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), first), part(schemas.Ledger, "mpay", "wlt_2", days(0, 2)))
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(1, 1), last))
	commit(t, l, part(schemas.Providers, "mpay", "", schemas.Window{}, row{"source": "mpay", "provider_code": "a", "status": "active"}))
	// A notice of which no row was kept completes nothing, whether its stream was
	// ever read or not.
	for _, wallet := range []string{"wlt_1", "wlt_3"} {
		refused := part(schemas.Ledger, "mpay", wallet, schemas.Window{})
		refused.Hint, refused.Rejects = true, []schemas.Reject{{Reason: schemas.ReasonMissing, Field: "amount", Raw: []byte(`{}`)}}
		commit(t, l, refused)
	}
	follow(t, w)

	catalogue := cell(t, w, "SELECT max(created_at) FROM snapshots WHERE `table` = 'providers'")
	whole := "mpay | wlt_1 | ledger | 2026-04-01 00:00:00.000000\nmpay | wlt_2 | ledger | 2026-04-01 00:00:00.000000\nmpay |  | providers | " + catalogue + "\n"
	cut := "mpay | wlt_1 | ledger | 2026-03-30 01:00:00.000000\nmpay | wlt_2 | ledger | 2026-04-01 00:00:00.000000\nmpay |  | providers | " + catalogue + "\n"
	const (
		complete = "SELECT source, wallet_id, `table`, complete_through FROM completeness ORDER BY `table`, wallet_id"
		breaks   = "SELECT wallet_id, state, after_id, before_id, from, to, missing_minor, snapshot FROM chain_breaks ORDER BY ALL"
	)
	if got := lines(ask(t, w, complete)); got != cut {
		t.Errorf("with a break:\n%swant:\n%s", got, cut)
	}
	if got := lines(ask(t, w, breaks)); got != "wlt_1 | open |  | c | 2026-03-30 01:00:00.000000 | 2026-03-31 06:00:00.000000 | -20 | 2\n" {
		t.Errorf("breaks:\n%s", got)
	}

	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), first, missing), part(schemas.Ledger, "mpay", "wlt_1", days(1, 1), last))
	follow(t, w)
	if got := lines(ask(t, w, complete)); got != whole {
		t.Errorf("closed:\n%swant:\n%s", got, whole)
	}
	if got := lines(ask(t, w, breaks)); got != "" {
		t.Errorf("closed, and yet:\n%s", got)
	}
	if got := lines(ask(t, w, complete+" SETTINGS log_comment = '"+commentFor(3)+"'")); got != cut {
		t.Errorf("as of snapshot 3:\n%swant:\n%s", got, cut)
	}
	if err := w.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := lines(ask(t, w, complete)); got != whole {
		t.Errorf("rebuilt:\n%s", got)
	}
	// A warehouse that was filled before breaks were noted has the parts' word
	// alone: nothing of a window that did not close is called complete.
	if err := w.exec(t.Context(), "forget", "TRUNCATE TABLE "+w.db+".chain_break_rows"); err != nil {
		t.Fatal(err)
	}
	if got := cell(t, w, "SELECT complete_through FROM completeness WHERE wallet_id = 'wlt_1' SETTINGS log_comment = '"+commentFor(3)+"'"); got != "2026-03-31 00:00:00.000000" {
		t.Errorf("without notes: %s", got)
	}
}

// What the configuration means to read has a line from the beginning, and says
// up to where no run reads again: the look-back must have passed the end of a
// window, not only its rows.
func TestCompletenessOfWhatIsExpected(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, false)
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1)), part(schemas.Ledger, "mpay", "wlt_1", days(1, 1)), part(schemas.Ledger, "mpay", "wlt_1", days(2, 1)), part(schemas.Ledger, "mpay", "wlt_1", days(3, 1)),
		part(schemas.Ledger, "mpay", "wlt_4", days(0, 2)))
	follow(t, w)
	through := func(n int) string { return day0.AddDate(0, 0, n).Format("2006-01-02 15:04:05.000000") }
	is := func(want string) {
		t.Helper()
		if got := lines(ask(t, w, "SELECT wallet_id, `table`, complete_through, settled_through FROM completeness ORDER BY `table`, wallet_id")); got != want {
			t.Errorf("completeness:\n%swant:\n%s", got, want)
		}
	}
	is("wlt_1 | ledger | " + through(4) + " | " + through(4) + "\nwlt_4 | ledger | " + through(2) + " | " + through(2) + "\n")
	const lookback = 36 * time.Hour // reaches into the window of day 2
	streams := []Expected{
		{Source: "mpay", Wallet: "wlt_1", Table: "ledger", Start: day0, Lookback: lookback},
		{Source: "mpay", Wallet: "wlt_2", Table: "ledger", Start: day0, Lookback: lookback},
		{Source: "mpay", Wallet: "wlt_4", Table: "ledger", Start: day0, Lookback: 30 * 24 * time.Hour},
		{Source: "mpay", Table: "providers"},
	}
	never := "1970-01-01 00:00:00.000000"
	want := "wlt_1 | ledger | " + through(4) + " | " + through(2) + "\nwlt_2 | ledger | " + through(0) + " | " + through(0) + "\nwlt_4 | ledger | " + through(2) + " | " + through(0) + "\n | providers | " + never + " | " + never + "\n"
	for range 2 { // the same once more adds no line
		if err := w.Expect(t.Context(), streams); err != nil {
			t.Fatal(err)
		}
		is(want)
	}
	if err := w.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	is(want)
	// A wallet that nobody reads any longer keeps what was read, and it is final.
	if err := w.Expect(t.Context(), streams[1:2]); err != nil {
		t.Fatal(err)
	}
	is("wlt_1 | ledger | " + through(4) + " | " + through(4) + "\nwlt_2 | ledger | " + through(0) + " | " + through(0) + "\nwlt_4 | ledger | " + through(2) + " | " + through(2) + "\n")
	got, err := w.Expectations(t.Context())
	if err != nil || len(got) != 1 || got[0] != streams[1] {
		t.Errorf("%+v, %v", got, err)
	}
}
