package publish

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// batches cuts the manifests of a table into what one snapshot shows each: up to
// n manifests of rows together, one that merges objects by itself. Its snapshot
// says that no row changed, so nothing that changes rows may be in it.
func batches(entries []lake.Entry, n int) iter.Seq[[]lake.Entry] {
	return func(yield func([]lake.Entry) bool) {
		for len(entries) > 0 {
			size := 1
			for entries[0].Kind != lake.KindCompact && size < min(n, len(entries)) && entries[size].Kind != lake.KindCompact {
				size++
			}
			if !yield(entries[:size]) {
				return
			}
			entries = entries[size:]
		}
	}
}

// replace puts the objects of a manifest of kind compact into the place of those
// that they hold the rows of, in one snapshot. Snapshots from before keep the old
// ones.
//
//	Before: the transaction's newest snapshot names the old objects.
//	After:  it names the new ones, of as many rows.
func (p *Publisher) replace(ctx context.Context, tx *table.Transaction, e lake.Entry, files []iceberg.DataFile, summary iceberg.Properties) (replaced int, err error) {
	shown, err := shownFiles(ctx, tx)
	if err != nil {
		return 0, err
	}
	old, err := p.standIns(ctx, e, shown)
	if err != nil {
		return 0, err
	}
	// The one thing that the format itself knows of rows: no library call checks it.
	var before, after int64
	for _, f := range old {
		before += f.Count()
	}
	for _, f := range files {
		after += f.Count()
	}
	if before != after {
		return 0, fmt.Errorf("manifest %d puts %d rows in the place of %d, so it does not merge these objects; run paylake verify: %w",
			e.Sequence, after, before, sinks.ErrCorrupt)
	}
	if err := tx.NewRewrite(summary).ApplyResult(table.CompactionGroupResult{OldDataFiles: old, NewDataFiles: files}).Commit(ctx); err != nil {
		return 0, fmt.Errorf("manifest %d: %w", e.Sequence, err)
	}
	return len(old), nil
}

// shownFiles lists the objects of the newest snapshot of a transaction, by
// location.
func shownFiles(ctx context.Context, tx *table.Transaction) (map[string]iceberg.DataFile, error) {
	scan, err := tx.Scan()
	if err != nil {
		return nil, err
	}
	tasks, err := scan.PlanFiles(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the objects that the table shows: %w", err)
	}
	shown := make(map[string]iceberg.DataFile, len(tasks))
	for _, task := range tasks {
		shown[task.File.FilePath()] = task.File
	}
	return shown, nil
}

// standIns lists the files of a table that the objects of a manifest are read
// instead of. A merged object among them that the table does not show comes from
// a manifest that an earlier paylake-iceberg passed over; the table shows what
// that one was merged from.
func (p *Publisher) standIns(ctx context.Context, e lake.Entry, shown map[string]iceberg.DataFile) (old []iceberg.DataFile, err error) {
	var earlier map[string][]lake.MergedObject
	var find func(from []lake.MergedObject) error
	find = func(from []lake.MergedObject) error {
		for _, o := range from {
			if f := shown[p.Place.Root+"/"+o.Path]; f != nil {
				old = append(old, f)
				continue
			}
			if earlier == nil {
				if earlier, err = p.merges(ctx, e); err != nil {
					return err
				}
			}
			if earlier[o.Path] == nil {
				return fmt.Errorf("manifest %d merges %s of manifest %d, which the table does not show; drop the table, remove its metadata and publish again: %w",
					e.Sequence, o.Path, o.Sequence, sinks.ErrCorrupt)
			}
			if err := find(earlier[o.Path]); err != nil {
				return err
			}
		}
		return nil
	}
	for _, m := range e.Merged {
		if err := find(m.From); err != nil {
			return nil, err
		}
	}
	return old, nil
}

// merges lists what each merged object of a table was merged from, by the
// manifests before one.
func (p *Publisher) merges(ctx context.Context, before lake.Entry) (map[string][]lake.MergedObject, error) {
	from := map[string][]lake.MergedObject{}
	for e, err := range p.Lake.Manifests(ctx, 1) {
		if err != nil {
			return nil, err
		}
		if e.Sequence >= before.Sequence {
			break
		}
		for _, m := range e.Merged {
			from[m.Object] = m.From
		}
	}
	return from, nil
}

// dataFiles describes the objects of a manifest.
func (p *Publisher) dataFiles(t *schemas.Table, at *table.Table, e lake.Entry) ([]iceberg.DataFile, error) {
	spec, s := at.Spec(), at.Schema()
	var files []iceberg.DataFile
	for _, o := range e.Objects {
		f, err := dataFile(p.Place.Root, t, s, spec, o)
		if err != nil {
			return nil, fmt.Errorf("manifest %d: %w", e.Sequence, err)
		}
		files = append(files, f)
	}
	return files, nil
}
