package state

import (
	"errors"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks"
)

const clockStep = 2 * time.Hour

// A lease is a lock and knows no time: it is held, and free, whatever the clock says.
func TestLeasesKnowNoClock(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		now := clock
		o.Now = func() time.Time { return now }
		a, b, ctx := open(t, o), open(t, o), t.Context()
		release, err := a.Lease(ctx, "pipeline/ledger")
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []time.Duration{clockStep, -2 * clockStep, 1000 * time.Hour, -2000 * time.Hour} {
			now = now.Add(step)
			if _, err := b.Lease(ctx, "pipeline/ledger"); !errors.Is(err, sinks.ErrBusy) {
				t.Errorf("taken twice after a step of %s: %v", step, err)
			}
		}
		release()
		eventually(t, b, "pipeline/ledger")
	})
}

// A clock that runs for a day and is set two hours back, or two hours ahead and
// back again: no hour is given twice, and hours are given again as soon as the
// clock has passed the last one that was, two hours later at most.
func TestTurnsUnderClockSteps(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		now := clock
		o.Now = func() time.Time { return now }
		all, ctx := []*DB{open(t, o), open(t, o)}, t.Context()
		given := map[time.Time]int{}
		ask := func() (mine int) {
			for _, db := range all {
				ok, err := db.Turn(ctx, "ledger", now)
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					mine++
					given[now]++
				}
			}
			return mine
		}
		for _, step := range []time.Duration{-clockStep, clockStep, -clockStep} {
			for range 3 {
				now = now.Add(30 * time.Minute)
				ask()
			}
			now = now.Add(step)
			waited := time.Duration(0)
			for ; ask() == 0; now = now.Add(30 * time.Minute) {
				if waited += 30 * time.Minute; waited > clockStep+30*time.Minute {
					t.Fatalf("no turn %s after a step of %s", waited, step)
				}
			}
			if step > 0 && waited > 0 {
				t.Errorf("a step of %s kept a turn back for %s", step, waited)
			}
		}
		for hour, n := range given {
			if n != 1 {
				t.Errorf("%s was given %d times", hour, n)
			}
		}
		if len(given) < 9 {
			t.Errorf("only %d hours were given", len(given))
		}
	})
}

// What a wallet's owner said last counts, whatever the clock said then: consented
// again on a clock that was set back, the wallet is shown; revoked on such a clock, it is hidden.
// Its receipts have what the clock said.
func TestConsentsUnderClockSteps(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		now := clock
		o.Now = func() time.Time { return now }
		db, ctx := open(t, o), t.Context()
		c := db.Consents()
		hidden := func(want int, when string) {
			t.Helper()
			list, err := c.Withdrawn(ctx)
			if err != nil || (len(list) > 0) != (want > 0) {
				t.Errorf("%s: %+v, %v", when, list, err)
			}
			if live, err := c.Standing(ctx, "mpay"); err != nil || len(live) != 1-want {
				t.Errorf("%s: %+v, %v", when, live, err)
			}
		}
		ids := map[string]bool{}
		for _, step := range []time.Duration{0, -clockStep, 0, clockStep, -clockStep} {
			now = now.Add(step)
			made, err := c.Grant(ctx, []Consent{consentOf("w1", 90, "analytics")})
			if err != nil || ids[made[0].ID] {
				t.Fatalf("%+v, %v", made, err)
			}
			ids[made[0].ID] = true
			hidden(0, "consented after a step of "+step.String())
			now = now.Add(step)
			if _, err := c.Revoke(ctx, "mpay", "w1", "tester", "asked by its owner"); err != nil {
				t.Fatal(err)
			}
			hidden(1, "revoked after a step of "+step.String())
		}
		receipts, err := c.Receipts(ctx)
		if err != nil || len(receipts) != 10 || !receipts[0].At.Equal(clock) || !receipts[2].At.Equal(clock.Add(-clockStep)) {
			t.Errorf("%+v, %v", receipts, err)
		}
	})
}

// A session that was saved last is the one that is loaded, whatever the clock said.
func TestSessionsUnderClockSteps(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		now := clock
		o.Now = func() time.Time { return now }
		db, ctx := open(t, o), t.Context()
		for _, tokens := range []string{"first", "second", "third"} {
			if err := db.Sessions().Save(ctx, "mpay", "w1", []byte(tokens)); err != nil {
				t.Fatal(err)
			}
			now = now.Add(-clockStep)
			if got, err := db.Sessions().Load(ctx, "mpay", "w1"); err != nil || string(got) != tokens {
				t.Errorf("%q, %v", got, err)
			}
		}
	})
}
