package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
)

// What verify does with one object: read it whole, with a Parquet reader that
// had no part in writing it, and compute again all that its manifest says.

// objectRef is an object and where it was committed.
type objectRef struct {
	Object
	id       tableID
	manifest int // index into verifier.manifests
}

// keyRow is a row as far as revisions go.
type keyRow struct {
	key      schemas.Key
	hash     uint64
	revision int32
	sign     int32
	object   int32 // index into the list of objects of the run
}

// objectFacts is what an object turns out to hold.
type objectFacts struct {
	rows     []keyRow
	totals   map[[2]string]*Total
	inserted int64
	retracts int64
}

// examine checks one object. Broken promises become findings; an error means
// that it could not be read at all for reasons of its own, such as a lost
// connection.
func (v *verifier) examine(ctx context.Context, ref objectRef, index int32) (facts objectFacts, err error) {
	data, err := v.bucket.Read(ctx, ref.Path, 0, -1)
	if errors.Is(err, errAbsent) {
		v.fault(ref.Path, "manifest %d names it, but it is gone", v.manifests[ref.manifest].Sequence)
		return facts, nil
	}
	if err != nil {
		return facts, err
	}
	if sha := digest(data); sha != ref.SHA256 || int64(len(data)) != ref.Bytes || ref.Path != objectKey(ref.id.table, ref.SHA256) {
		v.fault(ref.Path, "its %d bytes have SHA-256 %s, the manifest says %d bytes and %s", len(data), sha, ref.Bytes, ref.SHA256)
		return facts, nil
	}
	defer func() { // the bytes are what was committed, but a hostile writer may have committed anything
		if r := recover(); r != nil {
			v.fault(ref.Path, "it is not a readable Parquet file: %v", r)
		}
	}()
	facts, problem := v.recompute(data, ref, index)
	if problem != nil {
		v.fault(ref.Path, "%v", problem)
	}
	return facts, nil
}

// recompute derives from the rows what the manifest says and compares.
func (v *verifier) recompute(data []byte, ref objectRef, index int32) (objectFacts, error) {
	var facts objectFacts
	t, _ := schemas.ByName(ref.id.table)
	t = t.AsOf(v.manifests[ref.manifest].SchemaVersion).Keep(v.manifests[ref.manifest].Kept...)
	r, err := newObjectReader(ref.Path, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return facts, err
	}
	columns := Schema(t)
	if v.manifests[ref.manifest].Kind == KindCompact {
		columns = MergedSchema(t)
	}
	if err := sameColumns(r, columns); err != nil {
		return facts, err
	}
	rec, err := r.record(t.Fields)
	if err != nil {
		return facts, err
	}
	own, err := r.record(lakeFields())
	if err != nil {
		return facts, err
	}
	keys, hashes := schemas.NewHasher(t).Rows(rec, nil, nil)
	entries := make([]entry, len(keys))
	revision, sign, stored := int32s(own.Column(0)), int32s(own.Column(1)), castSlice[uint64](int64s(own.Column(2)))
	facts.rows = make([]keyRow, len(keys))
	for i := range entries {
		if stored[i] != hashes[i] {
			return facts, fmt.Errorf("row %d does not hash to its row_hash", i+1)
		}
		if revision[i] < 1 || sign[i] != 1 && sign[i] != -1 {
			return facts, fmt.Errorf("row %d has revision %d and sign %d", i+1, revision[i], sign[i])
		}
		entries[i] = entry{row: uint32(i), hash: hashes[i], revision: revision[i], sign: sign[i]}
		facts.rows[i] = keyRow{keys[i], hashes[i], revision[i], sign[i], index}
		if sign[i] > 0 {
			facts.inserted++
		} else {
			facts.retracts++
		}
	}
	return facts, v.compare(t, rec, entries, ref, &facts)
}

// compare checks order and description, and adds up the totals.
func (v *verifier) compare(t *schemas.Table, rec arrow.Record, entries []entry, ref objectRef, facts *objectFacts) error {
	if len(entries) == 0 {
		return errors.New("it has no rows")
	}
	recs := []arrow.Record{rec}
	o := orderOf(layoutOf(t), recs, entries)
	for i := 1; i < len(entries); i++ {
		if o.compare(&entries[i-1], &entries[i]) >= 0 {
			return fmt.Errorf("rows %d and %d are not in order", i, i+1)
		}
		if entries[i].month != entries[0].month {
			return fmt.Errorf("row %d is of another month", i+1)
		}
	}
	if err := v.ofSource(o, recs, entries, ref); err != nil {
		return err
	}
	want := describe(o, recs, entries)
	want.Path, want.SHA256, want.Bytes = ref.Path, ref.SHA256, ref.Bytes
	got := ref.Object
	got.MinTime, got.MaxTime = got.MinTime.UTC(), got.MaxTime.UTC()
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the manifest says %+v, the rows say %+v", got, want)
	}
	w := &objectWriter{lay: o.lay, totals: map[[2]string]*Total{}}
	w.count(recs, entries)
	facts.totals = w.totals
	return nil
}

func (v *verifier) ofSource(o *order, recs []arrow.Record, entries []entry, ref objectRef) error {
	source := columns{recs}.text(o.lay.source)
	for i := range entries {
		if s := source(0, uint32(i)); s != ref.id.source {
			return fmt.Errorf("row %d is of source %q", i+1, s)
		}
	}
	return nil
}

func sameColumns(r *objectReader, want []Column) error {
	got := r.file.Schema().Columns()
	if len(got) != len(want) {
		return fmt.Errorf("it has %d columns, the table %d", len(got), len(want))
	}
	for i, c := range want {
		if got[i][0] != c.Name {
			return fmt.Errorf("column %d is %s, not %s", i+1, got[i][0], c.Name)
		}
	}
	return nil
}
