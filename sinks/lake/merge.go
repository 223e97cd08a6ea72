package lake

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// The rows of several objects in one, and the proof that they are the same.

// wholeObject is an object in memory.
type wholeObject struct {
	rec     arrow.Record
	entries []entry // rows of rec
	keys    []schemas.Key
	came    []int64 // the manifest that each row came with
}

// mergedRow is a row as far as merging may not change it. The hash is over all
// columns of its table.
type mergedRow struct {
	key      schemas.Key
	hash     uint64
	came     int64
	revision int32
	sign     int32
}

// fetchWhole reads an object whole and compares it with its manifest: bytes and
// row hashes. Rows of an object that is not merged itself came with sequence.
func fetchWhole(ctx context.Context, b bucket, t *schemas.Table, o Object, sequence int64) (*wholeObject, error) {
	data, err := b.Read(ctx, o.Path, 0, -1)
	if errors.Is(err, errAbsent) {
		return nil, fmt.Errorf("%s is gone: %w", o.Path, sinks.ErrCorrupt)
	}
	if err != nil {
		return nil, err
	}
	if sha := digest(data); sha != o.SHA256 || int64(len(data)) != o.Bytes {
		return nil, fmt.Errorf("%s has other bytes than its manifest says: %w", o.Path, sinks.ErrCorrupt)
	}
	return readWhole(data, t, o.Path, sequence)
}

func readWhole(data []byte, t *schemas.Table, path string, sequence int64) (*wholeObject, error) {
	r, err := newObjectReader(path, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	w := &wholeObject{}
	if w.rec, err = r.record(t.Fields); err != nil {
		return nil, err
	}
	own, err := r.record(lakeFields())
	if err != nil {
		return nil, err
	}
	var hashes []uint64
	w.keys, hashes = schemas.NewHasher(t).Rows(w.rec, nil, nil)
	revision, sign, stored := int32s(own.Column(0)), int32s(own.Column(1)), castSlice[uint64](int64s(own.Column(2)))
	if w.came, err = r.snapshots(sequence); err != nil {
		return nil, err
	}
	w.entries = make([]entry, len(hashes))
	for i := range w.entries {
		if hashes[i] != stored[i] {
			return nil, fmt.Errorf("row %d of %s does not hash to its row_hash: %w", i+1, path, sinks.ErrCorrupt)
		}
		w.entries[i] = entry{row: uint32(i), hash: stored[i], revision: revision[i], sign: sign[i]}
	}
	return w, nil
}

// snapshots are the manifests that the rows came with.
func (o *objectReader) snapshots(sequence int64) ([]int64, error) {
	if _, merged := o.columns[ColumnSnapshot]; merged {
		a, err := o.read(schemas.Field{Name: ColumnSnapshot, Kind: schemas.Int64})
		if err != nil {
			return nil, err
		}
		return int64s(a), nil
	}
	all := make([]int64, o.rows())
	for i := range all {
		all[i] = sequence
	}
	return all, nil
}

// rows lists the rows in one order, whatever order they have.
func (w *wholeObject) rows(into []mergedRow) []mergedRow {
	for i, e := range w.entries {
		into = append(into, mergedRow{w.keys[i], e.hash, w.came[i], e.revision, e.sign})
	}
	return into
}

func compareMerged(a, b mergedRow) int {
	return cmp.Or(cmp.Compare(a.key.Hi, b.key.Hi), cmp.Compare(a.key.Lo, b.key.Lo), cmp.Compare(a.revision, b.revision),
		cmp.Compare(a.sign, b.sign), cmp.Compare(a.hash, b.hash), cmp.Compare(a.came, b.came))
}

// sameRows compares two lists of rows, each in any order: key, content, revision,
// sign and manifest of every row.
func sameRows(before, after []mergedRow) error {
	if len(before) != len(after) {
		return fmt.Errorf("it holds %d rows instead of %d", len(after), len(before))
	}
	slices.SortFunc(before, compareMerged)
	slices.SortFunc(after, compareMerged)
	for i := range before {
		if before[i] != after[i] {
			return fmt.Errorf("it holds another row of revision %d, sign %d, manifest %d than the objects before it (revision %d, sign %d, manifest %d)",
				after[i].revision, after[i].sign, after[i].came, before[i].revision, before[i].sign, before[i].came)
		}
	}
	return nil
}

// mergeUnit makes one object of a unit's, and checks it before anybody hears of
// it: description and totals against those of the old objects, and the rows that
// are read back from its bytes against theirs.
func (l *Lake) mergeUnit(ctx context.Context, t *schemas.Table, u unit) (encoded, map[[2]string]*Total, error) {
	var recs []arrow.Record
	var entries []entry
	var came [][]int64
	var before []mergedRow
	var want Object
	sums := map[string]*Sum{}
	for n, o := range u.objects {
		w, err := fetchWhole(ctx, l.bucket, t, o.Object, o.sequence)
		if err != nil {
			return encoded{}, nil, err
		}
		before = w.rows(before)
		recs, came = append(recs, w.rec), append(came, w.came)
		for _, e := range w.entries {
			e.rec = uint32(n)
			entries = append(entries, e)
		}
		want.Rows += o.Rows
		want.HashSum += o.HashSum
		addSums(sums, o.Sums)
	}
	order := orderOf(layoutOf(t), recs, entries)
	order.sort(entries)
	enc, err := encodeMerged(l.zstd, l.opts.Parallel, order, recs, entries, func(e *entry) int64 { return came[e.rec][e.row] })
	if err != nil {
		return encoded{}, nil, err
	}
	got := map[string]*Sum{}
	addSums(got, enc.meta.Sums)
	if enc.meta.Rows != want.Rows || enc.meta.HashSum != want.HashSum || enc.meta.Month != u.month || !reflect.DeepEqual(got, sums) {
		return encoded{}, nil, fmt.Errorf("the merged object is not the sum of its %d parts; nothing was published", len(u.objects))
	}
	back, err := readWhole(enc.data, t, enc.meta.Path, 0)
	if err == nil {
		err = sameRows(before, back.rows(nil))
	}
	if err != nil {
		return encoded{}, nil, fmt.Errorf("the merged object was read back, nothing was published: %w", err)
	}
	out := &objectWriter{lay: order.lay, totals: map[[2]string]*Total{}}
	out.count(recs, entries)
	return enc, out.totals, nil
}

func addSums(into map[string]*Sum, sums []Sum) {
	for _, s := range sums {
		if into[s.Currency] == nil {
			into[s.Currency] = &Sum{Currency: s.Currency}
		}
		into[s.Currency].Rows += s.Rows
		into[s.Currency].Amount = into[s.Currency].Amount.Plus(s.Amount)
	}
}
