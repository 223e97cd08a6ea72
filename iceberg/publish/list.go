package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/paylake/paylake/schemas"
)

// Shown is one state that readers can ask for.
type Shown struct {
	Table     string    `json:"table"`
	First     int64     `json:"first_sequence"` // oldest manifest that the snapshot added
	Sequence  int64     `json:"sequence"`       // newest manifest in it
	Snapshot  int64     `json:"snapshot_id,string"`
	CreatedAt time.Time `json:"created_at"`   // of manifest Sequence
	Published time.Time `json:"published_at"` // of the snapshot
	Rows      int64     `json:"rows"`         // in all, retractions included
	Change    string    `json:"change"`       // append, or replace: the rows of the state before, merged into fewer objects
	Location  string    `json:"location"`     // folder of the table
}

// List returns every state of every published table, by table and manifest.
func List(ctx context.Context, cat catalog.Catalog, namespace string) ([]Shown, error) {
	var out []Shown
	for id, err := range cat.ListTables(ctx, catalog.ToIdentifier(namespace)) {
		if errors.Is(err, catalog.ErrNoSuchNamespace) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the tables of %s: %w", namespace, err)
		}
		name := catalog.TableNameFromIdent(id)
		if _, ok := schemas.ByName(name); !ok {
			continue
		}
		t, err := cat.LoadTable(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("read table %s: %w", name, err)
		}
		for _, s := range t.Metadata().Snapshots() {
			if shown, ok := shownBy(s); ok {
				shown.Table, shown.Location = name, t.Location()
				out = append(out, shown)
			}
		}
	}
	slices.SortFunc(out, func(a, b Shown) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Sequence, b.Sequence))
	})
	return out, nil
}

// shownBy reads a snapshot's summary; false for one that somebody else made.
func shownBy(s table.Snapshot) (Shown, bool) {
	if s.Summary == nil {
		return Shown{}, false
	}
	number := func(key string) (n int64) {
		n, _ = strconv.ParseInt(s.Summary.Properties[key], 10, 64)
		return n
	}
	out := Shown{First: number(keyFirst), Sequence: number(keySequence), Snapshot: s.SnapshotID,
		Published: time.UnixMilli(s.TimestampMs).UTC(), Rows: number("total-records"), Change: string(s.Summary.Operation)}
	out.CreatedAt, _ = time.Parse(time.RFC3339Nano, s.Summary.Properties[keyCreated])
	return out, out.Sequence > 0
}

// AsOf picks the state of a table as of a manifest from a list; 0 stands for the
// newest.
func AsOf(list []Shown, name string, sequence int64) (Shown, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(s Shown) bool { return s.Table != name })
	if len(list) == 0 {
		return Shown{}, fmt.Errorf("table %s is not published; run paylake-iceberg publish, or look at paylake-iceberg snapshots", name)
	}
	if sequence == 0 {
		return list[len(list)-1], nil
	}
	if i := slices.IndexFunc(list, func(s Shown) bool { return s.First <= sequence && sequence < s.Sequence }); i >= 0 {
		return Shown{}, fmt.Errorf("manifests %d to %d of table %s were published as one snapshot (--batch), so its state as of %d is not there; ask paylake, or for %d",
			list[i].First, list[i].Sequence, name, sequence, list[i].Sequence)
	}
	list = slices.DeleteFunc(list, func(s Shown) bool { return s.Sequence > sequence })
	if len(list) == 0 {
		return Shown{}, fmt.Errorf("table %s had no rows as of manifest %d", name, sequence)
	}
	return list[len(list)-1], nil
}
