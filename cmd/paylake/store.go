package main

// The warehouse as a run sees it: a follower that is opened with its first
// look, because reading into the lake need not wait for it, and because the
// lake goes on when it cannot be opened at all.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sources"
)

// warehouse opens the configured ClickHouse when somebody needs it, once.
type warehouse struct {
	h *house

	mu      sync.Mutex
	server  *embedded.Server
	open    *clickhouse.Warehouse
	pending []clickhouse.Run // runs that the warehouse has not been told of
	failed  error            // why it could not be opened; final unless again
	again   bool             // try again at every look, as `up` does

	telling sync.Mutex // held while alarms are told

	people      sync.Mutex // guards the lines below
	told        bool
	aliased     bool  // the warehouse has the crosswalk and knows the streams
	toldChanges int64 // of consents, that the warehouse knows
	toldPersons int64 // place in the vault up to which it knows them

	deliveriesUpTo time.Time           // the newest change of a webhook that it was told
	toldDeliveries map[int64]time.Time // and what it was told shortly before
}

// newWarehouse prepares the warehouse; lake, and state if it is used, must be
// open.
func (h *house) newWarehouse() *warehouse {
	w := &warehouse{h: h}
	h.onClose(w.close)
	return w
}

// Name implements sinks.Follower.
func (w *warehouse) Name() string { return "clickhouse" }

// Follow implements sinks.Follower.
func (w *warehouse) Follow(ctx context.Context) (sinks.Position, error) {
	ch, err := w.get(ctx)
	if err != nil {
		return sinks.Position{}, err
	}
	if err := w.tellPeople(ctx, ch, w.h.state); err != nil {
		return sinks.Position{}, err
	}
	if err := w.tellPersons(ctx, ch); err != nil {
		return sinks.Position{}, err
	}
	if err := w.tellAliases(ctx, ch); err != nil {
		return sinks.Position{}, err
	}
	if err := w.tellDeliveries(ctx, ch); err != nil {
		return sinks.Position{}, err
	}
	return ch.Follow(ctx)
}

// get returns the open warehouse.
func (w *warehouse) get(ctx context.Context) (*clickhouse.Warehouse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open != nil {
		return w.open, nil
	}
	if w.failed != nil && !w.again {
		return nil, w.failed
	}
	w.failed = w.start(ctx)
	return w.open, w.failed
}

// start acquires the embedded server where one is configured, and connects.
func (w *warehouse) start(ctx context.Context) (err error) {
	o := clickhouse.Options{Lake: w.h.lake, Now: w.h.p.now, Within: w.h.p.waits.warehouse, Log: w.h.p.log, Checks: w.h.cfg.Checks(), Findings: &w.h.cfg.Findings}
	if w.h.state != nil {
		o.Lease = w.lease
	}
	if w.h.cfg.Warehouse == config.Embedded {
		if w.server == nil {
			if w.server, err = w.h.acquire(ctx, false); err != nil {
				return fmt.Errorf("the embedded warehouse cannot be started: %w", err)
			}
		}
		o.Embedded = w.server
	} else {
		o.DSN = w.h.cfg.Warehouse
		if !w.h.cfg.WarehousePassword.IsZero() {
			if o.Password, err = w.h.cfg.WarehousePassword.Text(ctx); err != nil {
				return misconfigured(err)
			}
		}
	}
	w.open, err = clickhouse.Open(ctx, o)
	if err != nil {
		return fmt.Errorf("open the warehouse: %w", err)
	}
	return nil
}

// lease waits for its turn to change the warehouse: who holds it is loading
// what we want to load.
func (w *warehouse) lease(ctx context.Context) (release func(), err error) {
	for {
		release, err = w.h.state.Lease(ctx, "follower/"+w.Name())
		if !errors.Is(err, sinks.ErrBusy) {
			return release, err
		}
		if err := sources.Sleep(ctx, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("wait for another process that loads the warehouse: %w", err)
		}
	}
}

// ping reports whether the warehouse answers; it does not start one.
func (w *warehouse) ping(ctx context.Context) error {
	w.mu.Lock()
	open := w.open
	w.mu.Unlock()
	if open == nil {
		return fmt.Errorf("the warehouse is not open yet: %w", sinks.ErrUnavailable)
	}
	return open.Query(ctx, "SELECT 1", clickhouse.Query{Format: clickhouse.FormatCSV}, io.Discard)
}

