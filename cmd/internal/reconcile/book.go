package reconcile

import (
	"context"
	"fmt"
	"slices"
)

// Side is where rows come from: the lake, or the warehouse. It can be read as
// often as needed and says the same every time.
type Side interface {
	// Rows hands out the rows of the period, those that were taken back once
	// more with the sign -1. A row is valid during the call.
	Rows(ctx context.Context, each func(r *Row, sign int) error) error
	// Reversals hands out, of rows of any day that reverse another, which one.
	Reversals(ctx context.Context, each func(of RowID, sign int) error) error
}

// buckets is into how many parts the rows are divided by their keys, so that
// only the parts in which two sides differ are held row by row.
const buckets = 4096

type bucket struct {
	rows int64  // those that were taken back are taken off
	hash uint64 // Σ of the rows' digests: what is doubled does not cancel out
}

// book is one side, summed up.
type book struct {
	sums    map[Key]*Sums
	buckets []bucket
	rows    int64
	// silent is spend that was taken back and that no row reverses.
	silent map[RowID]*silent
}

// silent is one key's spend that was taken back, in all its revisions.
type silent struct {
	revisions []silentRevision
	reversals int // rows that reverse it
}

type silentRevision struct {
	key   Key
	minor int64
	times int // 0: taken back in favour of another one
}

// read sums a side up.
func read(ctx context.Context, side Side, h *hasher) (*book, error) {
	b := &book{sums: map[Key]*Sums{}, buckets: make([]bucket, buckets), silent: map[RowID]*silent{}}
	if err := side.Rows(ctx, func(r *Row, sign int) error { return b.add(r, sign, h) }); err != nil {
		return nil, err
	}
	for id, s := range b.silent {
		s.revisions = slices.DeleteFunc(s.revisions, func(v silentRevision) bool { return v.times <= 0 })
		if len(s.revisions) == 0 {
			delete(b.silent, id)
		}
	}
	if err := b.hear(ctx, side); err != nil {
		return nil, err
	}
	for k, s := range b.sums {
		if s.below() {
			return nil, fmt.Errorf("of %s, provider %q, more rows are taken back than are there", k.Wallet, k.Provider)
		}
		if *s == (Sums{}) {
			delete(b.sums, k)
		}
	}
	return b, nil
}

// hear leaves out what a row reverses; the rest is a refund of itself.
func (b *book) hear(ctx context.Context, side Side) error {
	if len(b.silent) == 0 {
		return nil
	}
	err := side.Reversals(ctx, func(of RowID, sign int) error {
		if s := b.silent[of]; s != nil {
			s.reversals += sign
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, s := range b.silent {
		if s.reversals > 0 {
			delete(b.silent, id)
			continue
		}
		for _, v := range s.revisions {
			for range v.times { // more than once only where a side shows a key doubled
				if err := b.sums[v.key].add(Sums{Refunds: v.minor}, 1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *book) add(r *Row, sign int, h *hasher) error {
	one, err := r.sums()
	if err != nil {
		return err
	}
	k := r.key()
	sums := b.sums[k]
	if sums == nil {
		sums = &Sums{}
		b.sums[k.clone()] = sums
	}
	if err := sums.add(one, sign); err != nil {
		return err
	}
	key, whole := h.row(r)
	part := &b.buckets[key%buckets]
	part.rows, part.hash, b.rows = part.rows+int64(sign), part.hash+uint64(int64(sign))*whole, b.rows+int64(sign)
	if r.silent() {
		b.hush(r, k, sign)
	}
	return nil
}

// hush notes spend that was taken back.
func (b *book) hush(r *Row, k Key, sign int) {
	s := b.silent[r.RowID]
	if s == nil {
		s = &silent{}
		b.silent[r.clone()] = s
	}
	for i := range s.revisions {
		if v := &s.revisions[i]; v.key == k && v.minor == -r.Amount {
			v.times += sign
			return
		}
	}
	s.revisions = append(s.revisions, silentRevision{k.clone(), -r.Amount, sign})
}
