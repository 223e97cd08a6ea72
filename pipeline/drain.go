package pipeline

// Draining: what upstreams deliver by themselves goes from the inbox into the
// sink, a batch at a time. It is answered before it is drained, so draining may
// fail, be killed and be repeated; the sink tells a repetition.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// Notice is a delivery that was accepted and lies in the inbox.
type Notice struct {
	ID     int64
	Source string
	Kind   string
	// Variant says how it was signed and, where the signature alone knows, when.
	Variant string
	At      time.Time // when it was received
	Body    []byte
}

// Inbox holds notices until they are settled.
type Inbox interface {
	// Waiting returns the oldest notices of the sources that are not settled.
	Waiting(ctx context.Context, sources []string, limit int) ([]Notice, error)
	// Settle marks notices as dealt with and says how.
	Settle(ctx context.Context, ids []int64, outcome string) error
}

// Told is what notices say about one stream.
type Told struct {
	Stream sources.Stream
	Page   sources.Page
}

// NoticeReader reads the notices of one source. What says nothing that belongs
// into a table is left out.
type NoticeReader interface {
	Read(ctx context.Context, notices []Notice) ([]Told, error)
}

// Drain moves notices into a sink. One may run at a time.
type Drain struct {
	Inbox     Inbox
	Readers   map[string]NoticeReader // by source
	Sink      sinks.Sink
	Followers *Followers
	Consents  Consents // nil: every wallet, for tests alone
	Subjects  Subjects
	Vault     Vault
	// Checks are those that reject, by source and table; NameReject as of a Job.
	Checks     map[[2]string][]schemas.Check
	NameReject func(r *schemas.Reject, s schemas.Stream) error
	Lease      func(ctx context.Context, name string) (release func(), err error)
	Now        func() time.Time
	Log        *slog.Logger
	TempDir    string
	Batch      int           // notices in one commit [1,000]
	Linger     time.Duration // how long the first notice waits for others [300 ms]
}

// outcomeDrained is what the inbox remembers of a notice that is dealt with.
const outcomeDrained = "drained"

