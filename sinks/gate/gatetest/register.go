package gatetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/paylake/paylake/sinks/gate"
)

// Register keeps intents in memory. It can be told to fail.
type Register struct {
	// Fail is asked before and after every transaction; an error before it means
	// that nothing is stored, one after it that everything is and nobody was told.
	Fail func(stage string) error

	mu      sync.Mutex
	killed  bool
	intents map[string]gate.Intent
	lines   []gate.Transition
}

// NewRegister returns an empty register.
func NewRegister() *Register {
	return &Register{Fail: func(string) error { return nil }, intents: map[string]gate.Intent{}}
}

var _ gate.Register = (*Register)(nil)

// Decide implements gate.Register.
func (r *Register) Decide(_ context.Context, ask gate.Ask, decide func(gate.View) ([]gate.Change, error)) error {
	if err := r.Fail("decide"); err != nil {
		return err
	}
	if err := r.decide(ask, decide); err != nil {
		return err
	}
	return r.Fail("decided")
}

func (r *Register) decide(ask gate.Ask, decide func(gate.View) ([]gate.Change, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := gate.View{Intents: map[string]gate.Intent{}, Killed: r.killed}
	for _, id := range ask.IDs {
		if it, ok := r.intents[id]; ok {
			v.Intents[id] = it
		}
	}
	if !ask.Since.IsZero() {
		v.Used = r.used(ask.Since)
	}
	changes, err := decide(v)
	if err != nil {
		return err
	}
	for _, c := range changes {
		was, ok := v.Intents[c.Intent.PaymentID]
		if !ok && c.Line.From != "" {
			return fmt.Errorf("%s was not asked for", c.Intent.PaymentID)
		}
		c.Intent.Version, c.Line.Version = was.Version+1, was.Version+1
		r.intents[c.Intent.PaymentID] = c.Intent
		r.lines = append(r.lines, c.Line)
	}
	return nil
}

func (r *Register) used(since time.Time) (out []gate.Used) {
	for _, it := range r.intents {
		if it.Status.Committed() && !it.SentAt.Before(since) {
			out = append(out, gate.Used{Tenant: it.Order.Tenant, Job: it.Order.Job, ProviderCode: it.Order.ProviderCode, Currency: it.Order.Currency, Minor: it.Order.AmountMinor})
		}
	}
	return out
}

// Load implements gate.Register.
func (r *Register) Load(_ context.Context, id string) (gate.Intent, error) {
	if err := r.Fail("load"); err != nil {
		return gate.Intent{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	it, ok := r.intents[id]
	if !ok {
		return it, fmt.Errorf("%s: %w", id, gate.ErrAbsent)
	}
	return it, nil
}

// Killed implements gate.Register.
func (r *Register) Killed(context.Context) (bool, error) {
	if err := r.Fail("killed"); err != nil {
		return true, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.killed, nil
}

// Standing lists the intents of a status.
func (r *Register) Standing(s gate.Status) (out []gate.Intent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range r.intents {
		if it.Status == s {
			out = append(out, it)
		}
	}
	return out
}

// Switch turns the kill switch on or off.
func (r *Register) Switch(on bool) { r.mu.Lock(); defer r.mu.Unlock(); r.killed = on }

// History lists the lines of a payment.
func (r *Register) History(id string) (out []gate.Transition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		if l.PaymentID == id {
			out = append(out, l)
		}
	}
	return out
}

// ErrDied is what a register says whose process has died.
var ErrDied = errors.New("the process has died")
