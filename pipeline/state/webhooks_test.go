package state

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"
)

func addEndpoint(t *testing.T, db *DB, e Endpoint) Endpoint {
	t.Helper()
	e.URL, e.Form, e.Added = "https://receiver.example/"+e.Name, "standard", clock
	if e.Secrets == nil {
		e.Secrets = []EndpointSecret{{Text: "whsec_canary"}}
	}
	if err := db.Webhooks().Add(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	e, err := db.Webhooks().Endpoint(t.Context(), e.Name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func event(id string) Event {
	return Event{ID: id, Type: "payment.settled", At: clock, Body: []byte("canary of " + id)}
}

func waiting(t *testing.T, db *DB) int64 {
	t.Helper()
	n, err := db.Waiting(t.Context(), WebhookStep)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEndpoints(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		e := addEndpoint(t, db, Endpoint{Name: "crm", Types: []string{"payment.settled", "balance.low"}, Ordered: true, Applied: 7})
		if len(e.Types) != 2 || !e.Ordered || e.Applied != 7 || e.Secrets[0].Text != "whsec_canary" || !e.Added.Equal(clock) || !e.Open.IsZero() {
			t.Errorf("%+v", e)
		}
		if err := db.Webhooks().Add(t.Context(), e); !errors.Is(err, ErrTaken) {
			t.Errorf("got %v", err)
		}
		if _, err := db.Webhooks().Endpoint(t.Context(), "other"); !errors.Is(err, ErrAbsent) {
			t.Errorf("got %v", err)
		}
		until := clock.Add(time.Hour)
		if err := db.Webhooks().SetSecrets(t.Context(), "crm", []EndpointSecret{{Text: "whsec_fresh"}, {"whsec_canary", until}}); err != nil {
			t.Fatal(err)
		}
		other := addEndpoint(t, db, Endpoint{Name: "erp"})
		all, err := db.Webhooks().Endpoints(t.Context())
		if err != nil || len(all) != 2 || len(all[0].Secrets) != 2 || !all[0].Secrets[1].Until.Equal(until) {
			t.Errorf("%+v %v", all, err)
		}
		var sealed []byte
		if err := db.row(t.Context(), `SELECT secrets FROM webhook_endpoints WHERE name = 'crm'`).Scan(&sealed); err != nil || bytes.Contains(sealed, []byte("whsec_")) {
			t.Errorf("stored %q %v", sealed, err)
		}
		if err := db.exec(t.Context(), `UPDATE webhook_endpoints SET secrets = ? WHERE name = ?`, sealed, other.Name); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Webhooks().Endpoints(t.Context()); !errors.Is(err, ErrSealed) {
			t.Errorf("secrets of another endpoint were opened: %v", err)
		}
		o.Keeper = nil
		if err := open(t, o).Webhooks().Add(t.Context(), Endpoint{Name: "bare"}); !errors.Is(err, ErrNoKeeper) {
			t.Errorf("got %v", err)
		}
	})
}

// Events, position and steps are one transaction; an event that is put again
// is no second message, whatever became of the first.
func TestOutbox(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		w := db.Webhooks()
		crm, erp := addEndpoint(t, db, Endpoint{Name: "crm"}), addEndpoint(t, db, Endpoint{Name: "erp", Applied: 9})
		mail := []Mail{{erp.ID, 3, []Event{event("evt_2")}}, {crm.ID, 0, []Event{event("evt_1"), event("evt_2"), event("evt_1")}}}
		for range 2 {
			if err := w.Put(ctx, 5, mail); err != nil {
				t.Fatal(err)
			}
			if n := waiting(t, db); n != 3 {
				t.Fatalf("%d steps", n)
			}
		}
		crm, _ = w.Endpoint(ctx, "crm")
		erp, _ = w.Endpoint(ctx, "erp")
		if crm.Applied != 5 || erp.Applied != 9 {
			t.Errorf("applied %d and %d", crm.Applied, erp.Applied)
		}
		list, err := w.Sendings(ctx, crm.ID, "", 10)
		if err != nil || len(list) != 2 || list[0].Event.ID != "evt_2" || list[0].Status != "pending" || list[0].Event.Snapshot != 5 || list[0].Event.Body != nil {
			t.Fatalf("%+v %v", list, err)
		}
		one, err := w.Load(ctx, list[1].ID)
		if err != nil || string(one.Event.Body) != "canary of evt_1" || one.Endpoint.Secrets[0].Text != "whsec_canary" || !one.First.IsZero() {
			t.Fatalf("%+v %v", one, err)
		}
		var sealed []byte
		if err := db.row(ctx, `SELECT sealed FROM webhook_events WHERE id = 'evt_1'`).Scan(&sealed); err != nil || bytes.Contains(sealed, []byte("canary")) {
			t.Errorf("stored %q %v", sealed, err)
		}
		if _, err := w.Load(ctx, 999); !errors.Is(err, ErrAbsent) {
			t.Errorf("got %v", err)
		}
		// A transaction that fails leaves neither event nor step nor position.
		if err := db.exec(ctx, `ALTER TABLE river_job RENAME TO gone`); err != nil {
			t.Fatal(err)
		}
		if err := w.Put(ctx, 6, []Mail{{crm.ID, 5, []Event{event("evt_3")}}}); err == nil {
			t.Fatal("stored without its step")
		}
		if err := db.exec(ctx, `ALTER TABLE gone RENAME TO river_job`); err != nil {
			t.Fatal(err)
		}
		crm, _ = w.Endpoint(ctx, "crm")
		if list, err := w.Sendings(ctx, crm.ID, "", 10); err != nil || len(list) != 2 || crm.Applied != 5 {
			t.Errorf("%d deliveries, applied %d, %v", len(list), crm.Applied, err)
		}
	})
}

