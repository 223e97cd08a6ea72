package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// plant puts a row into quarantine as a version of paylake would have done that
// could not read it.
func (g *playground) plant(t *testing.T, s schemas.Stream, day time.Time, r schemas.Reject) string {
	t.Helper()
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader("")), stdout: &strings.Builder{}, stderr: &strings.Builder{}, now: time.Now, configFile: g.config, logFormat: "text"}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	h, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	ctx := context.Background()
	if err := h.openState(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.openPseudonyms(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.openLake(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.state.Vault().Put(ctx, r.ID(s), r.Raw); err != nil { // without a key, as it was once
		t.Fatal(err)
	}
	part := sinks.Part{Stream: s, Window: schemas.Window{From: day, To: day.Add(time.Hour)}, Rows: sinks.NewSpool(s.Table.ArrowSchema(), "", 0), Rejects: []schemas.Reject{r}}
	if _, err := h.lake.Commit(ctx, sinks.Batch{Parts: []sinks.Part{part}}); err != nil {
		t.Fatal(err)
	}
	return r.ID(s)
}

func (g *playground) bad(t *testing.T) map[string]badRow {
	t.Helper()
	var list []badRow
	g.paylake(t, "quarantine", "list", "--json").want(t, 0).json(t, &list)
	out := map[string]badRow{}
	for _, r := range list {
		out[r.RowID] = r
	}
	return out
}

const openMoney = "SELECT row_id, resolved_at IS NULL FROM quarantine"

// Rejected rows come in when a decoder, a check or the upstream has changed its
// mind, once, with chains and proofs as they should be; until then they say why.
func TestRedrive(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 60)
	stop := g.holding(t)
	g.withChecks(t, "{field: amount_minor, kind: range, min: -500000, severity: reject}")
	var posted atomic.Value
	var later atomic.Bool
	g.intercept(firstDay(func(at string) string {
		posted.Store(at)
		rows := []string{
			`{"id":"a","posted_at":"POSTED","type":"fee","amount":-10.00,"balance_after":9990.00}`,
			strings.ReplaceAll(`{"id":"large","posted_at":"LATE","type":"transfer_out","amount":-5000.01,"balance_after":4989.99,"counterparty_msisdn":"+994501234567"}`, "LATE", strings.Replace(at, "T10:00", "T10:01", 1)),
			strings.ReplaceAll(`{"id":"b","posted_at":"LATE","type":"transfer_out","amount":-1.00,"balance_after":4988.99,"counterparty_msisdn":"+994501234567"}`, "LATE", strings.Replace(at, "T10:00", "T10:02", 1)),
			`{"id":"gone","posted_at":"POSTED","type":"transfer_out","amount":-6000.00,"status":"pending","counterparty_msisdn":"+994777777701"}`,
		}
		resent := `{"id":"resent","posted_at":"POSTED","type":"fee","amount":"12,50","status":"pending"}`
		if later.Load() {
			resent = `{"id":"resent","posted_at":"POSTED","type":"fee","amount":"-12.50","status":"pending"}`
		}
		return strings.ReplaceAll(`{"currency":"AZN","rows":[`+strings.Join(append(rows, resent), ",")+`],"next_cursor":null}`, "POSTED", at)
	}))
	g.paylake(t, "run", "ledger").want(t, 3).says(t, "3 quarantined (-11000.01 AZN)", "rows of -500001 minor units are missing")
	at, err := time.Parse(time.RFC3339, posted.Load().(string))
	if err != nil {
		t.Fatal(err)
	}
	amount := int64(-333)
	stream := schemas.Stream{Source: "mpay", Wallet: g.bad(t)["large"].WalletID, Table: schemas.Ledger}
	planted := g.plant(t, stream, at, schemas.Reject{RowID: "planted", Reason: schemas.ReasonAmount, Field: "amount", Amount: &amount, Currency: "AZN",
		Raw: fmt.Appendf(nil, `{"id":"planted","posted_at":%q,"type":"fee","amount":-3.33,"status":"pending"}`, posted.Load())})
	before := len(g.csvLines(t, "SELECT 1 FROM snapshots"))

	// Nothing has changed but one decoder: a dry run says so and changes nothing.
	g.paylake(t, "quarantine", "redrive", "--all", "--dry-run").want(t, 3).says(t, "still bad: 3 rows, -11000.01 AZN, 1 without a readable amount\n", "3 of 4 rows still wait").
		says(t, "good: 1 rows, -3.33 AZN\n", "")
	g.paylake(t, "quarantine", "redrive", g.bad(t)["large"].ID).want(t, 3).says(t, "check_range amount_minor", "1 of 1 rows still wait")
	g.paylake(t, "quarantine", "redrive", planted).want(t, 0).says(t, "committed: 1 rows, -3.33 AZN\n", "")
	g.sameLines(t, openMoney, []string{"large,1", "gone,1", "resent,1", "planted,0"})
	g.sameLines(t, "SELECT entry_id, amount_minor FROM ledger", []string{"a,-1000", "b,-100", "planted,-333"})
	if now := len(g.csvLines(t, "SELECT 1 FROM snapshots")); now != before+2 { // the row that was planted, and that came in
		t.Errorf("%d parts, were %d", now, before)
	}
	g.paylake(t, "status").want(t, 0).says(t, "\nquarantined: 3, -11000.01 AZN, 1 without a readable amount; 1 more came in after all\n", "")

	// The check is relaxed, and one of its rows is about somebody who was erased.
	g.edit(t, "min: -500000,", "min: -700000,")
	g.paylake(t, "erase", "--msisdn", "+994777777701", "--reason", "request 1").want(t, 0)
	g.paylake(t, "quarantine", "redrive", "--reason", "check_range").want(t, 3).says(t, "committed: 1 rows, -5000.01 AZN\n", "").says(t, "not tried: 1 rows, -6000.00 AZN\n", "")
	g.sameLines(t, "SELECT uniqExact(counterparty), countIf(startsWith(counterparty, 'p1_')) FROM ledger WHERE entry_id IN ('large', 'b')", []string{"1,2"})
	g.sameLines(t, "SELECT count() FROM alarms WHERE check_name = 'balance_chain'", []string{"0"})

	// The upstream sends a good row itself.
	later.Store(true)
	g.paylake(t, "run", "ledger", "--from", at.Format(time.DateOnly), "--to", at.AddDate(0, 0, 1).Format(time.DateOnly)).want(t, 0).says(t, "2 inserted, 0 revised", "")
	g.sameLines(t, openMoney, []string{"large,0", "gone,0", "resent,0", "planted,0"})
	g.paylake(t, "quarantine", "redrive", g.bad(t)["resent"].ID).want(t, 0).says(t, "the upstream has sent a good row of this key since", "")
	g.paylake(t, "quarantine", "redrive", planted).want(t, 0).says(t, "there: 1 rows, -3.33 AZN\n", "")
	g.paylake(t, "verify").want(t, 0).says(t, "\nquarantined  2 rows, -6000.00 AZN, 1 without a readable amount; 2 more came in after all\n", "")
	stop()
	g.paylake(t, "rebuild").want(t, 0)
	g.sameLines(t, openMoney, []string{"large,0", "gone,0", "resent,0", "planted,0"})

	// Another wording of a visible row is nobody's newer word.
	other := g.plant(t, stream, at, schemas.Reject{RowID: "a", Reason: schemas.ReasonAmount, Currency: "AZN",
		Raw: fmt.Appendf(nil, `{"id":"a","posted_at":%q,"type":"fee","amount":-11.00,"balance_after":9989.00}`, posted.Load())})
	g.paylake(t, "quarantine", "redrive", other).want(t, 3).says(t, "overtaken", "")
	g.paylake(t, "consent", "revoke", "--wallet", stream.Wallet, "--reason", "test").want(t, 0)
	g.paylake(t, "quarantine", "redrive", other).want(t, 3).says(t, "nobody has consented", "")
	g.paylake(t, "quarantine", "redrive").want(t, 2).says(t, "", "--all")
}

// Rows on the queue: a running paylake tries them, what is good comes in, what is
// still bad stays in the quarantine and off the queue.
func TestRedriveQueued(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 60)
	g.withChecks(t, "{field: amount_minor, kind: range, min: -500000, severity: reject}")
	g.intercept(firstDay(func(at string) string {
		return strings.ReplaceAll(`{"currency":"AZN","rows":[{"id":"large","posted_at":"POSTED","type":"fee","amount":-6000.00,"status":"pending"},{"id":"larger","posted_at":"POSTED","type":"fee","amount":-9000.00,"status":"pending"}],"next_cursor":null}`, "POSTED", at)
	}))
	g.paylake(t, "run", "ledger").want(t, 3)
	g.edit(t, "min: -500000,", "min: -700000,")
	g.paylake(t, "quarantine", "redrive", "--all", "--queue", "--dry-run").want(t, 2)
	g.paylake(t, "quarantine", "redrive", "nothing", "--queue").want(t, 2).says(t, "", "no quarantined row")
	g.paylake(t, "quarantine", "redrive", "--all", "--queue").want(t, 0).says(t, "2 rows are queued", "")
	g.sameLines(t, openMoney, []string{"large,1", "larger,1"})
	r := g.up(t)
	defer r.stop()
	until(t, "the good one has come in", func() bool {
		return slices.Equal(g.csvLines(t, "SELECT entry_id FROM ledger WHERE entry_id IN ('large', 'larger')"), []string{"large"})
	})
	until(t, "nothing waits on the queue", func() bool { return strings.Contains(r.errs.String(), "still wait") })
	g.sameLines(t, openMoney, []string{"large,0", "larger,1"})
}

