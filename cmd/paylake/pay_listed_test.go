package main

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sources"
)

// A payment that a callback alone says was made is a difference as soon as the
// platform's list is known further than that, and none when the list shows it.
func TestPayCheckTellsListFromCallback(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.paying(t, wide)
	g.paylake(t, "run", "operations").want(t, 0)
	batch, ids := g.drafted(t, "farid", map[string]int64{"inv-1": 1250_00})
	id := ids["inv-1"]
	g.approved(t, batch)
	g.paylake(t, "pay", "send", batch, "--live").want(t, 0)
	g.paylake(t, "pay", "status", id, "--poll").want(t, 4)
	g.confirm(t, id, sandbox.GateCode).want(t, 0)
	if s := g.stands(t, id, "--poll"); s.Status != "success" {
		t.Fatalf("%+v", s)
	}
	r := g.up(t)
	if code := r.deliver(t, "/callbacks/flashpay/psp", g.sold(t, id, "990001")); code != 200 {
		t.Fatal(code)
	}
	until(t, "the callback is in the warehouse", func() bool {
		return strings.HasSuffix(g.paylake(t, "query", "--format", "csv", "SELECT count() FROM operations WHERE startsWith(payment_id, 'pl_')").stdout, "\n1\n")
	})
	r.stop()
	g.paylake(t, "pay", "check").want(t, 0) // the list may have it still
	const later = 72 * time.Hour
	g.at(t, later, "", "run", "operations").want(t, 0)
	var found struct{ Differences []gate.Difference }
	g.at(t, later, "", "pay", "check", "--json").want(t, 3).json(t, &found)
	if len(found.Differences) != 1 || found.Differences[0].Kind != gate.NotListed || found.Differences[0].PaymentID != id {
		t.Fatalf("%+v", found)
	}
	h, done := g.opened(t)
	one := state.Listing{Source: "psp", OperationID: "990001", PaymentID: id, Status: "success", Currency: "KGS", Minor: 1250_00, At: time.Now()}
	if err := h.state.Payments().Listed(t.Context(), []state.Listing{one, one}); err != nil {
		t.Fatal(err)
	}
	done()
	g.at(t, later, "", "pay", "check").want(t, 0)
}

// pages is a source of operations with some pages.
type pages struct{ list []arrow.Record }

func (pages) Stream() sources.Stream {
	return sources.Stream{Source: "psp", Table: schemas.Operations}
}

func (p pages) Pages(context.Context, sources.Window, sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		for _, rec := range p.list {
			if !yield(sources.Page{Rows: rec}, nil) {
				return
			}
		}
	}
}

// What the list shows of ours is noted before its page goes on, and a page that
// cannot be noted does not.
func TestNoting(t *testing.T) {
	created := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	row := func(operation, payment, kind string) fields {
		return fields{"source": "psp", "project_id": int64(1), "operation_id": operation, "payment_id": payment, "type": kind, "status": "success", "created_at": created,
			"completed_at": created.Add(time.Minute), "business_date": created, "amount_minor": int64(60_00), "currency": "KGS"}
	}
	page := func(rows ...fields) arrow.Record { return recordOf(schemas.Operations, rows) }
	var noted []state.Listing
	broken := errors.New("disk full")
	src := noting{pages{[]arrow.Record{page(row("1", "pl_a", "sale"), row("2", "shop-1", "sale"), row("3", "pl_a", "refund")), page(row("4", "pl_b", "sale"))}}, func(_ context.Context, list []state.Listing) error {
		if noted = append(noted, list...); len(noted) > 1 {
			return broken
		}
		return nil
	}}
	var handedOn int64
	var err error
	for p, e := range src.Pages(t.Context(), sources.Window{}, "") {
		if err = e; err != nil {
			break
		}
		if len(noted) == 0 {
			t.Error("handed on before it was noted")
		}
		handedOn += p.Rows.NumRows()
		p.Rows.Release()
	}
	want := []state.Listing{{Source: "psp", OperationID: "1", PaymentID: "pl_a", Status: "success", Currency: "KGS", Minor: 60_00, At: created.Add(time.Minute)},
		{Source: "psp", OperationID: "4", PaymentID: "pl_b", Status: "success", Currency: "KGS", Minor: 60_00, At: created.Add(time.Minute)}}
	if !slices.Equal(noted, want) || handedOn != 3 || !errors.Is(err, broken) {
		t.Errorf("%d rows handed on, %v, %+v", handedOn, err, noted)
	}
}
