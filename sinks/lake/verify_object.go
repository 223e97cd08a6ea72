package lake

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/paylake/paylake/schemas"
)

// What verify does with one object: read its bytes once, with a reader that had
// no part in writing them, and compute again all that its manifest says.

// objectRef is an object and where it was committed.
type objectRef struct {
	Object
	id       tableID
	manifest int // index into verifier.manifests
}

// keeping says what is wanted of an object's rows beyond the verdict on it.
type keeping int32

const (
	keepNothing keeping = iota
	keepKeys            // keys, hashes, revisions and signs
	keepChain           // and what a balance chain needs
)

// objectFacts is what an object turns out to hold.
type objectFacts struct {
	rows     *keyColumns // nil unless they were to be kept
	totals   map[[2]string]*Total
	inserted int64
	retracts int64
}

// examine checks one object. Broken promises become findings; an error means
// that it could not be read at all for reasons of its own, such as a lost
// connection.
func (v *verifier) examine(ctx context.Context, ref objectRef, keep keeping) (facts objectFacts, err error) {
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
	facts, problem := v.recompute(data, ref, keep)
	if problem != nil {
		v.fault(ref.Path, "%v", problem)
	}
	return facts, nil
}

// recompute derives from the rows what the manifest says and compares.
func (v *verifier) recompute(data []byte, ref objectRef, keep keeping) (objectFacts, error) {
	m := &v.manifests[ref.manifest]
	t, _ := schemas.ByName(ref.id.table)
	t = t.AsOf(m.SchemaVersion).Keep(m.Kept...)
	columns := Schema(t)
	if m.Kind == KindCompact {
		columns = MergedSchema(t)
	}
	in, err := v.inspectors.take()
	if err != nil {
		return objectFacts{}, err
	}
	in.spare = &v.spare
	defer v.inspectors.put(in)
	if err := in.scan.open(data, columns); err != nil {
		return objectFacts{}, err
	}
	return in.inspect(t, ref, keep)
}

// inspectors are at rest between two objects; as many as work at a time.
type inspectors struct {
	mu   sync.Mutex
	idle []*inspector
}

func (p *inspectors) take() (*inspector, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		in := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return in, nil
	}
	s, err := newScanner()
	if err != nil {
		return nil, fmt.Errorf("start a Zstandard decoder: %w", err)
	}
	return &inspector{scan: s}, nil
}

func (p *inspectors) put(in *inspector) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, in)
}

func (p *inspectors) close() {
	for _, in := range p.idle {
		in.scan.close()
	}
	p.idle = nil
}

// inspector goes through the rows of one object, some thousand at a time.
type inspector struct {
	scan   *scanner
	hasher rowHasher
	lay    layout
	order  rowOrder
	money  moneySums
	chain  *chainScan // nil: not asked for
	rows   *keyColumns
	spare  *spareColumns

	final              bool // rows of this table are never changed
	before             int  // rows of earlier steps
	hashSum            uint64
	inserted, retracts int64
	minTime, maxTime   int64
	month              int32
}

// inspect reads the object that the scanner has opened.
func (in *inspector) inspect(t *schemas.Table, ref objectRef, keep keeping) (objectFacts, error) {
	in.begin(t, keep)
	for {
		n, err := in.scan.next()
		if err != nil {
			return objectFacts{}, err
		}
		if n == 0 {
			break
		}
		if err := in.step(n, ref.id.source); err != nil {
			return objectFacts{}, err
		}
		in.before += n
	}
	if in.before == 0 {
		return objectFacts{}, errors.New("it has no rows")
	}
	want := in.describe()
	want.Path, want.SHA256, want.Bytes = ref.Path, ref.SHA256, ref.Bytes
	got := ref.Object
	got.MinTime, got.MaxTime = got.MinTime.UTC(), got.MaxTime.UTC()
	if !reflect.DeepEqual(got, want) { // its rows still explain those of other objects
		return objectFacts{rows: in.rows}, fmt.Errorf("the manifest says %+v, the rows say %+v", got, want)
	}
	if in.chain != nil {
		in.rows.chain = in.chain.done()
	}
	return objectFacts{rows: in.rows, totals: in.money.totals(), inserted: in.inserted, retracts: in.retracts}, nil
}

