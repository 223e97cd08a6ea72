package pipeline

// Redriving: rejected rows are decoded again with today's decoder and today's
// checks. What is good now is committed like any other row.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// Quarantined is a rejected row to be tried again.
type Quarantined struct {
	ID       string
	Stream   schemas.Stream
	RowID    string
	Currency string
	Snapshot int64 // the manifest that it was rejected in; of two rows the later one is newer
	Raw      []byte
}

// Fate is what became of a rejected row.
type Fate string

const (
	FateCommitted Fate = "committed" // it is in the lake now
	FateGood      Fate = "good"      // it would be: a dry run
	FateThere     Fate = "there"     // the lake showed the very row already
	FateBad       Fate = "still bad" // for a reason that may be another one
	FateOlder     Fate = "overtaken" // the lake shows another row of that key, which stays
	FateKept      Fate = "not tried" // it cannot be tried, or not be committed, now
)

// Resolved reports whether a row with this fate waits no more.
func (f Fate) Resolved() bool { return f == FateCommitted || f == FateThere }

// Outcome is the fate of one row, and why.
type Outcome struct {
	ID   string `json:"id"`
	Fate Fate   `json:"outcome"`
	Why  string `json:"why,omitempty"`
}

// RedriveReport says what a redrive did.
type RedriveReport struct {
	Outcomes  []Outcome // in the order of the rows
	Sequence  int64     // the last manifest written; 0: none
	Followers []FollowerReport
}

// Redriving is a redrive of rows of one pipeline.
type Redriving struct {
	Job Job // Sink must be a sinks.Comparer
	// Reader decodes raw texts of a stream; ok is false when nothing can.
	Reader func(s schemas.Stream) (r sources.Redriver, ok bool)
	// Person says what a pseudonym in a decoded row is called today. Nil: as then.
	Person func(pseudonym string) string
	DryRun bool
}

// candidate is one row on its way.
type candidate struct {
	Quarantined
	at   int          // place in the outcomes
	rec  arrow.Record // of one row or more; nil: out of the race
	keys []schemas.Key
	sums []uint64
	same bool // the sink shows it already
}

// Run tries rows again. A row that is still bad changes nothing, and neither does
// one that the sink shows in another wording: which of the two is newer is not
// known, and the upstream's own later word stays. Safe to repeat. The error is
// what stopped it; outcomes without a Fate were not reached.
func (d *Redriving) Run(ctx context.Context, rows []Quarantined) (RedriveReport, error) {
	rep := RedriveReport{Outcomes: make([]Outcome, len(rows))}
	for i, q := range rows {
		rep.Outcomes[i].ID = q.ID
	}
	if len(rows) == 0 {
		return rep, nil
	}
	if err := d.Job.Validate(); err != nil {
		return rep, err
	}
	if d.Job.Lease != nil {
		release, err := d.Job.Lease(ctx, "pipeline/"+d.Job.Spec.Name)
		if err != nil {
			return rep, fmt.Errorf("redrive rows of pipeline %s: %w", d.Job.Spec.Name, err)
		}
		defer release()
	}
	r := &run{job: &d.Job, limits: d.Job.Limits.withDefaults(), log: d.Job.log()}
	r.report.Source, r.report.Table = rows[0].Stream.Source, rows[0].Stream.Table.Name
	if err := r.people(ctx); err != nil {
		return rep, err
	}
	permits, err := r.permits(ctx)
	if err != nil {
		return rep, err
	}
	for _, mine := range byStream(rows) {
		err := guarded("redrive "+mine[0].Stream.String(), func() error { return d.stream(ctx, r, permits, mine, &rep) })
		if err != nil {
			return rep, err
		}
	}
	if rep.Sequence > 0 {
		d.Job.Followers.Nudge(ctx)
		rep.Followers = d.Job.Followers.Wait(ctx)
	}
	return rep, nil
}

// byStream groups rows, in the order of their first ones.
func byStream(rows []Quarantined) [][]*candidate {
	var out [][]*candidate
	at := map[string]int{}
	for i, q := range rows {
		name := q.Stream.String()
		n, ok := at[name]
		if !ok {
			n = len(out)
			at[name], out = n, append(out, nil)
		}
		out[n] = append(out[n], &candidate{Quarantined: q, at: i})
	}
	return out
}