func TestDeliveriesSettle(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		w := db.Webhooks()
		e := addEndpoint(t, db, Endpoint{Name: "crm", Ordered: true})
		if err := w.Put(ctx, 1, []Mail{{e.ID, 0, []Event{event("evt_1"), event("evt_2")}}}); err != nil {
			t.Fatal(err)
		}
		list, _ := w.Sendings(ctx, e.ID, "pending", 10)
		first, second := list[1].ID, list[0].ID
		load := func(id int64) Sending {
			t.Helper()
			s, err := w.Load(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if a, b := load(first), load(second); a.Blocked || !b.Blocked {
			t.Errorf("blocked: %t %t", a.Blocked, b.Blocked)
		}
		if err := w.Hold(ctx, first, clock.Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := w.Hold(ctx, first, clock); err != nil { // it was its turn before
			t.Fatal(err)
		}
		s := load(first)
		open := clock.Add(time.Hour)
		if err := w.Settle(ctx, s, Attempt{Status: "pending", At: clock, First: s.First, Next: clock.Add(5 * time.Second), Code: 500, Error: "answered 500", Open: open}); err != nil {
			t.Fatal(err)
		}
		s = load(first)
		if s.Tries != 1 || s.Code != 500 || s.Endpoint.Failures != 1 || !s.Endpoint.Open.Equal(open) || !s.First.Equal(clock.Add(-time.Minute)) || waiting(t, db) != 2 {
			t.Errorf("%+v, %d steps", s, waiting(t, db))
		}
		if ours, err := w.Probe(ctx, e.ID, open, open.Add(time.Minute)); !ours || err != nil {
			t.Errorf("%t %v", ours, err)
		}
		if ours, err := w.Probe(ctx, e.ID, open, open.Add(time.Minute)); ours || err != nil {
			t.Errorf("probed by two: %t %v", ours, err)
		}
		if err := w.Settle(ctx, s, Attempt{Status: "delivered", At: clock, First: s.First, Code: 200, Taken: true}); err != nil {
			t.Fatal(err)
		}
		s = load(second)
		if s.Blocked || s.Endpoint.Failures != 0 || !s.Endpoint.Open.IsZero() || waiting(t, db) != 3 { // the step of the second was queued behind the first
			t.Errorf("%+v, %d steps", s, waiting(t, db))
		}
		if err := w.Settle(ctx, s, Attempt{Status: "dead", At: clock, First: clock, Code: 410, Error: "gone", Disabled: "410"}); err != nil {
			t.Fatal(err)
		}
		if s = load(second); s.Status != "dead" || s.Endpoint.Disabled != "410" {
			t.Errorf("%+v", s)
		}
		if n, err := w.Replay(ctx, e.ID, ""); n != 1 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		if s = load(second); s.Status != "pending" || s.Tries != 0 || !s.First.IsZero() {
			t.Errorf("%+v", s)
		}
		before := waiting(t, db)
		if err := w.Enable(ctx, "crm"); err != nil || waiting(t, db) != before+1 || load(second).Endpoint.Disabled != "" {
			t.Errorf("%d steps, %v", waiting(t, db)-before, err)
		}
		if n, err := w.Replay(ctx, e.ID, "evt_1"); n != 1 || err != nil || load(first).Status != "pending" {
			t.Errorf("%d %v", n, err)
		}
		if n, err := w.Replay(ctx, e.ID, "evt_9"); n != 0 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		if changed, err := w.ChangedSince(ctx, clock, first, 10); err != nil || len(changed) != 1 || changed[0].ID != second {
			t.Errorf("%+v %v", changed, err)
		}
	})
}

// Messages that everybody has are dropped; their ids are not.
func TestOutboxIsPruned(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		w := db.Webhooks()
		e := addEndpoint(t, db, Endpoint{Name: "crm"})
		mail := []Mail{{e.ID, 0, []Event{event("evt_1"), event("evt_2")}}}
		if err := w.Put(ctx, 1, mail); err != nil {
			t.Fatal(err)
		}
		list, _ := w.Sendings(ctx, e.ID, "", 10)
		if err := w.Settle(ctx, list[1], Attempt{Status: "delivered", At: clock, First: clock, Code: 200, Taken: true}); err != nil {
			t.Fatal(err)
		}
		if err := w.Prune(ctx, clock.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		gone, err := w.Load(ctx, list[1].ID)
		kept, kerr := w.Load(ctx, list[0].ID)
		if err != nil || kerr != nil || gone.Event.Body != nil || kept.Event.Body == nil {
			t.Errorf("%q %v, %q %v", gone.Event.Body, err, kept.Event.Body, kerr)
		}
		if n, err := w.Replay(ctx, e.ID, "evt_1"); n != 0 || err != nil {
			t.Errorf("a message without a text is sent again: %d %v", n, err)
		}
		steps := waiting(t, db)
		if err := w.Put(ctx, 1, mail); err != nil || waiting(t, db) != steps {
			t.Errorf("told twice: %d steps more, %v", waiting(t, db)-steps, err)
		}
		if n, err := w.Replay(ctx, e.ID, "evt_1"); n != 1 || err != nil { // the lake gave it back
			t.Errorf("%d %v", n, err)
		}
	})
}

