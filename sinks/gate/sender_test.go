package gate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
)

// A payment from approval to its end: sent, asked for its code, confirmed,
// settled by what the platform says.
func TestAPurchase(t *testing.T) {
	h := newHouse(t, gatetest.Options{})
	id, s := h.ready(t, "bill 1", 120_00), h.sender()
	it, err := s.Send(t.Context(), id, "")
	if err != nil || it.Status != gate.Accepted || it.Request == "" {
		t.Fatalf("%+v %v", it, err)
	}
	if _, err := s.Confirm(t.Context(), id, "4711"); !errors.Is(err, gate.ErrState) {
		t.Errorf("a code that nobody has asked for: %v", err)
	}
	h.now = h.now.Add(time.Minute)
	if again, err := s.Drive(t.Context(), id); err != nil || again < time.Second {
		t.Errorf("%v %v", again, err)
	}
	if it = h.load(t, id); it.CodeAsked.IsZero() || it.Told != "awaiting clarification" {
		t.Fatalf("%+v", it)
	}
	if it, err = s.Confirm(t.Context(), id, "0000"); err != nil || it.CodeState != gate.CodeRefused || it.Code.Number != "2502" {
		t.Errorf("a wrong code: %+v %v", it, err)
	}
	if it, err = s.Confirm(t.Context(), id, "4711"); err != nil || it.CodeState != gate.CodeTaken {
		t.Errorf("%+v %v", it, err)
	}
	if _, err := s.Confirm(t.Context(), id, "4711"); !errors.Is(err, gate.ErrState) || !strings.Contains(err.Error(), "already") {
		t.Errorf("a code entered twice: %v", err)
	}
	h.now = h.now.Add(time.Minute)
	if again, err := s.Drive(t.Context(), id); err != nil || again != 0 {
		t.Errorf("%v %v", again, err)
	}
	it = h.load(t, id)
	if it.Status != gate.Success || it.Finding != "" || it.Operation == "" || h.gate.Executed(id) != 1 {
		t.Errorf("%+v", it)
	}
	if got := events(h.register.History(id)); got != "planned→approved claimed→sending answered→accepted observed→accepted code handed over→accepted code answered→accepted code handed over→accepted code answered→accepted observed→success" {
		t.Error(got)
	}
	if _, err := s.Send(t.Context(), id, ""); !errors.Is(err, gate.ErrState) {
		t.Errorf("sent twice: %v", err)
	}
}

// What is certain after each kind of answer.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		b        gatetest.Behaviour
		want     gate.Status
		executed int
		number   string
	}{
		{gatetest.Accept, gate.Accepted, 0, ""}, {gatetest.Direct, gate.Accepted, 1, ""}, {gatetest.Refuse, gate.Decline, 0, "2541"}, {gatetest.Bar, gate.Manual, 0, "1003"},
		{gatetest.HangBefore, gate.Unknown, 0, ""}, {gatetest.HangAfter, gate.Unknown, 1, ""}, {gatetest.Garbage, gate.Unknown, 1, ""},
		{gatetest.Exist, gate.Unknown, 1, "3041"}, {gatetest.DeclineIt, gate.Accepted, 0, ""}, {gatetest.Silent, gate.Accepted, 0, ""},
	} {
		h := newHouse(t, gatetest.Options{Behave: func(string, int) gatetest.Behaviour { return c.b }})
		id := h.ready(t, "k", 120_00)
		it, err := h.sender().Send(t.Context(), id, "")
		if err != nil || it.Status != c.want || it.Code.Number != c.number || h.gate.Executed(id) != c.executed || len(h.gate.Asked(id)) != 1 {
			t.Errorf("%s: %s code %q executed %d (%v)", c.b, it.Status, it.Code.Number, h.gate.Executed(id), err)
		}
	}
}

