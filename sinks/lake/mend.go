package lake

import (
	"context"
	"errors"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// What the lake itself still holds of a lost file: an older version of it in the
// bucket, the objects that it was merged from, the object that it was merged
// into. Neither a warehouse nor a source is needed for that.

// Mended is a file that was put back, and from where.
type Mended struct {
	Damage
	From string
}

const (
	fromTwin    = "where another manifest names it"
	fromVersion = "an older version in the bucket"
	fromParts   = "the objects that it was merged from"
	fromMerged  = "the object that it was merged into"
)

// Mend puts back what the lake itself gives, bit for bit, and returns the rest.
// Whatever it makes again has the digest that was published, or is not written.
func (l *Lake) Mend(ctx context.Context, damaged []Damage) (back []Mended, left []Damage, err error) {
	left = slices.Clone(damaged)
	kin, err := l.kinship(ctx)
	if err != nil {
		return nil, left, err
	}
	for moved := true; moved && len(left) > 0; { // one that is back can be what another needs
		moved = false
		for _, d := range slices.Clone(left) {
			from, err := l.mendOne(ctx, kin, d)
			if err != nil {
				return back, left, err
			}
			if from == "" {
				continue
			}
			moved = true
			back = append(back, Mended{d, from})
			left = slices.DeleteFunc(left, func(x Damage) bool { return x.Path == d.Path && x.Manifest == d.Manifest })
		}
	}
	return back, left, nil
}

func (l *Lake) mendOne(ctx context.Context, kin *kinship, d Damage) (from string, err error) {
	key, sha := d.key()
	if hurt, err := l.hurt(ctx, &d); err != nil || !hurt {
		return fromTwin, err // named by two manifests, and back already
	}
	data, err := earlier(ctx, l.bucket, key, sha)
	if err != nil {
		return "", err
	}
	if data != nil {
		return fromVersion, mend(ctx, l.bucket, key, data)
	}
	t := d.Schema()
	if d.Rejects || t == nil {
		return "", nil
	}
	for _, try := range []struct {
		from string
		make func(context.Context, *kinship, *schemas.Table, Damage) (encoded, error)
	}{{fromParts, l.mergeAgain}, {fromMerged, l.takeOut}} {
		enc, err := try.make(ctx, kin, t, d)
		switch {
		case errors.Is(err, sinks.ErrCorrupt): // what it would be made from is lost, too
		case err != nil:
			return "", err
		case enc.meta.SHA256 == sha:
			return try.from, mend(ctx, l.bucket, key, enc.data)
		}
	}
	return "", nil
}

// kinship is which objects were merged from which.
type kinship struct {
	meta  map[string]source         // of every object, by path, with the manifest that named it first
	parts map[string][]MergedObject // of merged objects
	into  map[string]string         // of objects that were merged
}

func (l *Lake) kinship(ctx context.Context) (*kinship, error) {
	k := &kinship{map[string]source{}, map[string][]MergedObject{}, map[string]string{}}
	for e, err := range l.Manifests(ctx, 1) {
		if err != nil {
			return nil, err
		}
		for _, o := range e.Objects {
			if _, twice := k.meta[o.Path]; !twice {
				k.meta[o.Path] = source{o, e.Sequence}
			}
		}
		for _, m := range e.Merged {
			k.parts[m.Object] = m.From
			for _, o := range m.From {
				k.into[o.Path] = m.Object
			}
		}
	}
	return k, nil
}

// came are the manifests whose rows an object can hold.
func (k *kinship) came(o MergedObject) []int64 {
	parts := k.parts[o.Path]
	if len(parts) == 0 {
		return []int64{o.Sequence}
	}
	var out []int64
	for _, p := range parts {
		out = append(out, k.came(p)...)
	}
	return out
}

// mergeAgain makes a merged object from its old ones, as it was made first.
func (l *Lake) mergeAgain(ctx context.Context, kin *kinship, t *schemas.Table, d Damage) (enc encoded, err error) {
	parts := kin.parts[d.at.Path]
	if len(parts) == 0 {
		return enc, nil
	}
	u := unit{month: d.at.Month}
	for _, p := range parts {
		u.objects = append(u.objects, source{kin.meta[p.Path].Object, p.Sequence})
	}
	enc, _, err = l.mergeUnit(ctx, t, u)
	return enc, err
}

// takeOut makes an old object from the rows that it gave to a merged one: those
// that came with its manifest. Of two objects that shared one, each has its kind
// of rows.
func (l *Lake) takeOut(ctx context.Context, kin *kinship, t *schemas.Table, d Damage) (enc encoded, err error) {
	whole, ok := kin.into[d.at.Path]
	if !ok {
		return enc, nil
	}
	w, err := fetchWhole(ctx, l.bucket, t, kin.meta[whole].Object, kin.meta[whole].sequence)
	if err != nil {
		return enc, err
	}
	mine := map[int64]bool{}
	for _, p := range kin.parts[whole] {
		if p.Path == d.at.Path {
			for _, n := range kin.came(p) {
				mine[n] = true
			}
		}
	}
	var entries []entry
	for i, e := range w.entries {
		if mine[w.came[i]] {
			entries = append(entries, e)
		}
	}
	var came func(*entry) int64
	if len(kin.parts[d.at.Path]) > 0 { // it was merged itself
		came = func(e *entry) int64 { return w.came[e.row] }
	}
	for _, some := range [][]entry{entries, withdrawn(w, entries, true), withdrawn(w, entries, false)} {
		if int64(len(some)) != d.at.Rows {
			continue
		}
		recs := []arrow.Record{w.rec}
		o := orderOf(layoutOf(t), recs, some)
		o.sort(some)
		if enc, err = encodeMerged(l.zstd, l.opts.Parallel, o, recs, some, came); err != nil || enc.meta.SHA256 == d.at.SHA256 {
			return enc, err
		}
	}
	return encoded{}, nil
}

// withdrawn leaves the withdrawals without a successor, which a manifest that
// states a stretch of time anew has in objects of their own; or all others.
func withdrawn(w *wholeObject, entries []entry, only bool) (out []entry) {
	type revision struct {
		key schemas.Key
		no  int32
	}
	next := map[revision]bool{}
	for _, e := range entries {
		if e.sign > 0 {
			next[revision{w.keys[e.row], e.revision}] = true
		}
	}
	for _, e := range entries {
		alone := e.sign < 0 && !next[revision{w.keys[e.row], e.revision + 1}]
		if alone == only {
			out = append(out, e)
		}
	}
	return out
}
