package lake

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// A rejected row that comes in is resolved once, in the manifest of its row;
// the chain and the completeness of its window stay what they were.
func TestRejectedRowsComeIn(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	rows := ledgerRows(ledgerSpec{rows: 20, wallet: "wlt_a", from: day0, step: time.Hour})
	x := schemas.Reject{RowID: "x", Reason: schemas.ReasonRange, Amount: ptr(int64(-7)), Currency: "AZN", Raw: []byte("x")}
	y := schemas.Reject{RowID: "y", Reason: schemas.ReasonRange, Amount: ptr(int64(-9)), Currency: "AZN", Raw: []byte("y")}
	first := partOf(t, "wlt_a", days(0, 1), append(rows[:5:5], rows[6:]...), 50)
	first.Past, first.Rejects = true, []schemas.Reject{x, y}
	if r := commit(t, l, first); r.Chains[0].State != sinks.ChainBroken {
		t.Fatalf("a row is missing and the chain is %s", r.Chains[0].State)
	}
	stream, id := first.Stream, x.ID(first.Stream)
	standing := func(more ...ledgerRow) []sinks.Standing {
		t.Helper()
		p := partOf(t, "wlt_a", days(0, 1), more, 50)
		defer p.Release()
		for rec, err := range p.Rows.All() {
			if err != nil {
				t.Fatal(err)
			}
			got, err := l.Compare(t.Context(), stream, rec)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		return nil
	}
	changed := rows[7]
	changed.reference = "changed"
	if got := standing(rows[5], rows[6], changed); got[0] != sinks.Absent || got[1] != sinks.Same || got[2] != sinks.Other {
		t.Errorf("standings %v", got)
	}
	late := func(ids ...string) sinks.Part {
		p := partOf(t, "wlt_a", days(0, 1), rows[5:6], 50)
		p.Past, p.Resolves = true, ids
		return p
	}
	before, _ := l.Done(t.Context(), stream)
	now := l.opts.Now
	l.opts.Now = func() time.Time { return now().Add(time.Hour) }
	if r := commit(t, l, late(id)); r.Inserted != 1 || r.Sequence != 2 || r.Chains[0].State != sinks.ChainClosed {
		t.Errorf("%+v", r)
	}
	after, _ := l.Done(t.Context(), stream)
	if !after.LastRead.Equal(before.LastRead) || len(after.Complete) != 1 {
		t.Errorf("what came from quarantine counts as a read: %+v, %+v", before, after)
	}
	if r := commit(t, l, late(id)); r.Sequence != 0 || r.Duplicates != 1 {
		t.Errorf("resolved twice: %+v", r)
	}
	if r := commit(t, l, late(y.ID(stream))); r.Sequence != 3 { // the row is there already
		t.Errorf("%+v", r)
	}
	if _, err := l.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{late(strings.Repeat("0", 32))}}); err == nil {
		t.Error("a row that was never rejected is resolved")
	}
	again, err := Open(t.Context(), Options{URL: l.URL(), Now: l.opts.Now, TempDir: t.TempDir(), SkipProbe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if r := commit(t, again, late(id)); r.Sequence != 0 {
		t.Errorf("opened again, the lake has forgotten what is resolved: %+v", r)
	}
	r, err := Verify(t.Context(), l.URL(), VerifyOptions{})
	if err != nil || r.Quarantined != 2 || r.Resolved != 2 || len(r.Unresolved) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A listing of a catalogue retires what it lacks; a row from quarantine does not.
func TestARowFromQuarantineRetiresNothing(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	part := func(resolves []string, codes ...string) sinks.Part {
		p := providersPart(t, codes...)
		p.Resolves = resolves
		return p
	}
	first := part(nil, "A", "B")
	x := schemas.Reject{RowID: "C", Reason: schemas.ReasonTime, Raw: []byte("c")}
	first.Rejects = []schemas.Reject{x}
	commit(t, l, first)
	if r := commit(t, l, part([]string{x.ID(first.Stream)}, "C")); r.Inserted != 1 || r.Retracted != 0 {
		t.Errorf("%+v", r)
	}
	if r := commit(t, l, part(nil, "A", "C")); r.Retracted != 1 {
		t.Errorf("the listing retires B: %+v", r)
	}
}

func providersPart(t *testing.T, codes ...string) sinks.Part {
	t.Helper()
	table := schemas.Providers
	rb := array.NewRecordBuilder(memory.DefaultAllocator, table.ArrowSchema())
	defer rb.Release()
	for _, code := range codes {
		for i, f := range table.Fields {
			switch f.Name {
			case "source":
				rb.Field(i).(*array.StringBuilder).Append("mpay")
			case "provider_code":
				rb.Field(i).(*array.StringBuilder).Append(code)
			case "status":
				rb.Field(i).(*array.StringBuilder).Append("active")
			default:
				rb.Field(i).AppendEmptyValue()
			}
		}
	}
	p := sinks.Part{Stream: schemas.Stream{Source: "mpay", Table: table}, Final: true, Rows: sinks.NewSpool(table.ArrowSchema(), "", 0)}
	if err := p.Rows.Append(rb.NewRecord()); err != nil {
		t.Fatal(err)
	}
	return p
}
