package chaos

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks/lake"
)

// Clocks are wrong by up to two hours, and corrected in one step: at any moment
// of a run and between runs, paylake's own clock and the upstream's, each by
// itself. True time goes on below both.
const clockStep = 2 * time.Hour

// steps makes a clock step when it is looked at for the nth time.
type steps struct {
	true  *clock
	off   time.Duration
	looks int
	plan  map[int]time.Duration // by look: what the clock is off from then on
	made  map[string]int
	name  string
}

func (s *steps) Now() time.Time {
	s.looks++
	if off, ok := s.plan[s.looks]; ok && off != s.off {
		s.made[fmt.Sprintf("%s steps %s", s.name, direction(off-s.off))]++
		s.off = off
	}
	return s.true.Now().Add(s.off)
}

func direction(d time.Duration) string {
	if d < 0 {
		return "back"
	}
	return "ahead"
}

// draw plans a few steps among the looks of the next run.
func (s *steps) draw(d dice) {
	s.plan = map[int]time.Duration{}
	for range d("clock steps", 4) {
		s.plan[s.looks+1+d("look", 60)] = []time.Duration{-clockStep, -time.Hour, 0, time.Hour, clockStep}[d("off", 5)]
	}
}

// inOrder fails when what the lake wrote down is out of order: sequences without
// a gap, each after its predecessor, and a lake that verifies whatever the clock
// said.
func inOrder(l *lake.Lake) error {
	next := int64(1)
	for e, err := range l.Manifests(context.Background(), 1) {
		if err != nil {
			return err
		}
		if e.Sequence != next {
			return fmt.Errorf("manifest %d follows %d", e.Sequence, next-1)
		}
		next++
	}
	return nil
}

// Wallets: tokens that seem to be expired or to live longer, rows of the future,
// look-backs that begin too late or too early. Once all clocks agree the lake is
// the ledger.
func TestClockStepsWallets(t *testing.T) {
	made, seen := map[string]int{}, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		d := drawn(rt)
		w, err := newWalletWorld(d, seen)
		if err != nil {
			rt.Fatal(err)
		}
		defer w.lake.Close()
		if err := w.clocks(d, made); err != nil {
			rt.Fatal(err)
		}
	})
	met(t, made, "paylake steps back", "paylake steps ahead", "upstream steps back", "upstream steps ahead", "a run at the wrong time")
}

func (w *walletWorld) clocks(d dice, made map[string]int) error {
	own, theirs := &steps{true: w.clock, made: made, name: "paylake"}, &steps{true: w.clock, made: made, name: "upstream"}
	w.ownClock, w.theirClock = own.Now, theirs.Now
	for range 4 + d("runs", 10) {
		own.draw(d)
		theirs.draw(d)
		for range 1 + d("rows", 12) {
			w.post(w.sheet.Cards[d("wallet", len(w.sheet.Cards))].ID, w.clock.Now().Add(-time.Duration(d("ago", 3600))*time.Second), 0)
		}
		if own.off != 0 {
			made["a run at the wrong time"]++
		}
		if _, err := w.run(); err != nil {
			return err
		}
		w.clock.move(time.Duration(1+d("hours", 30)) * time.Hour)
	}
	own.plan, own.off, theirs.plan, theirs.off = nil, 0, nil, 0
	if err := w.finish(); err != nil {
		return err
	}
	return inOrder(w.lake)
}

// Platforms: the same.
func TestClockStepsPlatforms(t *testing.T) {
	made, seen := map[string]int{}, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		d := drawn(rt)
		w, err := newPlatformWorld(d, seen)
		if err != nil {
			rt.Fatal(err)
		}
		defer w.lake.Close()
		if err := w.clocks(d, made); err != nil {
			rt.Fatal(err)
		}
	})
	met(t, made, "paylake steps back", "paylake steps ahead", "upstream steps back", "upstream steps ahead", "a run at the wrong time")
}

func (w *platformWorld) clocks(d dice, made map[string]int) error {
	own, theirs := &steps{true: w.clock, made: made, name: "paylake"}, &steps{true: w.clock, made: made, name: "upstream"}
	w.ownClock, w.theirClock = own.Now, theirs.Now
	for range 4 + d("runs", 8) {
		own.draw(d)
		theirs.draw(d)
		for range 1 + d("rows", 12) {
			w.post()
		}
		for range d("updates", 6) {
			w.update(w.any())
		}
		if own.off != 0 {
			made["a run at the wrong time"]++
		}
		if v, err := w.run(); err != nil || v.Code == pipeline.CodeFinding {
			return fmt.Errorf("%v %w", v, err)
		}
		w.clock.move(time.Duration(1+d("hours", 40)) * time.Hour)
	}
	own.plan, own.off, theirs.plan, theirs.off = nil, 0, nil, 0
	if err := w.finish(); err != nil {
		return err
	}
	return inOrder(w.lake)
}
