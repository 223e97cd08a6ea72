package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// someday is far before every payment of these tests.
var someday = time.Unix(1, 0)

func paymentRow(id, status string) PaymentRow {
	return PaymentRow{ID: id, Tenant: "acme", Key: "key of " + id, Source: "psp", Job: "bills", Provider: "city-water", Currency: "KGS", Minor: 1250_00,
		Status: status, Body: []byte(`{"account":"canary of ` + id + `"}`)}
}

// to is a change from a row as it was to the row given.
func to(was, r PaymentRow, event, by string) PaymentChange {
	return PaymentChange{Row: r, Line: PaymentLine{ID: r.ID, At: clock, From: was.Status, To: r.Status, Event: event, By: by, Reason: "because",
		Notice: fmt.Appendf(nil, `{"payment_id":%q,"version":%d,"event":%q}`, r.ID, was.Version+1, event)}}
}

// decideOne changes one row, or makes it.
func decideOne(ctx context.Context, p Payments, id string, change func(was PaymentRow) PaymentChange) error {
	return p.Decide(ctx, []string{id}, time.Time{}, func(v PaymentView) ([]PaymentChange, error) {
		return []PaymentChange{change(v.Rows[id])}, nil
	})
}

func plan(t *testing.T, db *DB, rows ...PaymentRow) {
	t.Helper()
	for _, r := range rows {
		if err := decideOne(t.Context(), db.Payments(), r.ID, func(was PaymentRow) PaymentChange { return to(was, r, "planned", "sender") }); err != nil {
			t.Fatal(err)
		}
	}
}

