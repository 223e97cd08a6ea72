package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks"
)

const (
	upGrace     = 45 * time.Second // for running jobs after a signal
	followEvery = 10 * time.Second // the followers look for what others committed
)

func (p *program) upCommand() *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use: "up", Short: "Everything: schedules, followers, API, dashboard, embedded ClickHouse", Args: cobra.NoArgs,
		Long: `Runs every pipeline that has a schedule, at once and then at its hours, keeps the
warehouse following the lake, receives callbacks (/callbacks/flashpay/<source>,
/callbacks/mpay/<source>), sends webhooks (paylake webhook), carries out exports by schedule (exports: in the
configuration), finds out how payments
end (paylake pay), and serves the dashboard (/), the HTTP API (/v1/, /docs), the wallet façade
(/integrations/mpay/v1/), /healthz, /readyz and /metrics (for Prometheus). With --live it also sends
payments as soon as they are approved. Stops cleanly on SIGTERM: what is committed is whole, and the exit code is 0.`,
		Example: "  paylake up\n  paylake up --log json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.up(cmd.Context(), live) },
	}
	cmd.Flags().BoolVar(&live, "live", false, "send approved payments (payments.live must be true, too)")
	return cmd
}

func (p *program) up(ctx context.Context, live bool) (err error) {
	p.boundMemory()
	if err := p.logTotals(); err != nil {
		return err
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if live {
		if err := (&payDesk{h: h}).live(); err != nil {
			return err
		}
	}
	listener, err := h.listen(ctx)
	if err != nil {
		return err
	}
	defer listener.Close()
	h.meters = h.newMeters()
	jobs, followers, err := h.openUp(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	fmt.Fprintf(p.stdout, "%s://%s\n", h.scheme(), listener.Addr())
	receiver, err := h.openCallbacks(ctx, followers)
	if err != nil {
		return stopped(ctx, err)
	}
	desk, err := h.payDesk(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	desk.followers = followers
	defer desk.startPayments(ctx, live)()
	plans, err := desk.startPlans(ctx)
	if err != nil {
		return misconfigured(err)
	}
	defer plans()
	exports, err := h.startExports(ctx)
	if err != nil {
		return misconfigured(err)
	}
	defer exports()
	return h.stay(ctx, listener, jobs, followers, receiver, desk)
}

// stopped makes a clean stop of an interrupted start.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// listen takes the address first: a second `up` on it should move nothing.
func (h *house) listen(ctx context.Context) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", h.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; change listen in %s or stop the other process", err, h.cfg.File)
	}
	if h.cfg.TLS == nil {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(h.cfg.TLS.Cert, h.cfg.TLS.Key)
	if err != nil {
		return nil, errors.Join(misconfigured(fmt.Errorf("tls: %w", err)), l.Close())
	}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}), nil
}

func (h *house) scheme() string {
	if h.cfg.TLS != nil {
		return "https"
	}
	return "http"
}

// openUp opens everything. The embedded warehouse is held exclusively; when it
// cannot be started the lake is filled all the same, and it is tried again.
func (h *house) openUp(ctx context.Context) ([]pipeline.Job, *pipeline.Followers, error) {
	var scheduled []config.Pipeline
	for _, q := range h.cfg.Pipelines {
		if q.Schedule != "" {
			scheduled = append(scheduled, q)
		}
	}
	jobs, followers, err := h.openJobs(ctx, scheduled, span{})
	if err != nil {
		return nil, nil, err
	}
	h.store.again = true
	if h.cfg.Warehouse != config.Embedded {
		return jobs, followers, h.joinServer(ctx)
	}
	server, err := h.acquire(ctx, true)
	switch {
	case errors.Is(err, sinks.ErrBusy), ctx.Err() != nil:
		return nil, nil, err
	case err != nil:
		h.p.log.Error("embedded warehouse not started; the lake goes on without it", "err", err)
	default:
		h.store.server = server
	}
	return jobs, followers, nil
}

// stay serves and runs the schedules until a signal comes.
func (h *house) stay(ctx context.Context, l net.Listener, jobs []pipeline.Job, followers *pipeline.Followers, r *receiver, desk *payDesk) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	live := &liveRuns{now: h.p.now}
	live.watch(jobs)
	front := h.newAPI(live, desk)
	defer front.Close()
	server := &http.Server{Handler: h.handler(r, front), ReadHeaderTimeout: 10 * time.Second}
	stop := r.start(ctx, h)
	defer stop() // when nobody delivers any more, and before what it uses is closed
	defer h.startQueue(ctx, desk)()
	served := make(chan error, 1)
	go func() {
		defer cancel() // nobody could see how it is: stop
		served <- serve(ctx, server, l)
	}()
	go h.follow(ctx, followers)
	var checks sync.WaitGroup
	checks.Go(func() { h.keepChecking(ctx) })
	defer checks.Wait()
	matches := h.startMatching(ctx, followers)
	defer matches.stop()
	err := pipeline.Schedule(ctx, jobs, upGrace, h.p.log, func(r pipeline.Report, _ error) {
		if err := h.store.remember(ctx, h.state, r); err != nil {
			h.p.log.Error("run not remembered", "pipeline", r.Pipeline, "err", err)
		}
		matches.nudge()
		h.metered(r)
		for _, why := range h.newAlarms(ctx).Why {
			h.p.log.Warn("check did not hold", "pipeline", r.Pipeline, "err", why)
		}
	})
	return errors.Join(err, <-served)
}

// follow lets the followers look now and then, for what other processes
// committed and for a warehouse that comes back.
func (h *house) follow(ctx context.Context, followers *pipeline.Followers) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		followers.Nudge(ctx)
		for _, f := range followers.Wait(ctx) {
			if f.Err != nil && ctx.Err() == nil {
				h.p.log.Warn("follower behind", "follower", f.Name, "err", f.Err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
