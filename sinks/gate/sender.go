package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paylake/paylake/fault"
)

// Sender moves intents on: it sends what is approved, asks about what is
// undecided and takes in what the platform says. Any number of senders may work
// on one register; any of them may die at any moment.
type Sender struct {
	Register    Register
	Platform    func(source string) (Platform, error)
	Approvers   Approvers
	Limits      func(job string) Limits
	Fingerprint func(Order) string
	Day         func(source string, now time.Time) time.Time // when the day of an instant began in the source's zone
	Halted      func() bool                                  // a second kill switch, for when the register cannot be reached
	Now         func() time.Time
}

const (
	// requestWithin bounds one request; a claim outlives it, so that nobody takes
	// a sender for dead that is waiting for an answer.
	requestWithin = 40 * time.Second
	leaseFor      = 2 * time.Minute
	// storeWithin bounds the storing of what is known once a request was sent,
	// whatever became of the caller's context.
	storeWithin = 20 * time.Second
)

// Send sends an approved intent, once. Again names who wants an intent of
// unknown outcome sent once more, with the same bytes; empty otherwise. The
// intent is returned as it stands then; an error says that nothing was sent, or
// that what was sent could not be noted and will be asked for.
func (s *Sender) Send(ctx context.Context, id, again string) (Intent, error) {
	it, err := s.claim(ctx, id, again)
	if err != nil {
		return it, err
	}
	// Durable from here on: whoever dies leaves an intent that is asked for.
	fault.Point("pay.claimed")
	platform, err := s.Platform(it.Order.Source)
	if err != nil {
		return s.release(ctx, it, err)
	}
	body, err := it.Order.Body()
	if err != nil {
		return s.release(ctx, it, err)
	}
	// The kill switch is read last, and after the claim is durable: whoever turns
	// it on and then sees no live claim knows that nothing is sent any more.
	if err := s.stopped(ctx); err != nil {
		return s.release(ctx, it, err)
	}
	if left := it.Lease.Sub(s.Now()); left < requestWithin {
		return it, fmt.Errorf("%s: this process was held up for too long and does not send; the payment is asked for", id)
	}
	reply := s.sale(ctx, platform, body)
	fault.Point("pay.sent")
	fence := it.Fence
	return s.note(ctx, id, func(it Intent) (Intent, Transition, bool) { return it.Answered(fence, reply, s.Now()) })
}

// claim makes an intent `sending` for this sender alone.
func (s *Sender) claim(ctx context.Context, id, again string) (out Intent, err error) {
	out, err = s.Register.Load(ctx, id)
	if err != nil {
		return out, err
	}
	now := s.Now()
	c := Claiming{Approvers: s.Approvers, Limits: s.Limits(out.Order.Job), Since: s.Day(out.Order.Source, now), Fingerprint: s.Fingerprint, Lease: leaseFor, Again: again}
	err = s.Register.Decide(ctx, Ask{IDs: []string{id}, Since: c.Since}, func(v View) ([]Change, error) {
		it, ok := v.Intents[id]
		if !ok {
			return nil, fmt.Errorf("%s: %w", id, ErrAbsent)
		}
		it, line, err := it.Claim(c, v, now)
		if err != nil {
			return nil, err
		}
		out = it
		return []Change{{it, line, true}}, nil
	})
	return out, err
}

// stopped reports whether either kill switch is on, or cannot be read.
func (s *Sender) stopped(ctx context.Context) error {
	if s.Halted() {
		return ErrKilled
	}
	if killed, err := s.Register.Killed(ctx); err != nil {
		return fmt.Errorf("the kill switch cannot be read, so nothing is sent: %w", err)
	} else if killed {
		return ErrKilled
	}
	return nil
}

// release takes the claim back: nothing went out.
func (s *Sender) release(ctx context.Context, it Intent, why error) (Intent, error) {
	out, err := s.note(ctx, it.PaymentID, func(now Intent) (Intent, Transition, bool) { return now.Release(it.Fence, why.Error(), s.Now()) })
	return out, errors.Join(fmt.Errorf("%s was not sent: %w", it.PaymentID, why), err)
}

// sale sends once; a process that is asked to stop waits for the answer.
func (s *Sender) sale(ctx context.Context, p Platform, body []byte) Reply {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestWithin)
	defer cancel()
	return p.Sale(ctx, body)
}

// note stores what is known about an intent, even when the caller has gone.
func (s *Sender) note(ctx context.Context, id string, step func(Intent) (Intent, Transition, bool)) (out Intent, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	err = s.Register.Decide(ctx, Ask{IDs: []string{id}}, func(v View) ([]Change, error) {
		it, ok := v.Intents[id]
		if !ok {
			return nil, fmt.Errorf("%s: %w", id, ErrAbsent)
		}
		was := it
		it, line, changed := step(it)
		out = it
		if !changed {
			return nil, nil
		}
		return []Change{{Intent: it, Line: line, Wake: it.asksAtOnce(was)}}, nil
	})
	if err != nil {
		return out, fmt.Errorf("%s: what is known could not be noted: %w", id, err)
	}
	fault.Point("pay.noted")
	return out, nil
}