// stream tries the rows of one stream.
func (d *Redriving) stream(ctx context.Context, r *run, permits func(schemas.Stream) (*permit, error), mine []*candidate, rep *RedriveReport) error {
	s := mine[0].Stream
	defer func() {
		for _, c := range mine {
			c.drop()
		}
	}()
	say := func(c *candidate, f Fate, format string, args ...any) {
		rep.Outcomes[c.at].Fate, rep.Outcomes[c.at].Why = f, fmt.Sprintf(format, args...)
		c.drop()
	}
	p, err := permits(s)
	if err != nil {
		if !errors.Is(err, sources.ErrConsent) {
			return err
		}
		for _, c := range mine {
			say(c, FateKept, "%v", err)
		}
		return nil
	}
	if err := d.decode(ctx, r, p, mine, say); err != nil {
		return err
	}
	if err := d.compare(ctx, s, mine, say); err != nil {
		return err
	}
	return d.commit(ctx, r, p, mine, rep, say)
}

func (c *candidate) fate(otherwise Fate) Fate {
	if c.same {
		return FateThere
	}
	return otherwise
}

func (c *candidate) drop() {
	if c.rec != nil {
		c.rec.Release()
		c.rec = nil
	}
}

// windowOf is the window of the pipeline that a row lies in.
func (d *Redriving) windowOf(c *candidate, p *permit, now time.Time) (Owed, error) {
	t := c.Stream.Table
	if d.Job.Spec.Step.IsZero() {
		return Owed{}, nil
	}
	times := c.rec.Column(t.Index(t.Time)).(*array.Timestamp).TimestampValues()
	first, last := time.UnixMicro(int64(slices.Min(times))).UTC(), time.UnixMicro(int64(slices.Max(times))).UTC()
	list := PlanBetween(d.Job.Spec, first, last.Add(time.Microsecond), now)
	if len(list) != 1 || !list[0].Window.Contains(first) || !list[0].Window.Contains(last) {
		return Owed{}, fmt.Errorf("no window of the pipeline holds %s yet", last.Format(time.RFC3339))
	}
	from, to := p.bounds()
	o, ok := list[0].Clip(from, to)
	if !ok || !o.Window.Contains(first) || !o.Window.Contains(last) {
		return Owed{}, fmt.Errorf("the wallet's consent does not reach to %s", first.Format(time.RFC3339))
	}
	return o, nil
}

// commit makes parts of what is left, a window each, and commits them.
func (d *Redriving) commit(ctx context.Context, r *run, p *permit, mine []*candidate, rep *RedriveReport, say sayer) error {
	s, now := mine[0].Stream, d.Job.Now()
	done, err := d.Job.Sink.Done(ctx, s)
	if err != nil {
		return err
	}
	var windows []schemas.Window
	groups := map[schemas.Window][]*candidate{}
	owed := map[schemas.Window]Owed{}
	for _, c := range mine {
		if c.rec == nil {
			continue
		}
		o, err := d.windowOf(c, p, now)
		switch {
		case err != nil:
			say(c, FateKept, "%v", err)
			continue
		case d.DryRun:
			say(c, c.fate(FateGood), "")
			continue
		}
		if groups[o.Window] == nil {
			windows = append(windows, o.Window)
			owed[o.Window] = o
		}
		groups[o.Window] = append(groups[o.Window], c)
	}
	slices.SortFunc(windows, func(a, b schemas.Window) int { return a.From.Compare(b.From) })
	for some := range slices.Chunk(windows, r.limits.BatchParts) {
		if err := r.permitted(ctx, s, p); err != nil {
			if !errors.Is(err, sources.ErrConsent) {
				return err
			}
			for _, w := range some {
				for _, c := range groups[w] {
					say(c, FateKept, "%v", err)
				}
			}
			continue
		}
		var b sinks.Batch
		for _, w := range some {
			// A window that is complete stays so, and the next one's balances begin
			// where this one's end; another one is not completed by a few rows.
			part := sinks.Part{Stream: s, Window: w, Final: !w.IsZero() && covers(done.Complete, w), Past: owed[w].Past,
				Rows: sinks.NewSpool(s.Table.ArrowSchema(), d.Job.TempDir, r.limits.SpoolRows)}
			if p != nil {
				part.ConsentID = p.ID
			}
			for _, c := range groups[w] {
				c.rec.Retain()
				if err := part.Rows.Append(c.rec); err != nil {
					return err
				}
				part.Resolves = append(part.Resolves, c.ID)
			}
			b.Parts = append(b.Parts, part)
		}
		receipt, err := r.offer(ctx, b)
		if err != nil {
			return fmt.Errorf("redrive %s: %w", s, err)
		}
		rep.Sequence = max(rep.Sequence, receipt.Sequence)
		for _, w := range some {
			for _, c := range groups[w] {
				say(c, c.fate(FateCommitted), "")
			}
		}
	}
	return nil
}
