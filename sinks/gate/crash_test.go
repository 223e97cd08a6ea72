package gate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
)

// mortal is a process: after so many durable steps it is dead, and whatever it
// does then fails.
type mortal struct {
	register *gatetest.Register
	platform gate.Platform
	left     int // steps; below 0: immortal
	passed   int
	dead     bool
}

// step is one moment at which a process may die.
func (m *mortal) step() error {
	if m.dead {
		return gatetest.ErrDied
	}
	m.passed++
	if m.left >= 0 && m.passed > m.left {
		m.dead = true
		return gatetest.ErrDied
	}
	return nil
}

func (m *mortal) Decide(ctx context.Context, ask gate.Ask, decide func(gate.View) ([]gate.Change, error)) error {
	if err := m.step(); err != nil {
		return err
	}
	if err := m.register.Decide(ctx, ask, decide); err != nil {
		return err
	}
	return m.step()
}

func (m *mortal) Load(ctx context.Context, id string) (gate.Intent, error) {
	if m.dead {
		return gate.Intent{}, gatetest.ErrDied
	}
	return m.register.Load(ctx, id)
}

func (m *mortal) Killed(ctx context.Context) (bool, error) {
	if err := m.step(); err != nil {
		return true, err
	}
	return m.register.Killed(ctx)
}

func (m *mortal) Sale(ctx context.Context, body []byte) gate.Reply {
	if m.step() != nil {
		return gate.Reply{Kind: gate.NotSent}
	}
	r := m.platform.Sale(ctx, body)
	_ = m.step()
	return r
}

func (m *mortal) Clarify(ctx context.Context, id, code string) gate.Reply {
	if m.step() != nil {
		return gate.Reply{Kind: gate.NotSent}
	}
	r := m.platform.Clarify(ctx, id, code)
	_ = m.step()
	return r
}

func (m *mortal) Status(ctx context.Context, id string) (gate.Evidence, error) {
	if err := m.step(); err != nil {
		return gate.Evidence{}, err
	}
	return m.platform.Status(ctx, id)
}

// worldly is one history: a platform's behaviour, and where processes die.
type worldly struct {
	*house
	dice   *rand.Rand
	truth  bool // the platform's "not found" is true, or its payment_id protects
	mail   [][]byte
	twice  bool
	forget bool
	quiet  [2]bool // callbacks, status answers: they name no sum
}

func newWorldly(tb testing.TB, b gatetest.Behaviour, dice *rand.Rand) *worldly {
	w := &worldly{dice: dice, twice: dice.IntN(2) == 0, forget: dice.IntN(4) == 0}
	w.truth = !w.forget || !w.twice
	w.quiet = [2]bool{dice.IntN(3) == 0, dice.IntN(4) == 0}
	o := gatetest.Options{Sumless: func(poll bool) bool { return poll && w.quiet[1] || !poll && w.quiet[0] }, Twice: w.twice, Tell: func(body []byte) { w.mail = append(w.mail, body) },
		Behave: func(_ string, nth int) gatetest.Behaviour {
			if nth == 0 {
				return b
			}
			return gatetest.Behaviours()[nth%2]
		}}
	if w.forget {
		o.Forget = func(_ string, nth int) bool { return nth < 40 }
	}
	if n := dice.IntN(5); n > 0 {
		o.Later = func(_ string, nth int) bool { return nth%5 < n-1 }
	}
	w.house = newHouse(tb, o)
	return w
}

// process begins one that lives for so many steps.
func (w *worldly) process(left int) (*mortal, *gate.Sender) {
	m := &mortal{register: w.register, platform: w.client, left: left}
	s := w.sender()
	s.Register, s.Platform = m, func(string) (gate.Platform, error) { return m, nil }
	return m, s
}

// controlled plays a history with a sender that lacks something.
func controlled(tb testing.TB, b gatetest.Behaviour, seed uint64, platform func(gate.Platform) gate.Platform, register func(gate.Register) gate.Register) (*worldly, string) {
	tb.Helper()
	w := newWorldly(tb, b, rand.New(rand.NewPCG(seed, 99)))
	id := w.ready(tb, "k", 120_00)
	for _, left := range []int{w.dice.IntN(steps), -1} {
		m, s := w.process(left)
		if platform != nil {
			s.Platform = func(string) (gate.Platform, error) { return platform(m), nil }
		}
		if register != nil {
			s.Register = register(m)
		}
		w.live(tb, m, s, id)
	}
	return w, id
}

// live lets a process do what there is to do, for hours; it returns where it
// died or when nothing changes any more.
func (w *worldly) live(tb testing.TB, m *mortal, s *gate.Sender, id string) {
	tb.Helper()
	ctx := context.Background()
	for range 60 {
		it, err := s.Register.Load(ctx, id)
		if err != nil {
			return
		}
		if it.Status.Final() && len(w.mail) == 0 {
			return
		}
		switch {
		case it.Status == gate.Approved:
			_, err = s.Send(ctx, id, "")
		case it.Again && w.truth && w.dice.IntN(3) == 0:
			_, err = s.Send(ctx, id, "nigar")
		case it.Status == gate.Accepted && !it.CodeAsked.IsZero() && (it.CodeState == "" || it.CodeState == gate.CodeRefused) && w.dice.IntN(3) > 0:
			_, err = s.Confirm(ctx, id, []string{"4711", "4711", "0000"}[w.dice.IntN(3)])
		default:
			_, err = s.Drive(ctx, id)
		}
		if errors.Is(err, gatetest.ErrDied) || m.dead {
			return
		}
		if err != nil && !errors.Is(err, gate.ErrState) {
			tb.Fatalf("%v", err)
		}
		w.hear(tb, s)
		if m.dead {
			return
		}
		w.now = w.now.Add([]time.Duration{time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 40 * time.Minute}[w.dice.IntN(5)])
	}
}