// Confirm hands the payer's approval code over, once. It is neither stored nor
// logged.
func (s *Sender) Confirm(ctx context.Context, id, code string) (out Intent, err error) {
	now := s.Now()
	err = s.Register.Decide(ctx, Ask{IDs: []string{id}}, func(v View) ([]Change, error) {
		it, ok := v.Intents[id]
		if !ok {
			return nil, fmt.Errorf("%s: %w", id, ErrAbsent)
		}
		it, line, err := it.Coding(v, now)
		out = it
		if err != nil {
			return nil, err
		}
		return []Change{{it, line, true}}, nil
	})
	if err != nil {
		return out, err
	}
	fault.Point("pay.coding")
	given, reply := out.CodeGiven, Reply{Kind: NotSent}
	platform, failed := s.Platform(out.Order.Source)
	if failed == nil {
		failed = s.stopped(ctx)
	}
	if failed == nil && leaseFor-s.Now().Sub(given) < requestWithin {
		failed = errors.New("this process was held up for too long")
	}
	if failed == nil {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestWithin)
		defer cancel()
		reply = platform.Clarify(within, id, code)
		fault.Point("pay.coded")
	}
	out, err = s.note(ctx, id, func(it Intent) (Intent, Transition, bool) { return it.Coded(given, reply, s.Now()) })
	if failed != nil {
		return out, errors.Join(fmt.Errorf("%s: the code was not sent: %w", id, failed), err)
	}
	return out, err
}

// Drive does what an intent needs next once it is due, see Look. It says when
// to come again; zero: nothing follows by itself.
func (s *Sender) Drive(ctx context.Context, id string) (again time.Duration, err error) {
	it, err := s.Register.Load(ctx, id)
	if err == nil && !s.Now().Before(it.NextAt) {
		it, err = s.look(ctx, it)
	} else if err == nil {
		return max(it.NextAt.Sub(s.Now()), time.Second), nil
	}
	if err != nil {
		return 0, err
	}
	if next := it.next(s.Now()); !next.IsZero() {
		return max(next.Sub(s.Now()), time.Second), nil
	}
	return 0, nil
}

// Look finds out now how an intent stands: it asks the platform, or gives up on
// a sender that died. It never sends.
func (s *Sender) Look(ctx context.Context, id string) (Intent, error) {
	it, err := s.Register.Load(ctx, id)
	if err != nil {
		return it, err
	}
	return s.look(ctx, it)
}

func (s *Sender) look(ctx context.Context, it Intent) (Intent, error) {
	switch it.Status {
	case Sending:
		return s.note(ctx, it.PaymentID, func(it Intent) (Intent, Transition, bool) { return it.Lapse(s.Now()) })
	case Accepted, Unknown:
		return s.ask(ctx, it)
	}
	return it, nil
}

// ask asks the platform how a payment stands and takes the answer in. An answer
// that says nothing changes nothing, and is no error: it is asked again.
func (s *Sender) ask(ctx context.Context, it Intent) (Intent, error) {
	platform, err := s.Platform(it.Order.Source)
	if err != nil {
		return it, err
	}
	within, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	e, err := platform.Status(within, it.PaymentID)
	now := s.Now()
	return s.note(ctx, it.PaymentID, func(it Intent) (Intent, Transition, bool) {
		var line Transition
		var changed bool
		switch {
		case errors.Is(err, ErrNotFound):
			it, line, changed = it.NotFound(now)
		case err == nil:
			it, line, changed = it.Observe(e, now)
		}
		if changed {
			return it, line, true
		}
		return it.Overdue(now)
	})
}

// Hear takes in what a callback of a source says. What is about no intent of
// ours, or about one of another source, is no error.
func (s *Sender) Hear(ctx context.Context, source, id string, e Evidence) error {
	if !Ours(id) {
		return nil
	}
	it, err := s.Register.Load(ctx, id)
	if errors.Is(err, ErrAbsent) || err == nil && it.Order.Source != source {
		return nil
	}
	_, err = s.note(ctx, id, func(it Intent) (Intent, Transition, bool) { return it.Observe(e, s.Now()) })
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	return err
}

// Rehearse says what would keep an intent from being sent now, and changes
// nothing.
func (s *Sender) Rehearse(ctx context.Context, id string) error {
	it, err := s.Register.Load(ctx, id)
	if err != nil {
		return err
	}
	now := s.Now()
	c := Claiming{Approvers: s.Approvers, Limits: s.Limits(it.Order.Job), Since: s.Day(it.Order.Source, now), Fingerprint: s.Fingerprint, Lease: leaseFor}
	err = s.Register.Decide(ctx, Ask{IDs: []string{id}, Since: c.Since}, func(v View) ([]Change, error) {
		_, _, err := v.Intents[id].Claim(c, v, now)
		return nil, err
	})
	return errors.Join(err, s.stopped(ctx))
}
