package gate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
)

// eager asks again when it got no answer.
type eager struct{ gate.Platform }

func (e eager) Sale(ctx context.Context, body []byte) gate.Reply {
	r := e.Platform.Sale(ctx, body)
	if r.Kind == gate.Unsure {
		return e.Platform.Sale(ctx, body)
	}
	return r
}

// sure takes no answer for a certain one.
type sure struct {
	gate.Platform
	as gate.Kind
}

func (s sure) Sale(ctx context.Context, body []byte) gate.Reply {
	r := s.Platform.Sale(ctx, body)
	if r.Kind == gate.Unsure {
		r.Kind = s.as
	}
	return r
}

// hasty takes whatever it cannot read for "there is no such payment", and it
// can read nothing.
type hasty struct{ gate.Platform }

func (h hasty) Status(context.Context, string) (gate.Evidence, error) {
	return gate.Evidence{}, gate.ErrNotFound
}

// forgetful is a register that tells of a claim and does not store it.
type forgetful struct{ gate.Register }

func (f forgetful) Decide(ctx context.Context, ask gate.Ask, decide func(gate.View) ([]gate.Change, error)) error {
	return f.Register.Decide(ctx, ask, func(v gate.View) ([]gate.Change, error) {
		changes, err := decide(v)
		if len(changes) == 1 && changes[0].Line.Event == "claimed" {
			return nil, err
		}
		return changes, err
	})
}

// The crash test is tested: a sender without one of its guards pays twice, or
// says something else than what happened, and the test finds out.
func TestMissingGuardsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		platform func(gate.Platform) gate.Platform
		register func(gate.Register) gate.Register
		finds    string
	}{
		"a retry without an answer":        {platform: func(p gate.Platform) gate.Platform { return eager{p} }, finds: "executed 2 times"},
		"no answer taken for not sent":     {platform: func(p gate.Platform) gate.Platform { return sure{p, gate.NotSent} }, finds: "executed 2 times"},
		"no answer taken for a refusal":    {platform: func(p gate.Platform) gate.Platform { return sure{p, gate.Refused} }, finds: "decline, and executed 1 times"},
		"no knowledge taken for not found": {platform: func(p gate.Platform) gate.Platform { return hasty{p} }, finds: "executed 2 times"},
		"sent before it is durable":        {register: func(r gate.Register) gate.Register { return forgetful{r} }, finds: "executed 2 times"},
	} {
		t.Run(name, func(t *testing.T) {
			var found []string
			for seed := range uint64(60) {
				for _, b := range gatetest.Behaviours() {
					w, id := controlled(t, b, seed, c.platform, c.register)
					if err := w.judge(id, w.load(t, id)); err != nil {
						found = append(found, err.Error())
					}
				}
			}
			if !strings.Contains(strings.Join(found, "\n"), c.finds) {
				t.Errorf("not found out; found: %q", found)
			}
		})
	}
}
