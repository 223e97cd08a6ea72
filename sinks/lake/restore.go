package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Putting a lost or damaged file back. An object is a function of its rows and
// is named by its digest, so whoever has the rows can make it again, and nobody
// has to be trusted: rows that give other bytes are refused.

// ErrOtherBytes is returned for rows that are not those of the lost file.
var ErrOtherBytes = errors.New("these rows do not give the bytes that were published")

// Rows are rows of one object, in any order.
type Rows struct {
	Record   arrow.Record // the table's columns, as Damage.Schema has them
	Revision []int32
	Sign     []int32
	Came     []int64 // the manifest that each row came with; only merged objects need it
}

// Schema is the table as it was when the lost rows were committed, and where
// they lay: what a store must be asked to give them back.
func (d Damage) Schema() *schemas.Table {
	t, ok := schemas.ByName(d.Table)
	if !ok || d.entry == nil {
		return nil
	}
	return t.AsOf(d.entry.SchemaVersion).Keep(d.entry.Kept...)
}

// Entry is the manifest that published the file, and Object what it says of it;
// without a path for rejected rows.
func (d Damage) Entry() *Entry { return d.entry }

// Object is what the manifest says of the lost object.
func (d Damage) Object() Object { return d.at }

// Restore puts an object back from its rows. The error wraps ErrOtherBytes when
// they are not the ones that were published; nothing is written then.
func (l *Lake) Restore(ctx context.Context, d Damage, rows Rows) error {
	t := d.Schema()
	if t == nil || d.Rejects {
		return fmt.Errorf("restore %s: %w", d.Path, ErrOtherBytes)
	}
	recs := []arrow.Record{rows.Record}
	_, hashes := schemas.NewHasher(t).Rows(rows.Record, nil, nil)
	entries := make([]entry, len(hashes))
	for i := range entries {
		entries[i] = entry{row: uint32(i), hash: hashes[i], revision: rows.Revision[i], sign: rows.Sign[i]}
	}
	var came func(*entry) int64
	if d.merged() {
		if len(rows.Came) != len(entries) {
			return fmt.Errorf("restore %s: it says of each row which manifest it came with, and that was not told: %w", d.Path, ErrOtherBytes)
		}
		came = func(e *entry) int64 { return rows.Came[e.row] }
	}
	o := orderOf(layoutOf(t), recs, entries)
	o.sort(entries)
	return l.restore(ctx, d, o, recs, entries, came)
}

// merged reports whether the object was made by compaction.
func (d *Damage) merged() bool { return d.entry != nil && d.entry.Kind == KindCompact }

// restore puts an object back from entries in order; came: of a merged object.
func (l *Lake) restore(ctx context.Context, d Damage, o *order, recs []arrow.Record, entries []entry, came func(*entry) int64) error {
	if int64(len(entries)) != d.at.Rows {
		return fmt.Errorf("restore %s: %d rows instead of %d: %w", d.Path, len(entries), d.at.Rows, ErrOtherBytes)
	}
	enc, err := encodeMerged(l.zstd, l.opts.Parallel, o, recs, entries, came)
	if err != nil {
		return fmt.Errorf("restore %s: %w", d.Path, err)
	}
	if enc.meta.SHA256 != d.at.SHA256 {
		return fmt.Errorf("restore %s: %w", d.Path, ErrOtherBytes)
	}
	return mend(ctx, l.bucket, d.at.Path, enc.data)
}

// RestoreRejects puts a quarantine file back from its rows, as Restore does.
func (l *Lake) RestoreRejects(ctx context.Context, d Damage, rows []QuarantineRow) error {
	file, data, err := encodeQuarantine(l.zstd, d.Table, rows)
	if err != nil {
		return fmt.Errorf("restore %s: %w", d.Path, err)
	}
	if !d.Rejects || file.SHA256 != d.file.SHA256 {
		return fmt.Errorf("restore %s: %w", d.Path, ErrOtherBytes)
	}
	return mend(ctx, l.bucket, d.file.Path, data)
}

// mend stores the right bytes under a key whose own are gone or damaged. The
// damaged ones are kept aside, for whoever asks what happened to them. Nothing is
// deleted: a bucket that keeps versions may refuse that, and there a name whose
// newest version is a delete marker can count as taken.
func mend(ctx context.Context, b bucket, key string, data []byte) error {
	old, err := b.Read(ctx, key, 0, -1)
	switch {
	case err != nil && !errors.Is(err, errAbsent):
		return err
	case err == nil && bytes.Equal(old, data):
		return nil
	case err == nil:
		if err := b.Create(ctx, "damaged/"+key+"."+digest(old)[:16], old); err != nil && !errors.Is(err, errTaken) {
			return err
		}
	}
	if err := b.Replace(ctx, key, data); err != nil {
		return fmt.Errorf("put %s back: %w", key, err)
	}
	// A store has been seen that confirms a write over a delete marker and goes on
	// hiding the key.
	now, err := b.Read(ctx, key, 0, -1)
	if err == nil && !bytes.Equal(now, data) || errors.Is(err, errAbsent) {
		return fmt.Errorf("put %s back: the store has confirmed the bytes and does not show them; delete the markers over that key, then repeat the command: %w", key, sinks.ErrUnavailable)
	}
	return err
}

// describeBytes reads an object whole and describes it as its manifest did.
func describeBytes(t *schemas.Table, key string, data []byte) (meta Object, source string, err error) {
	r, err := newObjectReader(key, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return meta, "", err
	}
	for _, f := range t.Fields { // an object of an earlier version lacks the columns that came later
		if _, ok := r.columns[f.Name]; !ok && f.Since == 0 {
			return meta, "", fmt.Errorf("%s has no column %s: %w", key, f.Name, sinks.ErrCorrupt)
		}
	}
	rec, err := r.record(t.Fields)
	if err != nil {
		return meta, "", err
	}
	own, err := r.record(lakeFields())
	if err != nil || rec.NumRows() == 0 {
		return meta, "", errors.Join(err, fmt.Errorf("%s has no rows: %w", key, sinks.ErrCorrupt))
	}
	sign := int32s(own.Column(1))
	entries := make([]entry, rec.NumRows())
	for i := range entries {
		entries[i] = entry{row: uint32(i), sign: sign[i]}
	}
	recs := []arrow.Record{rec}
	o := orderOf(layoutOf(t), recs, entries)
	return describe(o, recs, entries), columns{recs}.text(o.lay.source)(0, 0), nil
}
