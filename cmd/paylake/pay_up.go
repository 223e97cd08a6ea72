package main

// Payments while `up` runs: what is undecided is asked for, and with --live what
// is approved is sent.

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/gate"
)

const (
	driveWithin = 90 * time.Second // one step: a question and its transactions
	driveAtOnce = 4
	sendEvery   = 2 * time.Second
	sendSeldom  = 5 * time.Minute // what could not be sent for long
	sweepEvery  = time.Minute
	// overdueFor is how long something may be due before it is looked at without
	// its step: the step may have been lost with a queue that was restored.
	overdueFor = 5 * time.Minute
	sweepMost  = 100
)

// payWorker drives payments step by step.
func payWorker(s *gate.Sender) state.Worker {
	return state.Worker{Parallel: driveAtOnce, Within: driveWithin, Do: func(ctx context.Context, id string) (time.Duration, error) {
		again, err := s.Drive(ctx, id)
		if errors.Is(err, gate.ErrAbsent) {
			return 0, nil
		}
		return again, err
	}}
}

// startPayments sweeps in the background and, where it may, sends; stop waits
// for what is on its way.
func (d *payDesk) startPayments(ctx context.Context, live bool) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { every(ctx, sweepEvery, func() { d.sweep(ctx) }) })
	all.Go(func() { every(ctx, checkEvery, func() { d.checkDaily(ctx) }) })
	if live {
		vain := map[string]inVain{}
		all.Go(func() { every(ctx, sendEvery, func() { d.sendApproved(ctx, vain) }) })
	}
	return func() { cancel(); all.Wait() }
}

// every does something at once and then again and again until ctx ends.
func every(ctx context.Context, pause time.Duration, do func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		do()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (d *payDesk) sweep(ctx context.Context) {
	ids, err := d.payments.Due(ctx, d.h.p.now().Add(-overdueFor), sweepMost)
	s := d.sender()
	for _, id := range ids {
		if ctx.Err() != nil {
			return
		}
		_, one := s.Drive(ctx, id)
		err = errors.Join(err, one)
	}
	if err != nil && ctx.Err() == nil {
		d.h.p.log.Warn("payments not looked after; tried again", "err", err)
	}
}

// inVain is what kept a payment from being sent, and when it is tried again.
type inVain struct {
	why   string
	pause time.Duration
	next  time.Time
}

// again notes one more attempt in vain. Each is a step in the history, so a
// platform that cannot be reached is tried less and less often.
func (v inVain) again(why string, now time.Time) inVain {
	pause := min(max(2*v.pause, sendEvery), sendSeldom)
	return inVain{why, pause, now.Add(pause)}
}

// sendApproved sends what is approved. What keeps one from being sent is said
// once, not every two seconds.
func (d *payDesk) sendApproved(ctx context.Context, vain map[string]inVain) {
	if d.halted() { // seen in time, nothing is claimed in vain
		return
	}
	list, err := d.named(ctx, nil, string(gate.Approved))
	if err != nil {
		if ctx.Err() == nil {
			d.h.p.log.Warn("approved payments not read; tried again", "err", err)
		}
		return
	}
	s := d.sender()
	for _, it := range list {
		if ctx.Err() != nil {
			return
		}
		was := vain[it.PaymentID]
		if d.h.p.now().Before(was.next) {
			continue
		}
		out, err := s.Send(ctx, it.PaymentID, "")
		why := out.Reason
		if err != nil {
			why = err.Error()
		}
		switch {
		case err == nil && out.Status != gate.Approved:
			d.h.p.log.Info("payment sent", "payment", it.PaymentID, "status", out.Status)
			delete(vain, it.PaymentID)
			continue
		case was.why != why:
			d.h.p.log.Warn("payment not sent", "payment", it.PaymentID, "err", why)
		}
		vain[it.PaymentID] = was.again(why, d.h.p.now())
	}
}
