package main

// What has been kept longer than the configuration wants. Nothing is deleted
// here: the lake is immutable, and how a period that is over is dealt with is a
// person's decision.

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/paylake/paylake/sinks/lake"
)

// retentionStatus is one table's line of `status`.
type retentionStatus struct {
	Table     string    `json:"table"`
	Period    string    `json:"period"`
	Before    time.Time `json:"before"`             // what is older is due
	Objects   int64     `json:"objects_due"`        // every row of them is due
	Rows      int64     `json:"rows_due"`           // in those objects, retraction rows included
	Bytes     int64     `json:"bytes_due"`          //
	Partly    int64     `json:"objects_partly_due"` // some rows of them are due
	OldestRow time.Time `json:"oldest_row,omitzero"`
}

func (h *house) retention(ctx context.Context) ([]retentionStatus, error) {
	out := []retentionStatus{}
	if len(h.cfg.Retention) == 0 {
		return out, nil
	}
	at := map[string]int{}
	for _, table := range slices.Sorted(maps.Keys(h.cfg.Retention)) {
		period := h.cfg.Retention[table]
		at[table] = len(out)
		out = append(out, retentionStatus{Table: table, Period: period.String(), Before: period.Before(h.p.now()).UTC()})
	}
	err := h.eachManifest(ctx, 1, func(e lake.Entry) error {
		i, wanted := at[e.Table]
		if !wanted {
			return nil
		}
		for _, o := range e.Objects {
			out[i].add(o)
		}
		return nil
	})
	return out, err
}

func (r *retentionStatus) add(o lake.Object) {
	if r.OldestRow.IsZero() || o.MinTime.Before(r.OldestRow) {
		r.OldestRow = o.MinTime
	}
	switch {
	case o.MaxTime.Before(r.Before):
		r.Objects++
		r.Rows += o.Rows
		r.Bytes += o.Bytes
	case o.MinTime.Before(r.Before):
		r.Partly++
	}
}

func (p *program) showRetention(list []retentionStatus) {
	for _, r := range list {
		due := "nothing is due"
		if r.Objects+r.Partly > 0 {
			due = fmt.Sprintf("due are %s objects with %s rows, and some rows of %s others", thousands(r.Objects), thousands(r.Rows), thousands(r.Partly))
		}
		fmt.Fprintf(p.stdout, "retention of %s, %s: %s\n", r.Table, r.Period, due)
	}
}