// An unknown outcome is asked for; only two agreeing answers that there is no
// such payment, apart from each other, and a person let the same bytes go again.
func TestUnknownOutcome(t *testing.T) {
	h := newHouse(t, gatetest.Options{Behave: func(_ string, nth int) gatetest.Behaviour {
		if nth == 0 {
			return gatetest.HangBefore
		}
		return gatetest.Direct
	}})
	id, s := h.ready(t, "k", 120_00), h.sender()
	if it, _ := s.Send(t.Context(), id, ""); it.Status != gate.Unknown {
		t.Fatalf("%+v", it)
	}
	for i, step := range []time.Duration{10 * time.Second, 3 * time.Minute, 10 * time.Second, time.Minute} {
		if _, err := s.Send(t.Context(), id, "nigar"); !errors.Is(err, gate.ErrState) {
			t.Fatalf("sent again after %d answers: %v", i, err)
		}
		h.now = h.now.Add(step)
		if _, err := s.Look(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	it := h.load(t, id)
	if it.Absent != 2 || !it.Again || it.Status != gate.Unknown || it.Finding == "" || len(h.gate.Asked(id)) != 1 {
		t.Fatalf("%+v", it)
	}
	if _, err := s.Send(t.Context(), id, ""); !errors.Is(err, gate.ErrState) {
		t.Errorf("sent again by nobody: %v", err)
	}
	if _, err := s.Send(t.Context(), id, "farid"); !errors.Is(err, gate.ErrApproval) {
		t.Errorf("sent again by its maker: %v", err)
	}
	if it, err := s.Send(t.Context(), id, "nigar"); err != nil || it.Status != gate.Accepted {
		t.Errorf("%+v %v", it, err)
	}
	asked := h.gate.Asked(id)
	if len(asked) != 2 || asked[0] != asked[1] || h.gate.Executed(id) != 1 {
		t.Errorf("asked %q, executed %d", asked, h.gate.Executed(id))
	}
}

// Whoever dies while sending leaves an intent that is asked for, never sent.
func TestSenderThatDied(t *testing.T) {
	h := newHouse(t, gatetest.Options{Behave: func(string, int) gatetest.Behaviour { return gatetest.Direct }})
	id, s := h.ready(t, "k", 120_00), h.sender()
	dead := false
	h.register.Fail = func(stage string) error {
		if stage == "killed" {
			dead = true
		}
		if dead && stage != "killed" {
			return gatetest.ErrDied
		}
		return nil
	}
	if _, err := s.Send(t.Context(), id, ""); !errors.Is(err, gatetest.ErrDied) {
		t.Fatal(err)
	}
	h.register.Fail = func(string) error { return nil }
	if it := h.load(t, id); it.Status != gate.Sending || h.gate.Executed(id) != 1 {
		t.Fatalf("%+v", it)
	}
	for _, want := range []gate.Status{gate.Sending, gate.Unknown, gate.Success} {
		if _, err := s.Look(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if it := h.load(t, id); it.Status != want {
			t.Errorf("%s, want %s", it.Status, want)
		}
		h.now = h.now.Add(2 * time.Minute)
	}
}

// Both kill switches are read after the claim and before the socket; one that
// cannot be read is on.
func TestKillSwitch(t *testing.T) {
	for name, arm := range map[string]func(h *house){
		"off":        func(*house) {},
		"on":         func(h *house) { h.register.Switch(true) },
		"file":       func(h *house) { h.halted = true },
		"unreadable": func(h *house) { h.register.Fail = failing("killed") },
	} {
		h := newHouse(t, gatetest.Options{})
		id := h.ready(t, "k", 120_00)
		arm(h)
		_, err := h.sender().Send(t.Context(), id, "")
		h.register.Fail = func(string) error { return nil }
		if it := h.load(t, id); (err == nil) != (name == "off") || (it.Status == gate.Approved) != (name != "off") || len(h.gate.Asked(id)) != map[bool]int{true: 1}[name == "off"] || (name != "off" && !it.SentAt.IsZero()) {
			t.Errorf("%s: %v %+v", name, err, it)
		}
	}
	// Turned on between claim and socket.
	h := newHouse(t, gatetest.Options{})
	id := h.ready(t, "k", 120_00)
	h.register.Fail = func(stage string) error {
		if stage == "killed" {
			h.register.Switch(true)
		}
		return nil
	}
	if it, err := h.sender().Send(t.Context(), id, ""); !errors.Is(err, gate.ErrKilled) || it.Status != gate.Approved || len(h.gate.Asked(id)) != 0 {
		t.Errorf("%v %+v", err, it)
	}
}

func failing(what string) func(string) error {
	return func(stage string) error {
		if stage == what {
			return errors.New("the disk is gone")
		}
		return nil
	}
}

// A process that was held up between claim and socket does not send.
func TestZombie(t *testing.T) {
	h := newHouse(t, gatetest.Options{})
	id := h.ready(t, "k", 120_00)
	h.register.Fail = func(stage string) error {
		if stage == "killed" {
			h.now = h.now.Add(90 * time.Second)
		}
		return nil
	}
	if _, err := h.sender().Send(t.Context(), id, ""); err == nil || len(h.gate.Asked(id)) != 0 || h.load(t, id).Status != gate.Sending {
		t.Errorf("%v, asked %d", err, len(h.gate.Asked(id)))
	}
}

// nobody is a platform that cannot be reached.
type nobody struct{ gate.Platform }

func (nobody) Sale(context.Context, []byte) gate.Reply {
	return gate.Reply{Kind: gate.NotSent, Why: "connection refused"}
}

// However often a platform cannot be reached, what was never sent stays approved,
// is in no sum, and a refusal after that is one.
func TestNobodyListens(t *testing.T) {
	h := newHouse(t, gatetest.Options{Behave: func(string, int) gatetest.Behaviour { return gatetest.Refuse }})
	id, s := h.ready(t, "k", 120_00), h.sender()
	s.Platform = func(string) (gate.Platform, error) { return nobody{h.client}, nil }
	for range 3 {
		if it, err := s.Send(t.Context(), id, ""); err != nil || it.Status != gate.Approved || !it.SentAt.IsZero() || it.Again {
			t.Fatalf("%+v %v", it, err)
		}
	}
	if it, err := h.sender().Send(t.Context(), id, ""); err != nil || it.Status != gate.Decline || len(h.gate.Asked(id)) != 1 {
		t.Errorf("%+v %v", it, err)
	}
}

// wakes notes which changes want their intent looked at.
type wakes struct {
	gate.Register
	list []bool
}

func (w *wakes) Decide(ctx context.Context, ask gate.Ask, decide func(gate.View) ([]gate.Change, error)) error {
	return w.Register.Decide(ctx, ask, func(v gate.View) ([]gate.Change, error) {
		changes, err := decide(v)
		for _, c := range changes {
			w.list = append(w.list, c.Wake)
		}
		return changes, err
	})
}

// A callback that says "paid" and not how much has the status asked at once,
// once, and that settles it.
func TestCallbackOfNoSumIsAskedAbout(t *testing.T) {
	var mail [][]byte
	h := newHouse(t, gatetest.Options{Behave: func(string, int) gatetest.Behaviour { return gatetest.Direct },
		Sumless: func(poll bool) bool { return !poll }, Tell: func(body []byte) { mail = append(mail, body) }})
	id, s := h.ready(t, "k", 120_00), h.sender()
	if _, err := s.Send(t.Context(), id, ""); err != nil || len(mail) != 1 {
		t.Fatal(mail, err)
	}
	w := &wakes{Register: h.register}
	s.Register = w
	for range 2 {
		_, e, _ := gate.ReadCallback(mail[0], h.now)
		if err := s.Hear(t.Context(), "psp", id, e); err != nil {
			t.Fatal(err)
		}
	}
	if it := h.load(t, id); it.Status != gate.Accepted || it.Told != "success" || len(w.list) != 1 || !w.list[0] {
		t.Fatalf("%+v, woken %v", it, w.list)
	}
	if _, err := s.Drive(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if it := h.load(t, id); it.Status != gate.Success || it.Finding != "" || w.list[len(w.list)-1] {
		t.Errorf("%+v, woken %v", it, w.list)
	}
}

// A status answer with two operations: the sum is that of the latest, which may
// have none.
func TestSumOfTheLatestOperation(t *testing.T) {
	_, e, ok := gate.ReadCallback([]byte(`{"payment":{"id":"p1","status":"success"},"operations":[{"id":1,"type":"sale","sum_initial":{"amount":5000,"currency":"KGS"}},{"id":2,"type":"sale"}]}`), time.Now())
	if !ok || e.OperationID != "2" || e.AmountMinor != 0 || e.Currency != "" {
		t.Errorf("%+v", e)
	}
}