// hear delivers callbacks, some never, some twice, in any order.
func (w *worldly) hear(tb testing.TB, s *gate.Sender) {
	tb.Helper()
	var later [][]byte
	for _, body := range w.mail {
		switch w.dice.IntN(4) {
		case 0:
			later = append(later, body)
			continue
		case 1: // lost
			continue
		case 2:
			later = append(later, body)
		}
		id, e, ok := gate.ReadCallback(body, w.now)
		if !ok {
			tb.Fatalf("a callback that cannot be read: %s", body)
		}
		if err := s.Hear(context.Background(), "psp", id, e); err != nil && !errors.Is(err, gatetest.ErrDied) {
			tb.Fatal(err)
		}
	}
	w.mail = later
}

// judge says what is wrong with an end.
func (w *worldly) judge(id string, it gate.Intent) error {
	executed := w.gate.Executed(id)
	asked := w.gate.Asked(id)
	for _, body := range asked {
		if body != asked[0] {
			return errors.New("two requests with different bytes under one payment_id")
		}
	}
	switch {
	case executed > 1:
		return fmt.Errorf("executed %d times", executed)
	case it.Status == gate.Success && executed != 1, it.Status == gate.Decline && executed != 0:
		return fmt.Errorf("%s, and executed %d times", it.Status, executed)
	case it.Status == gate.Success && w.quiet == [2]bool{true, true}:
		return errors.New("settled, and nobody has named a sum")
	case !it.Status.Final() && it.Finding == "":
		return fmt.Errorf("stuck as %s (told %q) and nobody is told", it.Status, it.Told)
	}
	return nil
}

func cases(tb testing.TB, small int) int {
	tb.Helper()
	if text := os.Getenv("PAYLAKE_TEST_CASES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			tb.Fatalf("PAYLAKE_TEST_CASES=%q is no number", text)
		}
		return n
	}
	return small
}

// steps is how many moments a process may die at in a history without deaths.
const steps = 24

// history plays one: a first process that dies at a step, a second that may die
// too, and one that lives.
func history(tb testing.TB, b gatetest.Behaviour, seed uint64, die int) (*worldly, string, gate.Intent, bool) {
	tb.Helper()
	w := newWorldly(tb, b, rand.New(rand.NewPCG(seed, uint64(die)<<8|uint64(len(b)))))
	id := w.ready(tb, fmt.Sprintf("k%d", seed), 120_00)
	m, s := w.process(die)
	w.live(tb, m, s, id)
	died := m.dead
	m, s = w.process(w.dice.IntN(2 * steps))
	w.live(tb, m, s, id)
	w.now = w.now.Add(time.Duration(w.dice.IntN(180)) * time.Minute)
	m, s = w.process(-1)
	w.live(tb, m, s, id)
	for range 200 { // nobody does anything but ask, for hours
		if it := w.load(tb, id); it.Status.Final() || it.Finding != "" {
			break
		}
		w.now = w.now.Add(10 * time.Minute)
		if _, err := s.Drive(context.Background(), id); err != nil {
			tb.Fatal(err)
		}
	}
	return w, id, w.load(tb, id), died
}

// A crash at every step, whatever the platform does: the money moves at most
// once, and nothing stays open that nobody is told of. PAYLAKE_TEST_CASES says
// how many seeds.
func TestAtMostOnce(t *testing.T) {
	seeds := cases(t, 3)
	played, died, moved, resent := 0, 0, 0, 0
	ends, unsaid := map[gate.Status]int{}, 0
	for _, b := range gatetest.Behaviours() {
		for die := range steps {
			for seed := range seeds {
				w, id, it, dead := history(t, b, uint64(seed), die)
				if err := w.judge(id, it); err != nil {
					t.Fatalf("behaviour %q, seed %d, death at step %d (twice %v, forgets %v): %v\n%s", b, seed, die, w.twice, w.forget, err, events(w.register.History(id)))
				}
				played++
				ends[it.Status]++
				moved += w.gate.Executed(id)
				if dead {
					died++
				}
				if strings.Contains(it.Finding, "not how much") {
					unsaid++
				}
				if len(w.gate.Asked(id)) > 1 {
					resent++
				}
			}
		}
	}
	t.Logf("%d histories, %d first processes died, %d payments moved once, %d sent again, %d paid of a sum that nobody names, ends %v", played, died, moved, resent, unsaid, ends)
	for _, s := range []gate.Status{gate.Success, gate.Decline, gate.Manual, gate.Unknown} {
		if ends[s] == 0 {
			t.Errorf("no history ended as %s", s)
		}
	}
	if died == 0 || resent == 0 || unsaid == 0 {
		t.Error("nobody died, nothing was sent again, or every sum was named: this proves nothing")
	}
}
