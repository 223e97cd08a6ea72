package publish

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// commit adds manifests of one table to it, in one step that succeeds only while
// the table is what it was when this publisher read it: a publisher that died, or
// a second one, can neither double a manifest nor leave one out.
func (p *Publisher) commit(ctx context.Context, name string, entries []lake.Entry, window int64) error {
	t, err := tableOf(entries)
	if err != nil {
		return err
	}
	have := p.tables[name]
	if have == nil {
		made, err := p.create(ctx, t)
		if err != nil {
			return err
		}
		have = &published{table: made}
		p.tables[name] = have
	}
	tx := have.table.NewTransaction()
	change, err := p.stage(ctx, tx, t, have.table, entries, window)
	if err != nil {
		return fmt.Errorf("publish table %s: %w", name, err)
	}
	staged, err := tx.StagedTable()
	if err != nil {
		return fmt.Errorf("publish table %s: %w", name, err)
	}
	done, err := tx.Commit(ctx)
	if err != nil {
		if done, err = p.settle(ctx, have, staged.CurrentSnapshot().SnapshotID, err); err != nil {
			return fmt.Errorf("publish table %s: %w", name, err)
		}
	}
	if have, err = p.stateOf(done); err != nil {
		return err
	}
	p.tables[name] = have
	change.Metadata, change.Snapshot = done.MetadataLocation(), done.CurrentSnapshot().SnapshotID
	p.changed(change)
	return nil
}

// settle finds out what became of a commit that did not simply succeed, by asking
// the catalogue: it may have gone through although the answer was lost, or
// somebody else may have been faster.
func (p *Publisher) settle(ctx context.Context, have *published, staged int64, cause error) (*table.Table, error) {
	now, err := p.Catalog.LoadTable(ctx, have.table.Identifier())
	if err != nil {
		return nil, cause
	}
	if now.SnapshotByID(staged) != nil {
		return now, nil
	}
	before, after := have.table.CurrentSnapshot(), now.CurrentSnapshot()
	if after != nil && (before == nil || before.SnapshotID != after.SnapshotID) {
		return nil, tooLate(have.last, cause)
	}
	return nil, cause
}

// tooLate says that another publisher was faster.
func tooLate(last int64, cause error) error {
	return fmt.Errorf("the table is no longer at manifest %d: another paylake-iceberg publishes to this catalogue; "+
		"nothing was doubled, run it again when the other has ended: %w (%w)", last, sinks.ErrBusy, cause)
}

// tableOf is the table of manifests, with every column that one of them keeps.
func tableOf(entries []lake.Entry) (*schemas.Table, error) {
	var kept []string
	for _, e := range entries {
		t, ok := schemas.ByName(e.Table)
		if !ok || e.SchemaVersion < 1 || e.SchemaVersion > t.Version {
			return nil, fmt.Errorf("manifest %d holds table %s version %d, which this paylake-iceberg does not know: %w",
				e.Sequence, e.Table, e.SchemaVersion, sinks.ErrNewer)
		}
		kept = append(kept, e.Kept...)
	}
	t, _ := schemas.ByName(entries[0].Table)
	return t.Keep(kept...), nil
}

// stage puts everything into a transaction: columns that are new, and the
// snapshots.
func (p *Publisher) stage(ctx context.Context, tx *table.Transaction, t *schemas.Table, at *table.Table, entries []lake.Entry, window int64) (Change, error) {
	change := Change{Table: t.Name, Manifests: len(entries), Sequence: entries[len(entries)-1].Sequence}
	// Without this, and where a table's properties ask for retries, a commit that
	// came too late would be made again on top of the other publisher's, and show
	// the same objects twice.
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return change, err
	}
	if err := widen(tx, t, at); err != nil {
		return change, err
	}
	for batch := range batches(entries, p.Batch) {
		var files []iceberg.DataFile
		for _, e := range batch {
			more, err := p.dataFiles(t, at, e)
			if err != nil {
				return change, err
			}
			files = append(files, more...)
		}
		if err := p.snapshot(ctx, tx, batch, files, window, &change); err != nil {
			return change, err
		}
	}
	return change, nil
}

