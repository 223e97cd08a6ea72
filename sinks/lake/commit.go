package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/klauspost/compress/zstd"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// limits are sizes that tests lower.
type limits struct {
	objectRows int   // rows of an object
	chunkRows  int   // rows of a batch that are planned at once; more are sorted on disk
	runRows    int   // rows of one sorted run
	cacheBytes int64 // decoded key columns kept
}

var defaultLimits = limits{objectRows: 250_000, chunkRows: 600_000, runRows: 100_000, cacheBytes: 16 << 20}

// Commit implements sinks.Sink. All parts of a batch must have one source and
// one table, because a manifest has.
func (l *Lake) Commit(ctx context.Context, b sinks.Batch) (sinks.Receipt, error) {
	defer func() {
		for i := range b.Parts {
			b.Parts[i].Release()
		}
	}()
	if len(b.Parts) == 0 {
		return sinks.Receipt{}, nil
	}
	if err := checkBatch(b); err != nil {
		return sinks.Receipt{}, err
	}
	if s := b.Parts[0].Stream; s.Table.Name == schemas.Decisions.Name {
		return sinks.Receipt{}, fmt.Errorf("commit %s: decisions are committed by Decide, which knows what they follow", s)
	}
	l.committing.Lock()
	defer l.committing.Unlock()
	var lost takenTwice
	for {
		receipt, err := l.attempt(ctx, b, KindData, anyHead)
		if !errors.Is(err, errTaken) {
			return receipt, err
		}
		// Somebody else published this number first. Their rows may be ours: from
		// the top, with their manifest read.
		if err := errors.Join(ctx.Err(), lost.again(l)); err != nil {
			return sinks.Receipt{}, err
		}
	}
}

// takenTwice notices a manifest whose name is taken although it cannot be read:
// in a versioned bucket somebody has laid a delete marker over it. Trying again
// would never end.
type takenTwice struct {
	head  int64
	times int
}

func (x *takenTwice) again(l *Lake) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x.times == 0 || l.head > x.head {
		*x = takenTwice{l.head, 1}
		return nil
	}
	if x.times++; x.times < 4 {
		return nil
	}
	return fmt.Errorf("the name of manifest %d is taken, and it cannot be read: it was deleted, and the bucket keeps older versions; paylake rebuild puts it back: %w", x.head+1, sinks.ErrCorrupt)
}

func checkBatch(b sinks.Batch) error {
	first := b.Parts[0].Stream
	for _, p := range b.Parts[1:] {
		if p.Stream.Source != first.Source || p.Stream.Table.Name != first.Table.Name || len(p.Stream.Table.Fields) != len(first.Table.Fields) {
			return fmt.Errorf("commit: %s and %s cannot share a manifest; group parts by source and table", first, p.Stream)
		}
	}
	return nil
}

