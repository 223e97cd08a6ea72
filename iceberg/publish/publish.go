// Package publish shows a lake to readers of open tables: it follows the
// manifests in order and adds their objects, as they lie, to Iceberg tables. No
// row is read, copied or changed.
//
// Every manifest becomes one snapshot of its table (or, with Options.Batch, a
// run of manifests does), and the snapshot's summary says which. One of kind
// compact becomes a snapshot that names its objects instead of those that they
// were merged from; the older snapshots keep these. Nothing else is remembered: what is published is derived from the tables, so a publisher can
// be stopped at any moment, and its tables deleted and published again.
package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go/catalog"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// Options say what is published where.
type Options struct {
	Lake      *lake.Tail
	Catalog   catalog.Catalog
	Place     Place
	Namespace string // of the tables; one word
	// Batch is how many manifests of a table make one snapshot; 0 and 1: each
	// has its own. More is for catching up on a long history: the states in
	// between cannot be asked for then. One of kind compact always has its own.
	Batch int
	// Window is how many manifests are read, and committed together, at a time;
	// 0: 100. Every commit writes the list of all snapshots anew.
	Window int
}

// Publisher publishes one lake to one catalogue. It is for one goroutine.
type Publisher struct {
	Options
	origin string // digest of the lake's first manifest
	tables map[string]*published
	report Report
}

// Report says what a publication did.
type Report struct {
	Through int64    `json:"through"` // last manifest that was looked at; 0 for an empty lake
	Tables  []Change `json:"tables"`  // tables that changed, by name
}

// Change is what became of one table.
type Change struct {
	Table     string `json:"table"`
	Manifests int    `json:"manifests"`
	Snapshots int    `json:"snapshots"`
	Objects   int    `json:"objects"`  // added
	Replaced  int    `json:"replaced"` // objects that merged ones stand for now
	Rows      int64  `json:"rows"`     // added, retractions included; merging adds none
	Sequence  int64  `json:"sequence"` // newest manifest in the table
	Snapshot  int64  `json:"snapshot_id,string"`
	Metadata  string `json:"metadata"` // newest metadata file
}

const defaultWindow = 100

// New makes a publisher. It asks nothing yet.
func New(o Options) *Publisher {
	if o.Window <= 0 {
		o.Window = defaultWindow
	}
	o.Batch = max(o.Batch, 1)
	return &Publisher{Options: o, tables: map[string]*published{}}
}

// Publish brings the tables up to the newest manifest. Calling it again is
// always safe, also after a crash at any moment; with nothing new it changes
// nothing. The error wraps sinks.ErrBusy when another publisher was faster,
// sinks.ErrCorrupt when the tables are not of this lake.
func (p *Publisher) Publish(ctx context.Context) (Report, error) {
	p.report = Report{}
	err := p.publish(ctx)
	return p.report, err
}

func (p *Publisher) publish(ctx context.Context) error {
	origin, err := p.whichLake(ctx)
	if err != nil || origin == "" {
		return err
	}
	start, err := p.load(ctx, origin)
	if err != nil {
		return err
	}
	if err := p.fill(ctx, start); err != nil {
		return err
	}
	var window []lake.Entry
	head := start - 1
	for e, err := range p.Lake.Manifests(ctx, start) {
		if err != nil {
			return err
		}
		if err := p.sameHistory(e); err != nil {
			return err
		}
		head = e.Sequence
		if window = append(window, e); len(window) == p.Window {
			if err := p.commitWindow(ctx, window); err != nil {
				return err
			}
			window = window[:0]
		}
	}
	if err := p.nothingBeyond(head); err != nil {
		return err
	}
	return p.commitWindow(ctx, window)
}

// whichLake is the digest of the lake's first manifest: which lake it is. Empty for
// an empty lake.
func (p *Publisher) whichLake(ctx context.Context) (string, error) {
	for e, err := range p.Lake.Manifests(ctx, 1) {
		return e.SHA256, err
	}
	return "", nil
}

