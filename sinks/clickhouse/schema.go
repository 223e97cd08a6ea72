package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
)

// ensure makes database, tables and views, once per process and only where
// they differ from what this version wants.
func (w *Warehouse) ensure(ctx context.Context) error {
	if _, err := w.connect(); err != nil {
		return err
	}
	w.mu.Lock()
	made := w.made
	w.mu.Unlock()
	if made {
		return nil
	}
	kept, err := w.keptColumns(ctx)
	if err != nil {
		return err
	}
	statements := w.statements(kept)
	sum := sha256.Sum256([]byte(strings.Join(statements, ";\n")))
	if err := w.apply(ctx, statements, hex.EncodeToString(sum[:])); err != nil {
		return err
	}
	w.mu.Lock()
	w.made = true
	w.mu.Unlock()
	return nil
}

func (w *Warehouse) statements(kept map[string][]string) []string {
	out := []string{"CREATE DATABASE IF NOT EXISTS " + w.db}
	for _, t := range schemas.All() {
		out = append(append(out, factTable(w.db, t)), laterColumns(w.db, t)...)
	}
	out = append(append(out, bookkeeping(w.db)...), laterBookkeeping(w.db)...)
	out = slices.Concat(out, peopleTables(w.db), aliasTables(w.db), holdTables(w.db), streamTables(w.db))
	return append(out, viewer{db: w.db, owner: w.where().owner, kept: kept, checks: w.checks, found: w.found}.all()...)
}

func (w *Warehouse) apply(ctx context.Context, statements []string, digest string) error {
	var last string
	err := w.one(ctx, "read its schema", "SELECT argMax(digest, made_at) FROM "+w.db+".schema_state", &last)
	if err == nil && last == digest {
		return nil
	}
	if err != nil && !unknownName(err) {
		return err
	}
	for _, s := range statements {
		if err := w.exec(ctx, "make its schema", s); err != nil {
			return err
		}
	}
	if w.embedded == nil {
		w.grantRoles(ctx)
	}
	fault.Point("schema.made")
	return w.insert(ctx, "schema_state", [][]any{{digest, w.now().UTC()}})
}

// unknownName: the database or the table does not exist yet.
func unknownName(err error) bool {
	e, ok := errors.AsType[*driver.Exception](err)
	return ok && (e.Code == 60 || e.Code == 81)
}

// keptColumns are the columns that pipelines have kept so far, by table.
func (w *Warehouse) keptColumns(ctx context.Context) (map[string][]string, error) {
	kept := map[string][]string{}
	sql := fmt.Sprintf("SELECT table, name FROM system.columns WHERE database = %s ORDER BY table, name", literal(w.db))
	err := w.each(ctx, "read its columns", sql, func(scan func(...any) error) error {
		var table, column string
		if err := scan(&table, &column); err != nil {
			return err
		}
		t, ok := schemas.ByName(strings.TrimSuffix(table, "_rows"))
		if ok && table == rowsTable(t) && !t.Has(column) && !slices.ContainsFunc(fenced, func(f string) bool { return strings.HasPrefix(f, column+" ") }) {
			kept[t.Name] = append(kept[t.Name], column)
		}
		return nil
	})
	return kept, err
}

// keep adds columns that a manifest brings, and shows them in the views.
func (w *Warehouse) keep(ctx context.Context, t *schemas.Table, names []string) error {
	if len(names) == 0 {
		return nil
	}
	have, err := w.keptColumns(ctx)
	if err != nil {
		return err
	}
	before := len(have[t.Name])
	for _, n := range names {
		if slices.Contains(have[t.Name], n) {
			continue
		}
		if err := w.exec(ctx, "add column "+n, keptColumn(w.db, t, n)); err != nil {
			return err
		}
		have[t.Name] = append(have[t.Name], n)
	}
	if len(have[t.Name]) == before {
		return nil
	}
	w.mu.Lock()
	w.made = false
	w.mu.Unlock()
	return w.ensure(ctx)
}