// attempt tries to publish the batch as the next manifest. It is the commit
// point of the whole system; each step says what is true after it. errTaken: the
// number is taken, or the head is not the one that the batch was made for.
func (l *Lake) attempt(ctx context.Context, b sinks.Batch, kind string, at int64) (sinks.Receipt, error) {
	stream := b.Parts[0].Stream
	id := tableID{stream.Source, stream.Table.Name}

	// 1. Know the lake up to its head. Whatever is committed after this moment
	// makes step 6 fail, so everything decided in between is decided against
	// exactly these manifests.
	l.mu.Lock()
	err := l.refresh(ctx)
	head, headSHA, state := l.head, l.headSHA, l.state(id).snapshot(b)
	l.mu.Unlock()
	if err != nil {
		return sinks.Receipt{}, err
	}
	if at != anyHead && at != head {
		return sinks.Receipt{}, errTaken
	}

	// 2. Compare with the lake and encode what is new. Objects are stored at
	// once, so that no more than one is in memory; nobody sees them, because no
	// manifest names them. Their names are hashes: a second attempt finds them
	// there and loses nothing.
	p := newPlanner(l, state, stream.Table, b)
	out := &objectWriter{l: l, z: l.zstd, lay: p.lay, totals: map[[2]string]*Total{}}
	if err := p.retire(ctx, b); err != nil {
		return sinks.Receipt{}, fmt.Errorf("commit %s: %w", stream, err)
	}
	if err := l.planBatch(ctx, p, b, out); err != nil {
		return sinks.Receipt{}, fmt.Errorf("commit %s: %w", stream, err)
	}
	if err := l.withdraw(ctx, p, b, out); err != nil {
		return sinks.Receipt{}, fmt.Errorf("commit %s: %w", stream, err)
	}

	fault.Point("lake.objects")

	// 3. Rejected rows that the lake has not seen, in one file.
	seen, err := l.loadSeen(ctx, id)
	if err != nil {
		return sinks.Receipt{}, err
	}
	file, err := l.storeQuarantine(ctx, p, id.table, seen)
	if err != nil {
		return sinks.Receipt{}, err
	}

	fault.Point("lake.rejects")

	if err := p.resolve(seen); err != nil {
		return sinks.Receipt{}, fmt.Errorf("commit %s: %w", stream, err)
	}

	// 4. Say only what is new: a part that changed nothing, completed nothing
	// and changed no verdict would make history grow with every look-back. A
	// part that is left out has no rows in any object.
	receipt := p.receipt()
	m := &Manifest{Format: Format, Kind: kind, Sequence: head + 1, PrevSHA256: headSHA, CreatedAt: l.opts.Now().UTC(),
		Source: id.source, Table: id.table, SchemaVersion: stream.Table.Version, Kept: keptNames(stream.Table),
		Objects: out.objects, Totals: sortedPairs(out.totals), Quarantine: []QuarantineFile{}}
	for i := range p.parts {
		if p.worthWriting(&p.parts[i]) {
			m.Parts = append(m.Parts, p.parts[i].out)
		}
	}
	if len(m.Parts) == 0 {
		return receipt, nil
	}
	if file.Rows > 0 {
		m.Quarantine = append(m.Quarantine, file)
	}
	if m.Objects == nil {
		m.Objects = []Object{}
	}

	// 5. The manifest's bytes are final here: its digest is the next manifest's
	// prev_sha256.
	raw, err := m.encode()
	if err != nil {
		return sinks.Receipt{}, err
	}

	fault.Point("lake.encoded")

	// 6. The commit: before it nothing of the batch is visible, after it all of
	// it is, and the windows it completes are complete. If the number is taken,
	// errTaken sends the caller back to step 1. If the answer is lost, the
	// manifest may be there or not: a repeated commit finds its rows and its
	// windows in the lake, or not, and is right in both cases.
	if err := l.bucket.Create(ctx, manifestKey(m.Sequence), raw); err != nil {
		return sinks.Receipt{}, fmt.Errorf("commit %s: %w", stream, err)
	}

	fault.Point("lake.published")

	// 7. Follow our own manifest as any other reader would.
	l.mu.Lock()
	err = l.adopt(m, raw)
	l.mu.Unlock()
	receipt.Sequence = m.Sequence
	receipt.Bytes = int64(len(raw)) + file.Bytes
	for _, o := range m.Objects {
		receipt.Bytes += o.Bytes
	}
	return receipt, err
}

// adopt applies a manifest that was just written, unless a reader has applied
// it in the meantime.
func (l *Lake) adopt(m *Manifest, raw []byte) error {
	if l.head >= m.Sequence {
		return nil
	}
	e, err := decodeManifest(m.Sequence, raw)
	if err != nil {
		return err
	}
	l.follow(e)
	return nil
}