// sameHistory refuses to go on where the lake's manifests are not those that
// were published: a lake that was restored from an older copy goes another way.
func (p *Publisher) sameHistory(e lake.Entry) error {
	for name, t := range p.tables {
		if t.last == e.Sequence && t.digest != e.SHA256 {
			return otherHistory(name, e.Sequence, fmt.Sprintf("%.12s…, the lake has %.12s…", t.digest, e.SHA256))
		}
	}
	return nil
}

// nothingBeyond refuses tables that show a manifest which the lake has not.
func (p *Publisher) nothingBeyond(head int64) error {
	for name, t := range p.tables {
		if t.last > head {
			return otherHistory(name, t.last, "the lake has none")
		}
	}
	return nil
}

func otherHistory(name string, sequence int64, how string) error {
	return fmt.Errorf("table %s was published from another manifest %d (%s); run paylake verify, and if the lake is right "+
		"drop the tables, remove their metadata and publish again: %w", name, sequence, how, sinks.ErrCorrupt)
}

// commitWindow publishes manifests that follow each other, table by table, in
// the order in which the tables appear. Should it be cut short, the next
// publication begins with this window again and leaves out what is there.
func (p *Publisher) commitWindow(ctx context.Context, window []lake.Entry) error {
	if len(window) == 0 {
		return nil
	}
	var order []string
	byTable := map[string][]lake.Entry{}
	for _, e := range window {
		if !p.owed(e) {
			continue
		}
		if byTable[e.Table] == nil {
			order = append(order, e.Table)
		}
		byTable[e.Table] = append(byTable[e.Table], e)
	}
	first := window[0].Sequence
	for _, name := range order {
		if p.tables[name] == nil && first > 1 {
			if err := p.backfill(ctx, name, first); err != nil {
				return err
			}
		}
		if err := p.commit(ctx, name, byTable[name], first); err != nil {
			return err
		}
	}
	p.report.Through = window[len(window)-1].Sequence
	return nil
}

// owed says whether a manifest names objects and its table is not that far yet.
// Manifests of other kinds than data and compact name none, or the lake does not
// let them be read: an old program passes over no rows.
func (p *Publisher) owed(e lake.Entry) bool {
	if t := p.tables[e.Table]; t != nil && e.Sequence <= t.last {
		return false
	}
	return len(e.Objects) > 0
}

// fill publishes tables anew that the newest snapshot knows of and that the
// catalogue has no more, or has without a snapshot.
func (p *Publisher) fill(ctx context.Context, before int64) error {
	for _, name := range p.known() {
		if p.tables[name] == nil {
			if err := p.backfill(ctx, name, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// backfill publishes the manifests of one table from the first on, up to but
// without one, in a single commit: a part of them would look like all.
func (p *Publisher) backfill(ctx context.Context, name string, before int64) error {
	var entries []lake.Entry
	for e, err := range p.Lake.Manifests(ctx, 1) {
		if err != nil {
			return err
		}
		if e.Sequence >= before {
			break
		}
		if e.Table == name && p.owed(e) {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	return p.commit(ctx, name, entries, before)
}

// known lists every table that was ever published, as the newest snapshot says.
func (p *Publisher) known() []string {
	var names []string
	for name, t := range p.tables {
		names = append(append(names, name), t.siblings...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// changed adds to the report.
func (p *Publisher) changed(c Change) {
	at := slices.IndexFunc(p.report.Tables, func(have Change) bool { return have.Table >= c.Table })
	if at < 0 {
		p.report.Tables = append(p.report.Tables, c)
		return
	}
	if have := &p.report.Tables[at]; have.Table == c.Table {
		c.Manifests, c.Snapshots = c.Manifests+have.Manifests, c.Snapshots+have.Snapshots
		c.Objects, c.Replaced, c.Rows = c.Objects+have.Objects, c.Replaced+have.Replaced, c.Rows+have.Rows
		*have = c
		return
	}
	p.report.Tables = slices.Insert(p.report.Tables, at, c)
}

var errNoNamespace = errors.New("the namespace is one word of letters, digits and _")
