package publish

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Keys of a snapshot's summary, and of a table's properties.
const (
	keySequence = "paylake.sequence"        // newest manifest in the snapshot
	keyFirst    = "paylake.first-sequence"  // oldest manifest that the snapshot added
	keyDigest   = "paylake.manifest-sha256" // of manifest keySequence
	keyCreated  = "paylake.created-at"      // when that manifest was committed
	keySource   = "paylake.source"          // of that manifest
	keyWindow   = "paylake.window"          // manifest from which a publication goes on after a crash
	keyTables   = "paylake.tables"          // every table that was published by then
	keyLake     = "paylake.lake"            // digest of the lake's first manifest
	keyRowKey   = "paylake.key"             // columns that identify a row
)

// published is a table with at least one snapshot, and what its newest one says.
type published struct {
	table    *table.Table
	last     int64 // newest manifest
	digest   string
	window   int64
	siblings []string
}

var plainWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// load reads what is published and returns the manifest to go on with: every
// manifest before it is in the tables. Tables that are no tables of the lake's
// dictionary are left alone.
func (p *Publisher) load(ctx context.Context, origin string) (start int64, err error) {
	if !plainWord.MatchString(p.Namespace) {
		return 0, fmt.Errorf("%q: %w", p.Namespace, errNoNamespace)
	}
	if err := p.namespace(ctx); err != nil {
		return 0, err
	}
	p.tables, p.origin = map[string]*published{}, origin
	start = 1
	for id, err := range p.Catalog.ListTables(ctx, catalog.ToIdentifier(p.Namespace)) {
		if err != nil {
			return 0, fmt.Errorf("list the tables of %s: %w", p.Namespace, err)
		}
		name := catalog.TableNameFromIdent(id)
		if _, ok := schemas.ByName(name); !ok {
			continue
		}
		t, err := p.Catalog.LoadTable(ctx, id)
		if err != nil {
			return 0, fmt.Errorf("read table %s: %w", strings.Join(id, "."), err)
		}
		s, err := p.stateOf(t)
		if err != nil {
			return 0, err
		}
		if s != nil {
			p.tables[name] = s
			start = max(start, s.window)
		}
	}
	return start, nil
}

func (p *Publisher) namespace(ctx context.Context) error {
	at := catalog.ToIdentifier(p.Namespace)
	ok, err := p.Catalog.CheckNamespaceExists(ctx, at)
	if err == nil && !ok {
		err = p.Catalog.CreateNamespace(ctx, at, nil)
	}
	if err != nil && !errors.Is(err, catalog.ErrNamespaceAlreadyExists) {
		return fmt.Errorf("namespace %s: %w", p.Namespace, err)
	}
	return nil
}

// stateOf reads a table; nil for one without a snapshot.
func (p *Publisher) stateOf(t *table.Table) (*published, error) {
	name := strings.Join(t.Identifier(), ".")
	if got := t.Properties()[keyLake]; got != p.origin {
		return nil, fmt.Errorf("table %s is there already, of another lake (its %s is %q, this lake's first manifest is %q); choose another --namespace or --catalog: %w",
			name, keyLake, got, p.origin, sinks.ErrCorrupt)
	}
	s := t.CurrentSnapshot()
	if s == nil {
		return nil, nil
	}
	props := map[string]string{}
	if s.Summary != nil {
		props = s.Summary.Properties
	}
	out := &published{table: t, digest: props[keyDigest], siblings: strings.FieldsFunc(props[keyTables], func(r rune) bool { return r == ',' })}
	var err1, err2 error
	out.last, err1 = strconv.ParseInt(props[keySequence], 10, 64)
	out.window, err2 = strconv.ParseInt(props[keyWindow], 10, 64)
	if err1 != nil || err2 != nil || out.digest == "" {
		return nil, fmt.Errorf("table %s was changed by another program: its newest snapshot %d does not say which manifest it shows; "+
			"drop the table and remove %s, then publish again: %w", name, s.SnapshotID, t.Location(), sinks.ErrCorrupt)
	}
	return out, nil
}