// snapshot stages one snapshot that shows a batch of manifests.
func (p *Publisher) snapshot(ctx context.Context, tx *table.Transaction, batch []lake.Entry, files []iceberg.DataFile, window int64, change *Change) error {
	summary := p.summary(batch, window)
	if e := batch[0]; e.Kind == lake.KindCompact {
		replaced, err := p.replace(ctx, tx, e, files, summary)
		if err != nil {
			return err
		}
		change.Replaced += replaced
	} else {
		if err := tx.AddDataFiles(ctx, files, summary, table.WithoutDuplicateCheck()); err != nil {
			return err
		}
		for _, f := range files {
			change.Rows += f.Count()
		}
	}
	change.Objects += len(files)
	change.Snapshots++
	return nil
}

// summary is what a snapshot says of itself.
func (p *Publisher) summary(batch []lake.Entry, window int64) iceberg.Properties {
	first, last := batch[0], batch[len(batch)-1]
	return iceberg.Properties{
		keySequence: strconv.FormatInt(last.Sequence, 10), keyFirst: strconv.FormatInt(first.Sequence, 10),
		keyDigest: last.SHA256, keyCreated: last.CreatedAt.UTC().Format(time.RFC3339Nano), keySource: last.Source,
		keyWindow: strconv.FormatInt(window, 10), keyTables: strings.Join(p.known(), ","),
	}
}

// widen adds the columns that the table does not have yet. They are optional:
// objects from before do not have them.
func widen(tx *table.Transaction, t *schemas.Table, at *table.Table) error {
	more := missing(t, at.Schema())
	if len(more) == 0 {
		return nil
	}
	u := tx.UpdateSchema(true, false, table.WithNameMapping(at.NameMapping()))
	for _, f := range more {
		u.AddColumn([]string{f.Name}, f.Type, f.Doc, false, nil)
	}
	if err := u.Commit(); err != nil {
		return fmt.Errorf("add columns: %w", err)
	}
	return nil
}

// create makes an empty table, or takes the one that a publisher left behind
// which died before it had filled it.
func (p *Publisher) create(ctx context.Context, t *schemas.Table) (*table.Table, error) {
	id := catalog.ToIdentifier(p.Namespace, t.Name)
	location := p.Place.Warehouse + "/" + t.Name
	if have, err := p.Catalog.LoadTable(ctx, id); err == nil {
		if have.CurrentSnapshot() != nil { // load saw none
			return nil, fmt.Errorf("create table %s: %w", t.Name, tooLate(0, catalog.ErrTableAlreadyExists))
		}
		return have, nil
	} else if !errors.Is(err, catalog.ErrNoSuchTable) {
		return nil, fmt.Errorf("read table %s: %w", t.Name, err)
	}
	if err := p.vacant(ctx, location); err != nil {
		return nil, err
	}
	s := schemaOf(t)
	spec, err := specOf(t, s)
	if err != nil {
		return nil, err
	}
	mapping, err := nameMapping(s)
	if err != nil {
		return nil, err
	}
	made, err := p.Catalog.CreateTable(ctx, id, s, catalog.WithLocation(location), catalog.WithPartitionSpec(&spec),
		catalog.WithProperties(iceberg.Properties{
			table.PropertyFormatVersion: "2",
			table.DefaultNameMappingKey: mapping,
			// The objects are the lake's: nobody who cleans up a table may remove one.
			table.GCEnabledKey:                        "false",
			table.ManifestMergeEnabledKey:             "true",
			table.MetadataDeleteAfterCommitEnabledKey: "true",
			table.MetadataPreviousVersionsMaxKey:      "20",
			keyLake:                                   p.origin, keyRowKey: strings.Join(KeyOf(t), ","),
		}))
	if err != nil {
		if errors.Is(err, catalog.ErrTableAlreadyExists) {
			err = tooLate(0, err)
		}
		return nil, fmt.Errorf("create table %s: %w", t.Name, err)
	}
	return made, nil
}
