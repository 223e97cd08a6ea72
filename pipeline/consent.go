package pipeline

// Consents: nothing is asked of a wallet whose owner does not allow it now.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// Consent is a permission to read one wallet.
type Consent struct {
	ID       string
	From     time.Time // first instant of the data; zero: all history
	Until    time.Time // it ends here, and the data with it
	Purposes []string
}

// Live reports whether it allows anything at an instant.
func (c Consent) Live(at time.Time) bool {
	return c.ID != "" && at.Before(c.Until) && !at.Before(c.From)
}

// Consents is the registry.
type Consents interface {
	// Standing returns the consents of a source that were not revoked, by
	// wallet. It is asked before every page and every commit, so it must be cheap
	// while nothing changes; a revocation that has returned is always seen.
	Standing(ctx context.Context, source string) (map[string]Consent, error)
}

// permit is what a lane may do; nil: its stream is not governed by consents.
type permit struct {
	Consent
	columns []bool // that its purposes cover; nil: all
}

// permits looks up the consents of all streams, in one question. A stream
// without a live one gets an error instead of a permit.
func (r *run) permits(ctx context.Context) (func(schemas.Stream) (*permit, error), error) {
	if r.job.Consents == nil {
		return func(schemas.Stream) (*permit, error) { return nil, nil }, nil
	}
	standing, err := r.job.Consents.Standing(ctx, r.report.Source)
	if err != nil {
		return nil, fmt.Errorf("plan pipeline %s: %w", r.job.Spec.Name, err)
	}
	now := r.job.Now()
	return func(s schemas.Stream) (*permit, error) {
		if s.Wallet == "" {
			return nil, nil
		}
		c := standing[s.Wallet]
		if !c.Live(now) {
			return nil, NoConsent(s)
		}
		columns, ok := schemas.Covered(c.Purposes, s.Table)
		if !ok {
			return nil, sources.Errorf(sources.ErrConsent, "wallet %s of %s: its consent %s covers %s and nothing of table %s",
				s.Wallet, s.Source, c.ID, strings.Join(c.Purposes, ", "), s.Table.Name)
		}
		return &permit{c, columns}, nil
	}, nil
}

// NoConsent says what a person has to do. It is also what the sources say.
func NoConsent(s schemas.Stream) error {
	return sources.Errorf(sources.ErrConsent, "wallet %s of %s is skipped: nobody has consented, or the consent has ended; when its owner agrees, type: paylake consent grant --wallet %s",
		s.Wallet, s.Source, s.Wallet)
}

// allowed asks whether a lane may still be read and committed.
func (r *run) allowed(ctx context.Context, ln *lane) error {
	return r.permitted(ctx, ln.source.Stream(), ln.permit)
}

func (r *run) permitted(ctx context.Context, s schemas.Stream, p *permit) error {
	if p == nil {
		return nil
	}
	standing, err := r.job.Consents.Standing(ctx, s.Source)
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	if c := standing[s.Wallet]; c.ID == p.ID && c.Live(r.job.Now()) {
		return nil
	}
	return sources.Errorf(sources.ErrConsent, "wallet %s of %s: consent %s was revoked or has ended while it was read; nothing more is asked, and what was not committed is dropped; when its owner agrees again, type: paylake consent grant --wallet %s",
		s.Wallet, s.Source, p.ID, s.Wallet)
}

// gone says what a source cannot know: a consent that it misses was there when
// the run began, and went while its wallet was read.
func (r *run) gone(ctx context.Context, t *task, err error) error {
	if !errors.Is(err, sources.ErrConsent) {
		return err
	}
	if now := r.allowed(ctx, t.lane); errors.Is(now, sources.ErrConsent) {
		return now
	}
	return err
}

// withdraw takes the windows out of a batch whose consent has gone since they
// were read.
func (r *run) withdraw(ctx context.Context, tasks []*task) ([]*task, error) {
	kept := tasks[:0]
	for _, t := range tasks {
		s := &t.lane.report
		err := r.allowed(ctx, t.lane)
		switch {
		case err == nil:
			kept = append(kept, t)
			continue
		case !errors.Is(err, sources.ErrConsent):
			return tasks, err
		case s.Err == nil:
			s.Err, s.At = err, t.owed.Window
		}
		r.discard(t)
		r.progress.done(1)
	}
	return kept, nil
}

// narrowed leaves out of a page what the consent does not cover, before any of
// it is kept anywhere. The raw text of a reject goes nowhere, see seal; its
// amount is a field like others.
func (p *permit) narrowed(page sources.Page, t *schemas.Table) sources.Page {
	if p == nil || p.columns == nil {
		return page
	}
	page.Rows = schemas.Narrow(page.Rows, t, p.columns)
	if t.Amount == "" || p.columns[t.Index(t.Amount)] {
		return page
	}
	for i := range page.Rejects {
		page.Rejects[i].Amount = nil
	}
	return page
}

// bounds are the instants that may be read; zero times where there is none.
func (p *permit) bounds() (from, to time.Time) {
	if p == nil {
		return time.Time{}, time.Time{}
	}
	return p.From, p.Until
}

// people keeps the persons met so far.
func (r *run) people(ctx context.Context) error {
	if r.job.Subjects == nil {
		return nil
	}
	if err := r.job.Subjects.Keep(ctx); err != nil {
		return fmt.Errorf("pipeline %s: %w", r.job.Spec.Name, err)
	}
	return nil
}

// lane prepares what is owed of one stream.
func (r *run) lane(ctx context.Context, i int, src sources.Source, planner *Planner, p *permit) (*lane, error) {
	s := src.Stream()
	var done sinks.Done
	err := guarded("the sink", func() (err error) {
		done, err = r.job.Sink.Done(ctx, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", s, err)
	}
	ln := &lane{source: src, index: i, walk: planner.walk(done), permit: p,
		report: StreamReport{Stream: s, Name: s.String(), Wallet: s.Wallet}}
	ln.walk.from, ln.walk.to = p.bounds()
	for w := ln.walk; ; r.report.Planned++ {
		if _, ok := w.next(); !ok {
			return ln, nil
		}
	}
}
