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
		said := map[string]string{}
		all.Go(func() { every(ctx, sendEvery, func() { d.sendApproved(ctx, said) }) })
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

// sendApproved sends what is approved. What keeps one from being sent is said
// once, not every two seconds.
func (d *payDesk) sendApproved(ctx context.Context, said map[string]string) {
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
		out, err := s.Send(ctx, it.PaymentID, "")
		switch {
		case err == nil:
			d.h.p.log.Info("payment sent", "payment", it.PaymentID, "status", out.Status)
			delete(said, it.PaymentID)
		case said[it.PaymentID] != err.Error():
			said[it.PaymentID] = err.Error()
			d.h.p.log.Warn("payment not sent", "payment", it.PaymentID, "err", err)
		}
	}
}