// planBatch plans the batch in memory, or in sorted chunks when it is large or
// lies on disk already.
func (l *Lake) planBatch(ctx context.Context, p *planner, b sinks.Batch, out *objectWriter) error {
	spilled := slices.ContainsFunc(b.Parts, func(p sinks.Part) bool { return p.Rows.Spilled() })
	if spilled || b.Rows() > int64(l.limits.chunkRows) {
		return l.planSpilled(ctx, p, out)
	}
	var recs []batchRec
	rows := make([]entry, 0, b.Rows())
	for i := range b.Parts {
		for rec, err := range p.rowsOf(i) {
			if err != nil {
				return err
			}
			if rec.NumRows() == 0 {
				continue
			}
			for row := range uint32(rec.NumRows()) {
				rows = append(rows, entry{rec: uint32(len(recs)), row: row})
			}
			recs = append(recs, batchRec{rec: rec, part: int32(i)})
		}
	}
	done, err := p.chunk(ctx, recs, rows, true)
	if err != nil {
		return err
	}
	return out.write(ctx, done.order, recordsOf(done.recs), done.entries)
}

// objectWriter turns planned rows into stored objects and control totals.
type objectWriter struct {
	l       *Lake
	z       *zstd.Encoder
	lay     layout
	objects []Object
	totals  map[[2]string]*Total
}

// write sorts rows and stores one object per month and objectRows rows. Without
// an order it computes one.
func (w *objectWriter) write(ctx context.Context, o *order, recs []arrow.Record, entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	if o == nil {
		o = orderOf(w.lay, recs, entries)
	}
	o.sort(entries)
	w.count(recs, entries)
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && n < w.l.limits.objectRows && entries[n].month == entries[0].month {
			n++
		}
		if err := w.store(ctx, o, recs, entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

func (w *objectWriter) store(ctx context.Context, o *order, recs []arrow.Record, entries []entry) error {
	enc, err := encodeObject(w.z, w.l.opts.Parallel, o, recs, entries)
	if err != nil {
		return err
	}
	w.objects = append(w.objects, enc.meta)
	err = putOnce(ctx, w.l.bucket, enc.meta.Path, enc.data)
	fault.Point("lake.stored")
	return err
}

// count adds rows to the control totals.
func (w *objectWriter) count(recs []arrow.Record, entries []entry) {
	c := columns{recs}
	amount := c.number(w.lay.amount)
	none := func(_, _ uint32) string { return "" }
	provider, currency := none, none
	if w.lay.provider >= 0 {
		provider = c.text(w.lay.provider)
	}
	if w.lay.currency >= 0 {
		currency = c.text(w.lay.currency)
	}
	tally := newTally()
	for i := range entries {
		e := &entries[i]
		tally.at(provider(e.rec, e.row), currency(e.rec, e.row)).add(amount(e.rec, e.row), e.sign)
	}
	mergeTotals(w.totals, tally.totals())
}

func (l *Lake) storeQuarantine(ctx context.Context, p *planner, table string, seen map[string]struct{}) (QuarantineFile, error) {
	var all []QuarantineRow
	here := map[string]struct{}{}
	for i := range p.parts {
		pp := &p.parts[i]
		rows, q := quarantineOf(pp.in, func(id string) bool {
			_, before := seen[id]
			_, twice := here[id]
			here[id] = struct{}{}
			return before || twice
		})
		pp.out.Quarantined = q
		all = append(all, rows...)
	}
	if len(all) == 0 {
		return QuarantineFile{}, nil
	}
	file, data, err := encodeQuarantine(l.zstd, table, all)
	if err != nil {
		return file, err
	}
	return file, putOnce(ctx, l.bucket, file.Path, data)
}

func (p *planner) receipt() sinks.Receipt {
	var r sinks.Receipt
	for i := range p.parts {
		o := &p.parts[i].out
		r.Read += o.Rows
		r.Inserted += o.Inserted
		r.Retracted += o.Retracted
		r.Withdrawn += p.parts[i].withdrawn
		r.Duplicates += o.Duplicates
		r.Quarantined += o.Quarantined.Rows
		c := sinks.Chain{Stream: p.parts[i].in.Stream.String(), Window: o.Window, State: o.Chain.State}
		for _, b := range o.Chain.Breaks {
			c.Breaks = append(c.Breaks, sinks.Break(b))
		}
		r.Chains = append(r.Chains, c)
	}
	return r
}

func keptNames(t *schemas.Table) []string {
	var names []string
	for _, f := range t.Fields {
		if f.Kept {
			names = append(names, f.Name)
		}
	}
	return names
}