// Run drains until ctx ends: when woken, and now and then, because a notice may
// have been left behind by a process that died.
func (d *Drain) Run(ctx context.Context, wake <-chan struct{}, every time.Duration) {
	d.defaults()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		for {
			n, err := d.Once(ctx)
			if err != nil && ctx.Err() == nil && !errors.Is(err, sinks.ErrBusy) {
				d.Log.Warn("inbox not drained; tried again", "err", err)
			}
			if err != nil || n == 0 {
				break
			}
		}
		select {
		case <-wake:
			pause(ctx, d.Linger)
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (d *Drain) defaults() {
	if d.Batch <= 0 {
		d.Batch = 1000
	}
	if d.Linger <= 0 {
		d.Linger = 300 * time.Millisecond
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
}

// Once moves what waits, at most a batch, and reports how many notices it
// settled. Followers are nudged, not waited for.
func (d *Drain) Once(ctx context.Context) (settled int, err error) {
	d.defaults()
	if d.Lease != nil {
		release, err := d.Lease(ctx, "inbox")
		if err != nil {
			return 0, fmt.Errorf("drain the inbox: %w", err)
		}
		defer release()
	}
	waiting, err := d.Inbox.Waiting(ctx, slices.Sorted(maps.Keys(d.Readers)), d.Batch)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	err = guarded("the inbox", func() error { return d.move(ctx, waiting) })
	if err != nil {
		return 0, fmt.Errorf("drain the inbox: %w", err)
	}
	return len(waiting), nil
}

// move commits what the notices say, then settles them: a crash in between
// repeats them.
func (d *Drain) move(ctx context.Context, waiting []Notice) error {
	if d.Subjects != nil {
		if err := d.Subjects.Keep(ctx); err != nil { // who was erased meanwhile
			return err
		}
	}
	bySource := map[string][]Notice{}
	for _, n := range waiting {
		bySource[n.Source] = append(bySource[n.Source], n)
	}
	for _, source := range slices.Sorted(maps.Keys(bySource)) {
		told, err := d.Readers[source].Read(ctx, bySource[source])
		if err != nil {
			return err
		}
		if len(told) == 0 {
			continue
		}
		if err := d.commit(ctx, source, told); err != nil {
			return err
		}
	}
	ids := make([]int64, len(waiting))
	for i, n := range waiting {
		ids[i] = n.ID
	}
	return d.Inbox.Settle(ctx, ids, outcomeDrained)
}

func (d *Drain) commit(ctx context.Context, source string, told []Told) error {
	byTable := map[string][]sinks.Part{}
	release := func() {
		for _, parts := range byTable {
			for i := range parts {
				parts[i].Release()
			}
		}
	}
	for i, t := range told {
		part, ok, err := d.part(ctx, t)
		if err != nil {
			for _, rest := range told[i+1:] {
				rest.Page.Rows.Release()
			}
			release()
			return err
		}
		if ok {
			byTable[t.Stream.Table.Name] = append(byTable[t.Stream.Table.Name], part)
		}
	}
	if err := d.keep(ctx, byTable); err != nil {
		release()
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		receipt, err := d.Sink.Commit(ctx, sinks.Batch{Parts: byTable[table]}) // owns the parts
		delete(byTable, table)
		if err != nil {
			release()
			return err
		}
		d.Log.Debug("committed", "source", source, "table", table, "rows", receipt.Read, "snapshot", receipt.Sequence)
		if receipt.Sequence > 0 {
			d.Followers.Nudge(ctx)
		}
	}
	return nil
}

// keep seals who was met and what was refused, before it is committed.
func (d *Drain) keep(ctx context.Context, byTable map[string][]sinks.Part) error {
	if d.Subjects != nil {
		if err := d.Subjects.Keep(ctx); err != nil {
			return err
		}
	}
	if d.Vault == nil {
		return nil
	}
	for _, parts := range byTable {
		for _, p := range parts {
			for _, r := range p.Rejects {
				if err := d.Vault.Put(ctx, p.Stream, r.ID(p.Stream), r.Raw); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// part makes a part of a page; none where its owner does not allow it now. It
// owns the page's rows.
func (d *Drain) part(ctx context.Context, t Told) (part sinks.Part, ok bool, err error) {
	page, told := t.Page, len(t.Page.Rejects)
	var columns []bool
	defer func() { page.Rows.Release() }()
	part = sinks.Part{Stream: t.Stream, Rejects: page.Rejects, Unknown: page.Unknown, Hint: true}
	if t.Stream.Wallet != "" && d.Consents != nil {
		standing, err := d.Consents.Standing(ctx, t.Stream.Source)
		if err != nil {
			return part, false, err
		}
		c := standing[t.Stream.Wallet]
		allowed, covered := schemas.Covered(c.Purposes, t.Stream.Table)
		columns = allowed
		if !c.Live(d.Now()) || !covered {
			d.Log.Warn("notices left out: nobody consents", "source", t.Stream.Source, "table", t.Stream.Table.Name,
				"wallet", t.Stream.Wallet, "rows", page.Rows.NumRows())
			return part, false, nil
		}
		part.ConsentID = c.ID
		page = (&permit{c, columns}).narrowed(page, t.Stream.Table)
		if columns != nil {
			part.Rejects = nil // their raw texts hold every field
		}
	}
	if page, err = d.judged(page, t.Stream, columns); err != nil {
		return part, false, err
	}
	part.Rejects = append(part.Rejects, page.Rejects[told:]...)
	if err := nameAll(d.NameReject, part.Rejects, t.Stream); err != nil {
		return part, false, err
	}
	part.Window = spanOf(page.Rows, t.Stream.Table)
	part.Rows = sinks.NewSpool(t.Stream.Table.ArrowSchema(), d.TempDir, 0)
	page.Rows.Retain()
	if err := part.Rows.Append(page.Rows); err != nil {
		part.Release()
		return part, false, err
	}
	return part, true, nil
}

// judged applies the checks that reject.
func (d *Drain) judged(page sources.Page, s schemas.Stream, covered []bool) (sources.Page, error) {
	checks := d.Checks[[2]string{s.Source, s.Table.Name}]
	if len(checks) == 0 {
		return page, nil
	}
	j, err := schemas.NewJudge(s.Table, checks)
	if err != nil {
		return page, err
	}
	return refuse(j, checks, page, s.Table, covered)
}

// spanOf is the window that holds the event times of a record.
func spanOf(rec arrow.Record, t *schemas.Table) schemas.Window {
	if rec.NumRows() == 0 || t.Whole() {
		return schemas.Window{}
	}
	times := rec.Column(t.Index(t.Time)).(*array.Timestamp).TimestampValues()
	first, last := slices.Min(times), slices.Max(times)
	return schemas.Window{From: time.UnixMicro(int64(first)).UTC(), To: time.UnixMicro(int64(last) + 1).UTC()}
}
