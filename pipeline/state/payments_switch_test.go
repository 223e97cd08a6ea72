package state

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// killed is what a decision sees of the switch.
func killed(t *testing.T, p Payments) (on bool) {
	t.Helper()
	if err := p.Decide(t.Context(), nil, time.Time{}, func(v PaymentView) ([]PaymentChange, error) {
		on = v.Killed
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	return on
}

// Every process sees the switch, decisions too; what people did to it is
// recorded once, with it.
func TestPaymentsSwitch(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, b, ctx := open(t, o), open(t, o), t.Context()
		expect := func(want PaymentSwitch, acts int) {
			t.Helper()
			s, err := b.Payments().Switch(ctx)
			if err != nil || s != want || killed(t, b.Payments()) != want.Killed {
				t.Errorf("%+v, %v", s, err)
			}
			if list, err := a.Acts(ctx); err != nil || len(list) != acts {
				t.Errorf("%+v, %v", list, err)
			}
		}
		expect(PaymentSwitch{}, 0)
		if err := a.Payments().Resume(ctx, "nobody", "it is off"); err != nil {
			t.Fatal(err)
		}
		expect(PaymentSwitch{}, 0)
		for range 2 {
			if err := a.Payments().Kill(ctx, "aysel", "a wrong file"); err != nil {
				t.Fatal(err)
			}
			expect(PaymentSwitch{true, "aysel", "a wrong file", clock}, 1)
		}
		for range 2 {
			if err := b.Payments().Resume(ctx, "murad", "the file is gone"); err != nil {
				t.Fatal(err)
			}
			expect(PaymentSwitch{false, "murad", "the file is gone", clock}, 2)
		}
		acts, err := a.Acts(ctx)
		if err != nil || acts[0].Action != "payments killed" || acts[0].Actor != "aysel" || acts[0].Reason != "a wrong file" || acts[1].Action != "payments resumed" {
			t.Errorf("%+v, %v", acts, err)
		}
	})
}

// A switch that cannot be read is on, and then nothing is decided.
func TestPaymentsSwitchUnreadable(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		if err := db.exec(t.Context(), `DELETE FROM payment_switch`); err != nil {
			t.Fatal(err)
		}
		if s, err := db.Payments().Switch(t.Context()); err == nil || !s.Killed {
			t.Errorf("%+v, %v", s, err)
		}
		err := db.Payments().Decide(t.Context(), nil, time.Time{}, func(PaymentView) ([]PaymentChange, error) {
			t.Error("decided")
			return nil, nil
		})
		if err == nil {
			t.Error("no error")
		}
		if err := db.Payments().Kill(t.Context(), "aysel", "now"); err == nil {
			t.Error("a switch that is not there was turned")
		}
	})
}

// Kill returns when the decisions that saw the switch off are over, those of
// another process too.
func TestPaymentsKillWaits(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, b := open(t, o), open(t, o)
		if _, err := b.vaultKey(t.Context()); err != nil { // what comes before a turn
			t.Fatal(err)
		}
		plan(t, a, paymentRow("pl_1", "draft"))
		var all sync.WaitGroup
		defer all.Wait()
		err := decideOne(t.Context(), a.Payments(), "pl_1", func(was PaymentRow) PaymentChange {
			soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			turned := make(chan error, 1)
			all.Go(func() { turned <- b.Payments().Kill(t.Context(), "aysel", "now") })
			select {
			case err := <-turned:
				t.Errorf("killed while a decision was under way: %v", err)
			case <-soon.Done():
			}
			r := was
			r.Status = "sending"
			return to(was, r, "claimed", "sender")
		})
		if err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if !killed(t, a.Payments()) {
			t.Error("the switch is off")
		}
	})
}