// count counts rows of a table.
func count(t *testing.T, db *DB, table string) (n int64) {
	t.Helper()
	if err := db.row(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// stored counts everything that a decision can leave behind.
func stored(t *testing.T, db *DB) (n [5]int64) {
	t.Helper()
	for i, table := range []string{"payments", "payment_history", "inbox", "audit", "river_job"} {
		n[i] = count(t, db, table)
	}
	return n
}

// A change is stored with everything that belongs to it, under seal, and the
// register counts the versions.
func TestPaymentsDecide(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		p := db.Payments()
		if _, err := p.Load(ctx, "pl_1"); !errors.Is(err, ErrAbsent) {
			t.Errorf("got %v", err)
		}
		plan(t, db, paymentRow("pl_1", "draft"))
		err := decideOne(ctx, p, "pl_1", func(was PaymentRow) PaymentChange {
			r := was
			r.Status, r.Version, r.Committed, r.SentAt, r.NextAt, r.Body = "sending", 99, true, clock, clock.Add(time.Minute), []byte(`{"canary":2}`)
			c := to(was, r, "claimed", "aysel")
			c.Wake = true
			return c
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := open(t, o).Payments().Load(ctx, "pl_1")
		want := paymentRow("pl_1", "sending")
		if err != nil || got.Version != 2 || !got.Committed || !got.SentAt.Equal(clock) || !got.NextAt.Equal(clock.Add(time.Minute)) || string(got.Body) != `{"canary":2}` ||
			got.Tenant != want.Tenant || got.Key != want.Key || got.Source != want.Source || got.Job != want.Job || got.Provider != want.Provider || got.Currency != "KGS" || got.Minor != want.Minor {
			t.Errorf("%+v, %v", got, err)
		}
		lines, err := p.History(ctx, "pl_1")
		if err != nil || len(lines) != 2 || lines[0].From != "" || lines[0].To != "draft" || lines[1].Version != 2 || lines[1].From != "draft" || lines[1].To != "sending" ||
			lines[1].Event != "claimed" || lines[1].By != "aysel" || lines[1].Reason != "because" || !lines[1].At.Equal(clock) || lines[1].ID != "pl_1" || lines[1].Notice != nil {
			t.Errorf("%+v, %v", lines, err)
		}
		inbox, err := db.Inbox().Waiting(ctx, []string{"psp"}, 10)
		if err != nil || len(inbox) != 2 || inbox[1].Kind != "transition" || !inbox[1].ReceivedAt.Equal(clock) || string(inbox[1].Body) != `{"payment_id":"pl_1","version":2,"event":"claimed"}` {
			t.Errorf("%+v, %v", inbox, err)
		}
		acts, err := db.Acts(ctx)
		if err != nil || len(acts) != 2 || acts[0].Action != "payment planned" || acts[1].Actor != "aysel" || acts[1].Action != "payment claimed" || acts[1].Subject != "pl_1" || acts[1].Reason != "because" {
			t.Errorf("%+v, %v", acts, err)
		}
		if n, err := db.Waiting(ctx, PaymentStep); n != 1 || err != nil {
			t.Errorf("%d steps, %v", n, err)
		}
		var key string
		if err := db.row(ctx, `SELECT args FROM river_job`).Scan(&key); err != nil || !strings.Contains(key, `"pl_1"`) {
			t.Errorf("%s, %v", key, err)
		}
		for _, query := range []string{`SELECT sealed FROM payments`, `SELECT body FROM inbox`} {
			var sealed []byte
			if err := db.row(ctx, query).Scan(&sealed); err != nil || bytes.Contains(sealed, []byte("canary")) || bytes.Contains(sealed, []byte("payment_id")) {
				t.Errorf("%q, %v", sealed, err)
			}
		}
	})
}

// Whatever is wrong with one change, nothing of the whole decision is stored.
func TestPaymentsAllOrNothing(t *testing.T) {
	broken := errors.New("it must not be")
	for name, spoil := range map[string]func(c *PaymentChange) error{
		"decide fails":          func(*PaymentChange) error { return fmt.Errorf("no: %w", broken) },
		"a row not asked for":   func(c *PaymentChange) error { c.Row.ID, c.Line.ID = "pl_9", "pl_9"; return nil },
		"a taken key":           func(c *PaymentChange) error { c.Row.Key = "key of pl_1"; return nil },
		"a line of another":     func(c *PaymentChange) error { c.Line.ID = "pl_1"; return nil },
		"a line from elsewhere": func(c *PaymentChange) error { c.Line.From = "sending"; return nil },
		"a line to elsewhere":   func(c *PaymentChange) error { c.Line.To = "sending"; return nil },
		"no event":              func(c *PaymentChange) error { c.Line.Event = ""; return nil },
		"by nobody":             func(c *PaymentChange) error { c.Line.By = ""; return nil },
		"no notice":             func(c *PaymentChange) error { c.Line.Notice = nil; return nil },
		"a notice that went before": func(c *PaymentChange) error {
			c.Line.Notice = []byte(`{"payment_id":"pl_1","version":1,"event":"planned"}`)
			return nil
		},
		"no status":   func(c *PaymentChange) error { c.Row.Status, c.Line.To = "", ""; return nil },
		"no tenant":   func(c *PaymentChange) error { c.Row.Tenant = ""; return nil },
		"no currency": func(c *PaymentChange) error { c.Row.Currency = ""; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, o Options) {
				db := open(t, o)
				plan(t, db, paymentRow("pl_1", "draft"))
				before := stored(t, db)
				err := db.Payments().Decide(t.Context(), []string{"pl_1", "pl_2"}, someday, func(v PaymentView) ([]PaymentChange, error) {
					good, bad := v.Rows["pl_1"], to(PaymentRow{}, paymentRow("pl_2", "draft"), "planned", "aysel")
					good.Status = "approved"
					first := to(v.Rows["pl_1"], good, "approved", "aysel")
					first.Wake = true
					err := spoil(&bad)
					return []PaymentChange{first, bad}, err
				})
				if err == nil || name == "decide fails" && (!errors.Is(err, broken) || err.Error() != "no: it must not be") || name == "a taken key" && !errors.Is(err, ErrTaken) {
					t.Errorf("got %v", err)
				}
				if after := stored(t, db); after != before {
					t.Errorf("rows, lines, deliveries, acts, steps: %v, before %v", after, before)
				}
				if r, err := db.Payments().Load(t.Context(), "pl_1"); err != nil || r.Status != "draft" || r.Version != 1 {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

// A payment stays who it is, and one decision may change it twice.
func TestPaymentsIdentity(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, p := open(t, o), open(t, o).Payments()
		plan(t, db, paymentRow("pl_1", "draft"))
		for _, change := range []func(*PaymentRow){func(r *PaymentRow) { r.Tenant = "other" }, func(r *PaymentRow) { r.Key = "other" }} {
			err := decideOne(t.Context(), p, "pl_1", func(was PaymentRow) PaymentChange {
				r := was
				change(&r)
				return to(was, r, "edited", "sender")
			})
			if err == nil || !strings.Contains(err.Error(), "pl_1") {
				t.Errorf("got %v", err)
			}
		}
		err := p.Decide(t.Context(), []string{"pl_1"}, time.Time{}, func(v PaymentView) ([]PaymentChange, error) {
			first, second := v.Rows["pl_1"], v.Rows["pl_1"]
			first.Status, second.Status = "approved", "sending"
			a := to(v.Rows["pl_1"], first, "approved", "sender")
			first.Version = 2
			v.Rows["pl_1"] = PaymentRow{} // the map is decide's own
			return []PaymentChange{a, to(first, second, "claimed", "sender")}, nil
		})
		if r, lerr := p.Load(t.Context(), "pl_1"); err != nil || lerr != nil || r.Version != 3 || r.Status != "sending" {
			t.Errorf("%+v, %v, %v", r, err, lerr)
		}
	})
}

// A body opens at its own row alone, and history and rows stay.
func TestPaymentsTampered(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		plan(t, db, paymentRow("pl_1", "draft"), paymentRow("pl_2", "draft"))
		for _, query := range []string{`UPDATE payment_history SET reason = 'other'`, `DELETE FROM payment_history`, `DELETE FROM payments`} {
			if err := db.exec(ctx, query); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", query, err)
			}
		}
		if err := db.exec(ctx, `UPDATE payments SET sealed = (SELECT sealed FROM payments WHERE id = 'pl_1') WHERE id = 'pl_2'`); err != nil {
			t.Fatal(err)
		}
		p := db.Payments()
		_, load := p.Load(ctx, "pl_2")
		_, list := p.List(ctx, PaymentFilter{})
		decide := decideOne(ctx, p, "pl_2", func(was PaymentRow) PaymentChange {
			t.Error("a decision saw it")
			return PaymentChange{}
		})
		for _, err := range []error{load, list, decide} {
			if !errors.Is(err, ErrSealed) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestPaymentsListed(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		p := db.Payments()
		statuses := []string{"draft", "draft", "approved", "sending", "success", "draft"}
		for i, s := range statuses {
			r := paymentRow(fmt.Sprint("pl_", i), s)
			if i == 5 {
				r.Job, r.Source, r.Currency = "payouts", "other", "USD"
			}
			r.NextAt = clock.Add(time.Duration(-i) * time.Minute)
			if i == 1 {
				r.NextAt = time.Time{}
			}
			plan(t, db, r)
		}
		for _, c := range []struct {
			f    PaymentFilter
			want string
		}{
			{PaymentFilter{}, "pl_0 pl_1 pl_2 pl_3 pl_4 pl_5"},
			{PaymentFilter{Limit: 2}, "pl_0 pl_1"},
			{PaymentFilter{After: "pl_1", Limit: 2}, "pl_2 pl_3"},
			{PaymentFilter{Statuses: []string{"draft"}}, "pl_0 pl_1 pl_5"},
			{PaymentFilter{Statuses: []string{"draft", "success"}, Job: "bills"}, "pl_0 pl_1 pl_4"},
			{PaymentFilter{Source: "other"}, "pl_5"},
			{PaymentFilter{Source: "other", Job: "bills"}, ""},
		} {
			list, err := p.List(ctx, c.f)
			var ids []string
			for _, r := range list {
				ids = append(ids, r.ID)
				if string(r.Body) != `{"account":"canary of `+r.ID+`"}` {
					t.Errorf("%s: %s", r.ID, r.Body)
				}
			}
			if err != nil || strings.Join(ids, " ") != c.want {
				t.Errorf("%+v: %v, %v", c.f, ids, err)
			}
		}
		if ids, err := p.Due(ctx, clock.Add(-3*time.Minute), 10); err != nil || !slices.Equal(ids, []string{"pl_5", "pl_4", "pl_3"}) {
			t.Errorf("%v, %v", ids, err)
		}
		if ids, err := p.Due(ctx, clock, 2); err != nil || !slices.Equal(ids, []string{"pl_5", "pl_4"}) {
			t.Errorf("%v, %v", ids, err)
		}
		if ids, err := p.Due(ctx, clock, 10); err != nil || len(ids) != 5 || slices.Contains(ids, "pl_1") {
			t.Errorf("%v, %v", ids, err)
		}
		standing, err := p.Standing(ctx)
		want := []PaymentStanding{{"approved", "KGS", 1, 1250_00}, {"draft", "KGS", 2, 2500_00}, {"draft", "USD", 1, 1250_00}, {"sending", "KGS", 1, 1250_00}, {"success", "KGS", 1, 1250_00}}
		if err != nil || !slices.Equal(standing, want) {
			t.Errorf("%+v, %v", standing, err)
		}
		if list, err := p.History(ctx, "pl_99"); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// A decision sees what is committed since the instant it asks for, summed by
// whom and for whom; a sum that does not fit is an error and not another sum.
func TestPaymentsUse(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		p := db.Payments()
		sent := func(id string, at time.Time, change func(*PaymentRow)) {
			r := paymentRow(id, "sending")
			r.Committed, r.SentAt = true, at
			change(&r)
			plan(t, db, r)
		}
		same := func(*PaymentRow) {}
		sent("pl_1", clock, same)
		sent("pl_2", clock.Add(time.Second), same)
		sent("pl_3", clock.Add(-time.Microsecond), same)                               // the day before
		sent("pl_4", clock, func(r *PaymentRow) { r.Committed = false })               // refused
		sent("pl_5", time.Time{}, same)                                                // never sent
		sent("pl_6", clock, func(r *PaymentRow) { r.Currency, r.Minor = "USD", 7 })    //
		sent("pl_7", clock, func(r *PaymentRow) { r.Provider, r.Minor = "gas", 8 })    //
		sent("pl_8", clock, func(r *PaymentRow) { r.Tenant, r.Minor = "other", 9 })    //
		sent("pl_9", clock, func(r *PaymentRow) { r.Job, r.Minor = "payouts", 1<<52 }) //
		used := func(since time.Time) (list []PaymentUse, err error) {
			err = p.Decide(ctx, nil, since, func(v PaymentView) ([]PaymentChange, error) {
				list = v.Used
				return nil, nil
			})
			return list, err
		}
		list, err := used(clock)
		want := []PaymentUse{{"acme", "bills", "city-water", "KGS", 2500_00}, {"acme", "bills", "city-water", "USD", 7}, {"acme", "bills", "gas", "KGS", 8},
			{"acme", "payouts", "city-water", "KGS", 1 << 52}, {"other", "bills", "city-water", "KGS", 9}}
		if err != nil || !slices.Equal(list, want) {
			t.Errorf("%+v, %v", list, err)
		}
		if list, err := used(time.Time{}); err != nil || list != nil {
			t.Errorf("not asked: %+v, %v", list, err)
		}
		sent("pl_a", clock, func(r *PaymentRow) { r.Minor = math.MaxInt64 })
		if list, err := used(clock); err == nil {
			t.Errorf("an overflow is %+v", list)
		}
		if list, err := p.Standing(ctx); err == nil {
			t.Errorf("an overflow is %+v", list)
		}
	})
}

// More ids than a statement takes well, and the same one twice.
func TestPaymentsManyAtOnce(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		ids := []string{"pl_0000"}
		for i := range 1203 {
			ids = append(ids, fmt.Sprintf("pl_%04d", i))
		}
		decide := func(want int, status string) {
			t.Helper()
			err := db.Payments().Decide(t.Context(), ids, time.Time{}, func(v PaymentView) (changes []PaymentChange, err error) {
				if len(v.Rows) != want {
					t.Errorf("%d rows", len(v.Rows))
				}
				for _, id := range ids[1:] {
					changes = append(changes, to(v.Rows[id], paymentRow(id, status), "planned", "sender"))
				}
				return changes, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		decide(0, "draft")
		decide(1203, "withdrawn")
		if n := count(t, db, "payment_history"); n != 2406 {
			t.Error(n)
		}
	})
}

// What lists show is kept as it was shown last, once for an operation.
func TestListings(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		p := open(t, o).Payments()
		one := Listing{Source: "psp", OperationID: "7", PaymentID: "pl_a", Status: "processing", Currency: "KGS", Minor: 60_00, At: clock}
		other := one
		other.OperationID, other.At = "6", time.Time{}
		if err := p.Listed(t.Context(), []Listing{one, other}); err != nil {
			t.Fatal(err)
		}
		one.Status, one.Minor = "success", 61_00
		if err := errors.Join(p.Listed(t.Context(), []Listing{one, one}), p.Listed(t.Context(), nil)); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Listings(t.Context()); err != nil || !slices.Equal(got, []Listing{other, one}) {
			t.Errorf("%v, %+v", err, got)
		}
		if err := p.Listed(t.Context(), []Listing{{Source: "psp"}}); err == nil {
			t.Error("a listing of nothing was noted")
		}
	})
}
