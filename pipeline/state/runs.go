package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Run is one run of one pipeline, as it is remembered.
type Run struct {
	ID       string // unique; recording the same one again replaces it
	Pipeline string
	Started  time.Time
	Finished time.Time
	Code     int    // exit code
	Rows     int64  // read
	Snapshot int64  // last manifest committed; 0: none
	Report   []byte // JSON, for people and for status
}

// Runs is the history of runs.
type Runs struct{ db *DB }

// Runs returns the history of runs.
func (db *DB) Runs() Runs { return Runs{db} }

// Record remembers a run.
func (r Runs) Record(ctx context.Context, run Run) error {
	err := r.db.exec(ctx, `INSERT INTO runs (id, pipeline, started_at, finished_at, code, rows_read, snapshot, report)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET pipeline = excluded.pipeline, started_at = excluded.started_at,
		finished_at = excluded.finished_at, code = excluded.code, rows_read = excluded.rows_read,
		snapshot = excluded.snapshot, report = excluded.report`,
		run.ID, run.Pipeline, run.Started.UnixMicro(), run.Finished.UnixMicro(), run.Code, run.Rows, run.Snapshot, string(run.Report))
	if err != nil {
		return fmt.Errorf("remember run %s of %s: %w", run.ID, run.Pipeline, err)
	}
	return nil
}

const runColumns = `id, pipeline, started_at, finished_at, code, rows_read, snapshot, report`

// Last returns the latest run of a pipeline; ErrAbsent when it never ran.
func (r Runs) Last(ctx context.Context, pipeline string) (Run, error) {
	runs, err := r.List(ctx, pipeline, 1)
	if err == nil && len(runs) == 0 {
		err = fmt.Errorf("run of %s: %w", pipeline, ErrAbsent)
	}
	if err != nil {
		return Run{}, err
	}
	return runs[0], nil
}

// List returns the latest runs of a pipeline, the newest first.
func (r Runs) List(ctx context.Context, pipeline string, limit int) (runs []Run, err error) {
	rows, err := r.db.sql.QueryContext(ctx, r.db.rebind(`SELECT `+runColumns+` FROM runs WHERE pipeline = ?
		ORDER BY started_at DESC, id DESC LIMIT ?`), pipeline, limit)
	if err != nil {
		return nil, fmt.Errorf("runs of %s: %w", pipeline, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		run, err := scanRun(rows)
		if err != nil {
			return nil, fmt.Errorf("runs of %s: %w", pipeline, err)
		}
		runs = append(runs, run)
	}
	return runs, rows.Err()
}

// Failed returns the runs that ended since an instant and failed, or that a
// person must act on, the oldest first.
func (r Runs) Failed(ctx context.Context, since time.Time) (runs []Run, err error) {
	rows, err := r.db.sql.QueryContext(ctx, r.db.rebind(`SELECT `+runColumns+` FROM runs WHERE finished_at >= ? AND code IN (1, 4)
		ORDER BY finished_at, id`), since.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("runs that failed: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		run, err := scanRun(rows)
		if err != nil {
			return nil, fmt.Errorf("runs that failed: %w", err)
		}
		runs = append(runs, run)
	}
	return runs, rows.Err()
}

// Since returns the runs of all pipelines whose names begin with prefix that
// ended since an instant, the oldest first.
func (r Runs) Since(ctx context.Context, prefix string, since time.Time) (runs []Run, err error) {
	rows, err := r.db.sql.QueryContext(ctx, r.db.rebind(`SELECT `+runColumns+` FROM runs WHERE finished_at >= ? AND substr(pipeline, 1, ?) = ?
		ORDER BY finished_at, id`), since.UnixMicro(), len(prefix), prefix)
	if err != nil {
		return nil, fmt.Errorf("runs of %s: %w", prefix, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		run, err := scanRun(rows)
		if err != nil {
			return nil, fmt.Errorf("runs of %s: %w", prefix, err)
		}
		runs = append(runs, run)
	}
	return runs, rows.Err()
}

func scanRun(rows *sql.Rows) (Run, error) {
	var run Run
	var started, finished int64
	var report string
	err := rows.Scan(&run.ID, &run.Pipeline, &started, &finished, &run.Code, &run.Rows, &run.Snapshot, &report)
	run.Started, run.Finished = time.UnixMicro(started).UTC(), time.UnixMicro(finished).UTC()
	run.Report = []byte(report)
	return run, err
}

// Forget removes runs that started before an instant.
func (r Runs) Forget(ctx context.Context, before time.Time) error {
	if err := r.db.exec(ctx, `DELETE FROM runs WHERE started_at < ?`, before.UnixMicro()); err != nil {
		return fmt.Errorf("forget runs: %w", err)
	}
	return nil
}