// What puts, settles and replays side by side, in two processes, loses nothing.
func TestOutboxTogether(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, b := open(t, o), open(t, o)
		e := addEndpoint(t, a, Endpoint{Name: "crm"})
		errs := make(chan error, 2)
		for _, db := range []*DB{a, b} {
			go func() {
				for i := range 20 {
					id := fmt.Sprintf("evt_%d", i)
					if err := db.Webhooks().Put(t.Context(), int64(i+1), []Mail{{e.ID, int64(i), []Event{event(id), event(id + "b")}}}); err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		list, lerr := a.Webhooks().Sendings(t.Context(), e.ID, "", 100)
		if e, err := a.Webhooks().Endpoint(t.Context(), "crm"); err != nil || e.Applied != 20 {
			t.Errorf("applied %d, %v", e.Applied, err)
		}
		if err := a.Webhooks().Rewind(t.Context(), "crm", 8); err != nil {
			t.Fatal(err)
		}
		if err := b.Webhooks().Put(t.Context(), 21, []Mail{{Endpoint: e.ID, From: 20}}); err != nil { // by a follower that was under way
			t.Fatal(err)
		}
		if e, err := a.Webhooks().Endpoint(t.Context(), "crm"); err != nil || e.Applied != 7 {
			t.Errorf("applied %d, %v", e.Applied, err)
		}
		if lerr != nil || len(list) != 40 || waiting(t, a) != 40 {
			t.Errorf("%d deliveries, %d steps, %v", len(list), waiting(t, a), lerr)
		}
		var n int
		if err := a.transact(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM webhook_events`).Scan(&n)
		}); err != nil || n != 40 {
			t.Errorf("%d events, %v", n, err)
		}
	})
}

// What no manifest brings: runs that failed, consents that end.
func TestWhatEndpointsAreToldBesides(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		for i, code := range []int{0, 1, 3, 4, 5, 130, 1} {
			end := clock.Add(-time.Duration(i) * time.Hour)
			if err := db.Runs().Record(ctx, Run{ID: fmt.Sprint("r", i), Pipeline: "p", Started: end.Add(-time.Minute), Finished: end, Code: code, Report: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
		}
		failed, err := db.Runs().Failed(ctx, clock.Add(-5*time.Hour))
		if err != nil || len(failed) != 2 || failed[0].ID != "r3" || failed[1].ID != "r1" {
			t.Errorf("%+v %v", failed, err)
		}
		for wallet, until := range map[string]time.Time{"soon": clock.Add(24 * time.Hour), "later": clock.Add(8 * 24 * time.Hour), "revoked": clock.Add(time.Hour)} {
			if _, err := db.Consents().Grant(ctx, []Consent{{Source: "mpay", Wallet: wallet, Purposes: []string{"analytics"}, Until: until}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Consents().Revoke(ctx, "mpay", "revoked", "x", "y"); err != nil {
			t.Fatal(err)
		}
		ending, err := db.Consents().Ending(ctx, clock.Add(7*24*time.Hour))
		if err != nil || len(ending) != 1 || ending[0].Wallet != "soon" {
			t.Errorf("%+v %v", ending, err)
		}
	})
}