func (in *inspector) begin(t *schemas.Table, keep keeping) {
	*in = inspector{scan: in.scan, hasher: in.hasher, lay: layoutOf(t), order: in.order, spare: in.spare}
	in.final = t.Name == schemas.Decisions.Name
	in.hasher.begin(t)
	in.order.begin(in.lay)
	in.money.begin(in.lay)
	if keep >= keepKeys {
		in.rows = in.spare.take(in.scan.rows)
	}
	if keep >= keepChain {
		in.chain = newChainScan(in.lay, in.spare.takeChain(in.scan.rows))
	}
}

// step checks the rows that the scanner stands at.
func (in *inspector) step(n int, source string) error {
	if err := in.hashes(n); err != nil {
		return err
	}
	if err := in.ofSource(n, source); err != nil {
		return err
	}
	if err := in.times(n); err != nil {
		return err
	}
	if err := in.order.check(in.scan, in.before, n); err != nil {
		return err
	}
	in.money.add(in.scan, in.signs(n), n)
	if in.chain != nil {
		in.chain.add(in.scan, n)
	}
	return nil
}

// own is one of the lake's own columns: 0 is the revision, 1 the sign, 2 the hash.
func (in *inspector) own(i int) *scanColumn { return &in.scan.columns[len(in.lay.table.Fields)+i] }

func (in *inspector) signs(n int) []int32 {
	c := in.own(1)
	return c.ints32[c.at : c.at+n]
}

func (in *inspector) hashes(n int) error {
	c, h := in.own(0), in.own(2)
	revisions, signs, stored := c.ints32[c.at:c.at+n], in.signs(n), h.ints[h.at:h.at+n]
	in.hasher.step(in.scan, n)
	for r := range n {
		key, hash := in.hasher.row(r)
		revision, sign := revisions[r], signs[r]
		if hash != uint64(stored[r]) {
			return fmt.Errorf("row %d does not hash to its row_hash", in.before+r+1)
		}
		if revision < 1 || sign != 1 && sign != -1 {
			return fmt.Errorf("row %d has revision %d and sign %d", in.before+r+1, revision, sign)
		}
		if in.final && (revision != 1 || sign != 1) {
			return fmt.Errorf("row %d changes a decision (revision %d, sign %d), which no commit may", in.before+r+1, revision, sign)
		}
		in.hashSum += hash
		if sign > 0 {
			in.inserted++
		} else {
			in.retracts++
		}
		if k := in.rows; k != nil {
			k.keys, k.hashes, k.revision, k.sign = append(k.keys, key), append(k.hashes, hash), append(k.revision, revision), append(k.sign, int8(sign))
		}
	}
	return nil
}

func (in *inspector) ofSource(n int, source string) error {
	c := &in.scan.columns[in.lay.source]
	for r := range n {
		if s := c.textAt(r); string(s) != source {
			return fmt.Errorf("row %d is of source %q", in.before+r+1, s)
		}
		if c.dictionary && c.one {
			break
		}
	}
	return nil
}

// times finds the bounds of event times, and the month that all rows are of.
func (in *inspector) times(n int) error {
	if in.lay.time >= 0 {
		c := &in.scan.columns[in.lay.time]
		if in.before == 0 {
			in.minTime, in.maxTime = c.intAt(0), c.intAt(0)
		}
		for r := range n {
			t := c.intAt(r)
			in.minTime, in.maxTime = min(in.minTime, t), max(in.maxTime, t)
		}
	}
	if in.lay.date < 0 {
		return nil
	}
	c := &in.scan.columns[in.lay.date]
	last := int32(c.intAt(0))
	if in.before == 0 {
		in.month = monthOf(last)
	}
	for r := range n {
		day := int32(c.intAt(r))
		if (day != last || r == 0) && monthOf(day) != in.month {
			return fmt.Errorf("row %d is of another month", in.before+r+1)
		}
		last = day
	}
	return nil
}

// describe is what the manifest should say of the object.
func (in *inspector) describe() Object {
	o := Object{Rows: int64(in.before), HashSum: in.hashSum, Sums: []Sum{}}
	if in.lay.time >= 0 {
		o.MinTime, o.MaxTime = time.UnixMicro(in.minTime).UTC(), time.UnixMicro(in.maxTime).UTC()
	}
	o.MinWallet, o.MaxWallet = in.order.wallets()
	if in.lay.date >= 0 {
		o.Month = fmt.Sprintf("%04d-%02d", in.month/12, in.month%12+1)
	}
	if in.lay.amount >= 0 {
		o.Sums = in.money.perCurrency()
	}
	return o
}
