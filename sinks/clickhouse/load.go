package clickhouse

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// load is one object on its way into the warehouse.
type load struct {
	id       uint64
	table    *schemas.Table // with the kept columns that the object has
	object   lake.Object
	snapshot int64 // the manifest that names the object
	// Of a merged object: rows name their own manifests, the first of which is
	// first, and readers see it since another one. Of any other all three are one.
	merged       bool
	first, since int64
}

// month is the partition of an object: 202603, 0 for a catalogue.
func (l load) month() uint32 {
	n, _ := strconv.ParseUint(strings.ReplaceAll(l.object.Month, "-", ""), 10, 32)
	return uint32(n)
}

// where selects the load's rows, in its partition alone.
func (l load) where() string {
	s := fmt.Sprintf("load_id = %d", l.id)
	if l.month() != 0 {
		s += " AND " + inMonth(l.month())
	}
	return s
}

func inMonth(month uint32) string { return fmt.Sprintf("toYYYYMM(business_date) = %d", month) }

// loadsOf plans the loads of a manifest. Pure.
func loadsOf(e *lake.Entry) ([]load, error) {
	if len(e.Objects) == 0 {
		return nil, nil
	}
	t, ok := schemas.ByName(e.Table)
	if !ok || e.SchemaVersion > t.Version {
		return nil, fmt.Errorf("table %s version %d: %w", e.Table, e.SchemaVersion, sinks.ErrNewer)
	}
	t = t.AsOf(e.SchemaVersion).Keep(e.Kept...)
	loads := make([]load, len(e.Objects))
	for i, o := range e.Objects {
		loads[i] = load{table: t, object: o, snapshot: e.Sequence, first: e.Sequence, since: e.Sequence, merged: e.Kind == lake.KindCompact}
	}
	return loads, nil
}

// published returns those of the objects that have a load which readers see, or
// will see.
func (w *Warehouse) published(ctx context.Context, objects []string) (map[string]bool, error) {
	done := map[string]bool{}
	if len(objects) == 0 {
		return done, nil
	}
	paths := make([]string, len(objects))
	for i, o := range objects {
		paths[i] = literal(o)
	}
	sql := fmt.Sprintf("SELECT DISTINCT object FROM %[1]s.load_visibility WHERE object IN (%[2]s) AND load_id NOT IN (SELECT load_id FROM %[1]s.load_abandoned)",
		w.db, strings.Join(paths, ", "))
	err := w.each(ctx, "look for published loads", sql, func(scan func(...any) error) error {
		var path string
		defer func() { done[path] = true }()
		return scan(&path)
	})
	return done, err
}

// attempts is how often an object is tried, each time under a new load_id.
const attempts = 3

// loadAll loads objects side by side and gives each its load_id.
func (w *Warehouse) loadAll(ctx context.Context, loads []load) error {
	for i := range loads {
		loads[i].id = w.nextID()
	}
	if err := w.announce(ctx, loads...); err != nil {
		return err
	}
	fault.Point("load.announced")
	ids := make(chan uint64, attempts*len(loads)) // spare ids: nextID is not for concurrent use
	for range cap(ids) {
		ids <- w.nextID()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(w.parallel)
	for i := range loads {
		g.Go(func() error { return w.loadOne(ctx, &loads[i], ids) })
	}
	return g.Wait()
}

// announce makes load_ids durable before any of their rows exist.
func (w *Warehouse) announce(ctx context.Context, loads ...load) error {
	rows := make([][]any, len(loads))
	for i, l := range loads {
		rows[i] = []any{l.id, l.object.Path, l.table.Name, l.snapshot, l.month(), l.object.Rows, l.object.HashSum,
			expected(l).sums(), w.now().UTC()}
	}
	return w.insert(ctx, "loads", rows)
}

// loadOne loads one object until a load_id holds exactly what the manifest
// says. A load_id whose outcome is wrong or unknown is abandoned before another
// one begins: should its INSERT still be running somewhere, nobody will see it.
func (w *Warehouse) loadOne(ctx context.Context, l *load, ids <-chan uint64) error {
	for attempt := 1; ; attempt++ {
		err := w.try(ctx, *l)
		if err == nil {
			return nil
		}
		if aerr := w.abandon(ctx, err.Error(), l.id); aerr != nil {
			return errors.Join(err, aerr)
		}
		fault.Point("load.abandoned")
		if attempt == attempts || ctx.Err() != nil || errors.Is(err, sinks.ErrCorrupt) || errors.Is(err, sinks.ErrUnavailable) {
			return err
		}
		l.id = <-ids
		if err := w.announce(ctx, *l); err != nil {
			return err
		}
	}
}

// try is one INSERT of rows, the verification, and one INSERT of their rollup.
func (w *Warehouse) try(ctx context.Context, l load) error {
	ctx, cancel := context.WithTimeout(ctx, w.within.Load)
	defer cancel()
	if err := w.bring(ctx, l); err != nil {
		return fmt.Errorf("load %s: %w", w.full(l.object), err)
	}
	fault.Point("load.inserted")
	if spends(l.table) {
		return w.sumUp(ctx, l)
	}
	return w.verify(ctx, l)
}

// checked reads an object and compares it with its manifest. It costs one
// SHA-256 over bytes that are in the page cache anyway.
func (w *Warehouse) checked(ctx context.Context, o lake.Object) ([]byte, error) {
	data, err := w.lake.ReadObject(ctx, o.Path)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); int64(len(data)) != o.Bytes || hex.EncodeToString(sum[:]) != o.SHA256 {
		return nil, fmt.Errorf("%s has other bytes than its manifest says, it is not loaded: %w", w.full(o), sinks.ErrCorrupt)
	}
	return data, nil
}

// full names an object for people.
func (w *Warehouse) full(o lake.Object) string { return w.lake.FullPath(o.Path) }

// abandon makes loads invisible for good. It is tried even when ctx has ended.
func (w *Warehouse) abandon(ctx context.Context, reason string, ids ...uint64) error {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{id, reason, w.now().UTC()}
	}
	return w.insert(ctx, "load_abandoned", rows)
}

func (w *Warehouse) publishLoads(ctx context.Context, loads []load) error {
	rows := make([][]any, len(loads))
	for i, l := range loads {
		rows[i] = []any{l.id, l.object.Path, l.table.Name, l.first, w.now().UTC(), l.since}
	}
	return w.insert(ctx, "load_visibility", rows)
}

// nextID makes a load_id: microseconds, then 12 random bits; ascending within
// a process, and different from those of any other.
func (w *Warehouse) nextID() uint64 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	id := uint64(w.now().UnixMicro())<<12 | uint64(binary.LittleEndian.Uint16(b[:])&0xfff)
	w.lastLoad = max(id, w.lastLoad+1)
	return w.lastLoad
}

// once names a statement, so that it can be found, and killed, by its load_id.
func (w *Warehouse) once(ctx context.Context, id string) context.Context {
	return driver.Context(ctx, driver.WithQueryID("paylake-"+id), driver.WithSettings(driver.Settings{
		"async_insert": 0, "insert_deduplication_token": id, "max_insert_threads": 1,
		"max_execution_time": max(int(w.within.Load/time.Second), 1),
	}))
}