// runRow is a run as the view pipeline_runs shows it.
func runRow(r pipeline.Report, v pipeline.Verdict) clickhouse.Run {
	return clickhouse.Run{
		Pipeline: r.Pipeline, Source: r.Source, Table: r.Table, StartedAt: r.Started, FinishedAt: r.Started.Add(r.Took),
		Outcome: outcomes[v.Code], Windows: int64(r.Windows), Rows: r.Read.Rows, Inserted: r.Inserted, Retracted: r.Retracted,
		Duplicates: r.Duplicates, Quarantined: r.Quarantined, Bytes: r.Bytes, Snapshot: r.Sequence, Error: strings.Join(v.Why, "; "),
	}
}

// outcomes are the words of pipeline_runs for exit codes.
var outcomes = map[int]string{
	pipeline.CodeDone: "done", pipeline.CodeFailed: "failed", pipeline.CodeFinding: "finding",
	pipeline.CodePerson: "person", pipeline.CodeBusy: "busy", pipeline.CodeInterrupted: "interrupted",
}

// acquire joins or becomes the holder of the embedded warehouse.
func (h *house) acquire(ctx context.Context, exclusive bool) (*embedded.Server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program to start it again: %w", err)
	}
	o := embedded.Options{DataDir: h.cfg.DataDir, Command: []string{exe, childCommand}, Exclusive: exclusive, Log: h.p.log}
	if exclusive { // who stays; a command that ends soon is no place for tools
		if o.Tools, err = h.tools(ctx); err != nil {
			return nil, err
		}
	}
	return embedded.Acquire(ctx, o)
}

// leastPassword is the shortest password, in bytes, that a tool may have.
const leastPassword = 12

// tools are the ports and passwords of BI tools.
func (h *house) tools(ctx context.Context) (embedded.Tools, error) {
	b := h.cfg.BI
	t := embedded.Tools{NativePort: b.NativePort, HTTPPort: b.HTTPPort, Passwords: map[string]string{}}
	for role, secret := range b.Users {
		password, err := secret.Text(ctx)
		if err == nil && len(password) < leastPassword {
			err = fmt.Errorf("bi.users.%s: the password is shorter than %d bytes; make one: openssl rand -base64 24", role, leastPassword)
		}
		if err != nil {
			return t, misconfigured(err)
		}
		t.Passwords[role] = password
	}
	return t, nil
}

// close ends what was started.
func (w *warehouse) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	if w.open != nil {
		errs = append(errs, w.open.Close())
	}
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}
	w.open, w.server = nil, nil
	return errors.Join(errs...)
}

// remember keeps a run in the history: in the state database now, in the
// warehouse when it can be reached. An error means that the state database has
// not taken it: what was moved is in the lake all the same.
func (w *warehouse) remember(ctx context.Context, db *state.DB, r pipeline.Report) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	verdict := r.Verdict()
	id := fmt.Sprintf("%s-%d-%d", r.Pipeline, r.Started.UnixMicro(), os.Getpid())
	text, err := json.Marshal(struct {
		pipeline.Report
		Why []string `json:"why,omitempty"`
	}{r, verdict.Why})
	if err == nil {
		err = db.Runs().Record(ctx, state.Run{
			ID: id, Pipeline: r.Pipeline, Started: r.Started, Finished: r.Started.Add(r.Took),
			Code: verdict.Code, Rows: r.Read.Rows, Snapshot: r.Sequence, Report: text,
		})
	}
	fault.Point("run.recorded")
	w.tell(ctx, runRow(r, verdict))
	return err
}

// tell hands runs to the warehouse; those that it does not take wait for the
// next one.
func (w *warehouse) tell(ctx context.Context, run clickhouse.Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, run)
	if w.open == nil {
		return
	}
	for len(w.pending) > 0 {
		if err := w.open.RecordRun(ctx, w.pending[0]); err != nil {
			w.h.p.log.Warn("run not told to the warehouse", "pipeline", run.Pipeline, "err", err)
			return
		}
		w.pending = w.pending[1:]
	}
}