// A line of a file comes in when its mapping has learned to read it, and the
// file's own reading after that finds it there.
func TestRedriveOfFiles(t *testing.T) {
	t.Parallel()
	f := newFolder(t, "preset: birbank", "bank_entries")
	held(t, f.data())
	f.put(t, "a.csv", bankHead+"A1;acc;01.03.2026;10,00;;AZN;bir\nA2;acc;2026/03/02;20,00;;AZN;iki\nA3;acc;03.03.2026;30,00;;AZN;üç\nA4;acc;04.03.2026;4x;;AZN;\n")
	f.paylake(t, "run").want(t, 3).says(t, "2 inserted", "2 new rows in quarantine")
	f.paylake(t, "quarantine", "redrive", "--all").want(t, 3).says(t, "still bad: 2 rows", "")
	f.config(t, `{type: csv, url: "file://./in", time_zone: Asia/Baku, preset: birbank, mapping: {dates: [dd.MM.yyyy, yyyy/MM/dd]}}`, "bank_entries")
	f.paylake(t, "quarantine", "redrive", "--table", "bank_entries").want(t, 3).says(t, "committed: 1 rows, -20.00 AZN", "").says(t, "still bad: 1 rows", "")
	if got := f.sums(t, bankSums); got != "3,-6000,1" {
		t.Errorf("%s", got)
	}
	f.paylake(t, "run").want(t, 0).says(t, "0 rows moved, 3 duplicates, 0 quarantined", "")
	if got := f.sums(t, bankSums); got != "3,-6000,1" {
		t.Errorf("read again: %s", got)
	}
	f.paylake(t, "snapshots", "1").want(t, 0).says(t, "\nquarantined 2 rows, -20.00 AZN, 1 without a readable amount\n", "")
	f.paylake(t, "verify").want(t, 0)
	f.put(t, "a.csv", bankHead+"A1;acc;01.03.2026;10,00;;AZN;bir\n")
	f.paylake(t, "quarantine", "redrive", "--all").want(t, 3).says(t, "has changed since the row was refused", "")
	if err := os.Remove(f.dir + "/in/a.csv"); err != nil {
		t.Fatal(err)
	}
	f.paylake(t, "quarantine", "redrive", "--all").want(t, 3).says(t, "not tried: 1 rows", "")
}
