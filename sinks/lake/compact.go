package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Merging small objects. A commit of few rows makes a small object, and a month
// that is read every five minutes has thousands of them. Once a month is closed
// their rows are written again into few large ones, by a manifest that changes
// no row. The old objects stay where they are.

// CompactOptions say what is merged.
type CompactOptions struct {
	SmallRows int64     // objects with fewer rows; at least 2
	Before    time.Time // of months that ended by then; of catalogues, objects committed before
	DryRun    bool      // only say what would be merged
}

// Compaction is what became, or would become, one object.
type Compaction struct {
	Source   string `json:"source"`
	Table    string `json:"table"`
	Month    string `json:"month,omitempty"`
	Objects  int    `json:"objects"` // merged
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`              // of the old objects
	Sequence int64  `json:"sequence,omitempty"` // the manifest that names the new one
	Object   string `json:"object,omitempty"`
	Size     int64  `json:"size,omitempty"` // bytes of the new one
}

// mergesPerManifest bounds a manifest of kind compact.
const mergesPerManifest = 64

// Compact merges what may be merged, and says what it merged, also when it ends
// with an error. It may be interrupted and repeated anywhere, and run beside
// commits and other compactions: of those that merge the same objects one wins.
// sinks.ErrCorrupt: an old object is not what was committed, nothing is made of it.
func (l *Lake) Compact(ctx context.Context, o CompactOptions) ([]Compaction, error) {
	var done []Compaction
	if o.SmallRows < 2 || o.Before.IsZero() {
		return nil, errors.New("compact: SmallRows and Before are required")
	}
	var lost takenTwice
	for {
		head, units, err := l.mergeable(ctx, o)
		if err != nil || len(units) == 0 {
			return done, err
		}
		if o.DryRun {
			for _, u := range units {
				done = append(done, u.said())
			}
			return done, nil
		}
		n := 1
		for n < len(units) && n < mergesPerManifest && units[n].group == units[0].group {
			n++
		}
		made, err := l.merge(ctx, head, units[:n])
		done = append(done, made...)
		if errors.Is(err, errTaken) { // somebody committed; look again what is there
			err = lost.again(l)
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return done, err
		}
	}
}

// group is what the objects of one manifest of kind compact have in common.
type group struct {
	id      tableID
	version int
	kept    string // names, joined
}

// source is an object that may be merged.
type source struct {
	Object
	sequence int64
}

// unit is what becomes one object.
type unit struct {
	group
	month   string
	objects []source
}

func (u unit) said() Compaction {
	c := Compaction{Source: u.id.source, Table: u.id.table, Month: u.month, Objects: len(u.objects)}
	for _, o := range u.objects {
		c.Rows += o.Rows
		c.Bytes += o.Bytes
	}
	return c
}

// mergeable reads all manifests: the newest one, and what may be merged as of it.
func (l *Lake) mergeable(ctx context.Context, o CompactOptions) (head Entry, units []unit, err error) {
	type place struct {
		group
		month string
	}
	live := map[place][]source{}
	var order []place
	for e, err := range l.Manifests(ctx, 1) {
		if err != nil {
			return head, nil, err
		}
		if e.PrevSHA256 != head.SHA256 {
			return head, nil, fmt.Errorf("%s does not follow the manifest before it: %w", l.full(manifestKey(e.Sequence)), sinks.ErrCorrupt)
		}
		head = e
		gone := map[string]bool{}
		for _, m := range e.Merged {
			for _, old := range m.From {
				gone[old.Path] = true
			}
		}
		if len(gone) > 0 {
			for p := range live {
				live[p] = slices.DeleteFunc(live[p], func(s source) bool { return gone[s.Path] })
			}
		}
		for _, obj := range e.Objects {
			if !closed(obj.Month, e.CreatedAt, o.Before) || obj.Rows >= min(o.SmallRows, int64(l.limits.objectRows)) {
				continue
			}
			p := place{group{tableID{e.Source, e.Table}, e.SchemaVersion, strings.Join(e.Kept, "\x00")}, obj.Month}
			if live[p] == nil {
				order = append(order, p)
			}
			live[p] = append(live[p], source{obj, e.Sequence})
		}
	}
	slices.SortFunc(order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.id.source, b.id.source), cmp.Compare(a.id.table, b.id.table), cmp.Compare(a.version, b.version),
			cmp.Compare(a.kept, b.kept), cmp.Compare(a.month, b.month))
	})
	for _, p := range order {
		units = append(units, l.pack(p.group, p.month, live[p])...)
	}
	return head, units, nil
}

// closed reports whether a month takes few rows any more.
func closed(month string, committed, before time.Time) bool {
	if month == "" { // a catalogue
		return committed.Before(before)
	}
	first, err := time.Parse("2006-01", month)
	return err == nil && !first.AddDate(0, 1, 0).After(before)
}

// pack fills objects up to the usual size, in the order of the commits. One
// that would stay alone is left as it is. An object that two manifests name is
// there once.
func (l *Lake) pack(g group, month string, objects []source) (units []unit) {
	var u unit
	rows := int64(0)
	flush := func() {
		if len(u.objects) > 1 {
			units = append(units, u)
		}
		u, rows = unit{group: g, month: month}, 0
	}
	flush()
	seen := map[string]bool{}
	for _, o := range objects {
		if seen[o.Path] {
			continue
		}
		seen[o.Path] = true
		if rows+o.Rows > int64(l.limits.objectRows) {
			flush()
		}
		u.objects = append(u.objects, o)
		rows += o.Rows
	}
	flush()
	return units
}

// merge writes the objects of units, which have one group, and names them in
// the manifest after head.
//
//	Before: readers read the old objects.
//	After:  whoever reads this manifest reads the new ones; every row is the same.
func (l *Lake) merge(ctx context.Context, head Entry, units []unit) ([]Compaction, error) {
	g := units[0].group
	m := &Manifest{Format: Format, Kind: KindCompact, Sequence: head.Sequence + 1, PrevSHA256: head.SHA256, CreatedAt: l.opts.Now().UTC(),
		Source: g.id.source, Table: g.id.table, SchemaVersion: g.version, Parts: []Part{}, Quarantine: []QuarantineFile{}}
	if g.kept != "" {
		m.Kept = strings.Split(g.kept, "\x00")
	}
	t, ok := schemas.ByName(g.id.table)
	if !ok || g.version > t.Version {
		return nil, fmt.Errorf("compact %s: table %s version %d: %w", g.id.source, g.id.table, g.version, sinks.ErrNewer)
	}
	t = t.AsOf(g.version).Keep(m.Kept...)
	totals := map[[2]string]*Total{}
	var said []Compaction
	for _, u := range units {
		// 1. Every row of the old objects, as it stands, in one that no manifest
		// names yet. Its name is a hash: another attempt finds it there.
		enc, sums, err := l.mergeUnit(ctx, t, u)
		if err != nil {
			return nil, fmt.Errorf("compact %s %s of %s: %w", g.id.source, g.id.table, cmp.Or(u.month, "all months"), err)
		}
		if err := putOnce(ctx, l.bucket, enc.meta.Path, enc.data); err != nil {
			return nil, err
		}
		fault.Point("compact.stored")
		merged := Merge{Object: enc.meta.Path}
		for _, o := range u.objects {
			merged.From = append(merged.From, MergedObject{Path: o.Path, SHA256: o.SHA256, Sequence: o.sequence, Rows: o.Rows, HashSum: o.HashSum})
		}
		m.Objects, m.Merged = append(m.Objects, enc.meta), append(m.Merged, merged)
		mergeTotals(totals, sums)
		c := u.said()
		c.Sequence, c.Object, c.Size = m.Sequence, enc.meta.Path, enc.meta.Bytes
		said = append(said, c)
	}
	m.Totals = sortedPairs(totals)
	raw, err := m.encode()
	if err != nil {
		return nil, err
	}
	// 2. The commit, as of any other manifest: taken means that the lake is not
	// the one that was looked at.
	fault.Point("compact.encoded")
	if err := l.bucket.Create(ctx, manifestKey(m.Sequence), raw); err != nil {
		return nil, err
	}
	fault.Point("compact.published")
	l.mu.Lock()
	defer l.mu.Unlock()
	return said, l.refresh(ctx)
}