// Processes that make the key at the same moment have the same one.
func TestPaymentsKey(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		keys := make([][]byte, 6)
		var all sync.WaitGroup
		for i := range keys {
			db := open(t, o)
			all.Go(func() {
				var err error
				if keys[i], err = db.Payments().Key(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		db := open(t, o)
		for _, k := range keys {
			if len(k) != 32 || !bytes.Equal(k, keys[0]) || bytes.Equal(k, make([]byte, 32)) {
				t.Errorf("%x beside %x", k, keys[0])
			}
		}
		var sealed []byte
		if err := db.row(t.Context(), `SELECT key_sealed FROM payment_keys`).Scan(&sealed); err != nil || bytes.Contains(sealed, keys[0]) {
			t.Errorf("%x, %v", sealed, err)
		}
		o.Keeper = keeper(t)
		if _, err := open(t, o).Payments().Key(t.Context()); !errors.Is(err, ErrSealed) {
			t.Errorf("got %v", err)
		}
		o.Keeper = nil
		bare := open(t, o).Payments()
		_, key := bare.Key(t.Context())
		_, load := bare.Load(t.Context(), "pl_1")
		decide := bare.Decide(t.Context(), nil, time.Time{}, nil)
		for _, err := range []error{key, load, decide} {
			if !errors.Is(err, ErrNoKeeper) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestPaymentsBatch(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		p, ctx := open(t, o).Payments(), t.Context()
		if _, err := p.Batch(ctx, "b_1"); !errors.Is(err, ErrAbsent) {
			t.Errorf("got %v", err)
		}
		b := PaymentBatch{ID: "b_1", Job: "bills", Maker: "murad", At: clock, IDs: []string{"pl_1", `pl,"2"`}}
		later := b
		later.At, later.Maker = clock.Add(time.Hour), "somebody"
		if err := errors.Join(p.PutBatch(ctx, b), p.PutBatch(ctx, later)); err != nil {
			t.Fatal(err)
		}
		other, job := b, b
		other.IDs, job.Job = []string{"pl_1"}, "payouts"
		for _, wrong := range []PaymentBatch{other, job} {
			if err := p.PutBatch(ctx, wrong); !errors.Is(err, ErrTaken) {
				t.Errorf("got %v", err)
			}
		}
		got, err := p.Batch(ctx, "b_1")
		if err != nil || got.Job != "bills" || got.Maker != "murad" || !got.At.Equal(clock) || !slices.Equal(got.IDs, b.IDs) || got.ID != "b_1" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// Whoever gives up a decision on the way, or breaks, leaves nothing behind, and
// nobody waiting.
func TestPaymentsInterrupted(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		plan(t, db, paymentRow("pl_1", "draft"))
		before := stored(t, db)
		approve := func(was PaymentRow) PaymentChange {
			r := was
			r.Status = "approved"
			c := to(was, r, "approved", "aysel")
			c.Wake = true
			return c
		}
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			err := decideOne(ctx, db.Payments(), "pl_1", func(was PaymentRow) PaymentChange {
				cancel()
				return approve(was)
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			none := db.Payments().Decide(ctx, []string{"pl_1"}, someday, func(PaymentView) ([]PaymentChange, error) {
				t.Error("decided for somebody who had gone")
				return nil, nil
			})
			if !errors.Is(none, context.Canceled) {
				t.Errorf("got %v", none)
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic was swallowed")
					}
				}()
				_ = decideOne(t.Context(), db.Payments(), "pl_1", func(PaymentRow) PaymentChange { panic("broken") })
			}()
		}
		if after := stored(t, db); after != before {
			t.Errorf("rows, lines, deliveries, acts, steps: %v, before %v", after, before)
		}
		if err := decideOne(t.Context(), open(t, o).Payments(), "pl_1", approve); err != nil {
			t.Error(err)
		}
	})
}

// A server that does not wait for its disk waits for what is decided.
func TestPaymentsAreDurable(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		if db := open(t, o); !db.dollar {
			var level int
			if err := db.row(t.Context(), `PRAGMA synchronous`).Scan(&level); err != nil || level != 2 {
				t.Errorf("synchronous is %d, %v", level, err)
			}
			return
		}
		for given, want := range map[string]string{"off": "on", "local": "local", "remote_apply": "remote_apply"} {
			o := o
			o.URL += "?synchronous_commit=" + given
			db := open(t, o)
			var within, after string
			err := db.Payments().inTurn(t.Context(), func(ctx context.Context, tx *sql.Tx, _ bool) error {
				return tx.QueryRowContext(ctx, `SHOW synchronous_commit`).Scan(&within)
			})
			if err := errors.Join(err, db.row(t.Context(), `SHOW synchronous_commit`).Scan(&after)); err != nil {
				t.Fatal(err)
			}
			if within != want || after != given {
				t.Errorf("%s: within %s, afterwards %s", given, within, after)
			}
		}
	})
}
