package lake

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// report is one word about an operation: an answer of the Data API, or a notice
// that leaves out what a notice leaves out.
type report struct {
	hint   bool
	values map[string]any
}

func (r report) with(more map[string]any) report {
	values := map[string]any{"source": "psp", "project_id": int64(210), "operation_id": "1", "type": "sale",
		"created_at": day0.UnixMicro(), "amount_minor": int64(5000), "currency": "KGS"}
	for k, v := range more {
		values[k] = v
	}
	return report{r.hint, values}
}

func commitReports(t *testing.T, l *Lake, reports ...report) sinks.Receipt {
	t.Helper()
	var b sinks.Batch
	for _, r := range reports {
		spool := sinks.NewSpool(schemas.Operations.ArrowSchema(), t.TempDir(), 1000)
		if err := spool.Append(pspRow(schemas.Operations, r.values)); err != nil {
			t.Fatal(err)
		}
		b.Parts = append(b.Parts, sinks.Part{Stream: schemas.Stream{Source: "psp", Table: schemas.Operations},
			Window: schemas.Window{From: day0, To: day0.Add(time.Hour)}, Hint: r.hint, Rows: spool})
	}
	got, err := l.Commit(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// shown reads the visible rows of operations from the objects, as text without
// the columns that say when a row came.
func shown(t *testing.T, l *Lake) []string {
	t.Helper()
	balance := map[string]int{}
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range e.Objects {
			r, err := openObject(t.Context(), l.bucket, o.Path, o.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			lines := make([]strings.Builder, o.Rows)
			for _, f := range schemas.Operations.Fields {
				a, err := r.read(f)
				if err != nil {
					t.Fatal(err)
				}
				for i := range lines {
					fmt.Fprintf(&lines[i], "%s=%s ", f.Name, a.ValueStr(i))
				}
			}
			sign, err := r.read(schemas.Field{Name: "sign", Kind: schemas.Int32})
			if err != nil {
				t.Fatal(err)
			}
			for i := range lines {
				balance[lines[i].String()] += int(sign.(*array.Int32).Value(i))
			}
		}
	}
	var out []string
	for line, n := range balance {
		if n != 0 {
			out = append(out, fmt.Sprintf("%d × %s", n, line))
		}
	}
	return out
}

// Whatever comes first, the row ends the same: notices and answers in every
// order, repeated, alone or several in one batch.
func TestReportsConverge(t *testing.T) {
	notice, answer := report{hint: true}, report{}
	full := map[string]any{"customer_id": "1", "account_masked": "34•54", "provider_code": "mbank", "method": "mbank"}
	and := func(more map[string]any) map[string]any {
		out := map[string]any{}
		for k, v := range full {
			out[k] = v
		}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	done := day0.Add(time.Minute).UnixMicro()
	reports := []report{
		notice.with(map[string]any{"status": "processing", "method": "mbank"}),
		notice.with(map[string]any{"status": "awaiting clarification"}),
		notice.with(map[string]any{"status": "success", "message": "Success", "code": "0", "completed_at": done, "payment_minor": int64(50000), "payment_currency": "KGS"}),
		notice.with(map[string]any{"status": "success", "customer_id": "1"}),
		answer.with(and(map[string]any{"status": "processing"})),
		answer.with(and(map[string]any{"status": "success", "message": "OK", "code": "0", "completed_at": done})),
	}
	want := answer.with(and(map[string]any{"status": "success", "message": "OK", "code": "0", "completed_at": done, "payment_minor": int64(50000), "payment_currency": "KGS"}))
	reference := openTest(t, fileBucketOf(t), false)
	commitReports(t, reference, want)
	end := shown(t, reference)

	rng := rand.New(rand.NewPCG(1, 2))
	for range 25 {
		l := openTest(t, fileBucketOf(t), false)
		order := append(append([]report{}, reports...), reports[rng.IntN(len(reports))], reports[rng.IntN(len(reports))])
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for rest := order; len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			commitReports(t, l, rest[:n]...)
			rest = rest[n:]
		}
		if got := shown(t, l); !reflect.DeepEqual(got, end) {
			t.Fatalf("after %+v:\n%s\nwant\n%s", order, got, end)
		}
		if r := commitReports(t, l, order...); r.Sequence != 0 {
			t.Errorf("the same again: %+v", r)
		}
		verified(t, l)
	}
}

// What the Data API corrects is a correction: only a state that was left is
// never returned to, and a notice corrects nothing.
func TestAnswersCorrectAndNoticesDoNot(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	for i, c := range []struct {
		report          report
		inserted, stays int64
	}{
		{report{}.with(map[string]any{"status": "success", "amount_minor": int64(5000)}), 1, 0},
		{report{hint: true}.with(map[string]any{"status": "success", "amount_minor": int64(7000)}), 0, 1},
		{report{hint: true}.with(map[string]any{"status": "decline", "amount_minor": int64(7000)}), 0, 1},
		{report{}.with(map[string]any{"status": "success", "amount_minor": int64(6000)}), 1, 0},
		{report{}.with(map[string]any{"status": "processing", "amount_minor": int64(8000)}), 0, 1},
		{report{hint: true}.with(map[string]any{"status": "refunded", "amount_minor": int64(6000)}), 1, 0},
		{report{}.with(map[string]any{"status": "success", "amount_minor": int64(6000)}), 0, 1},
		{report{}.with(map[string]any{"status": "a new word", "amount_minor": int64(6000)}), 0, 1},
	} {
		if got := commitReports(t, l, c.report); got.Inserted != c.inserted || got.Duplicates != c.stays {
			t.Errorf("report %d: %+v", i, got)
		}
	}
	verified(t, l)
}

// A word that nobody knows gives way to a notice of a known outcome, whichever
// comes first, and never to one of something under way.
func TestUnknownStateGivesWay(t *testing.T) {
	unknown, done, begun := report{hint: true}.with(map[string]any{"status": "a new word"}), report{hint: true}.with(map[string]any{"status": "success"}), report{hint: true}.with(map[string]any{"status": "processing"})
	for i, order := range [][]report{{unknown, done, begun}, {done, unknown, begun}, {begun, unknown, done}, {unknown, begun, done}, {done, begun, unknown}, {begun, done, unknown}} {
		l, want := openTest(t, fileBucketOf(t), false), openTest(t, fileBucketOf(t), false)
		commitReports(t, want, done)
		for _, r := range order {
			commitReports(t, l, r)
		}
		if got := shown(t, l); !reflect.DeepEqual(got, shown(t, want)) {
			t.Errorf("order %d: %s", i, got)
		}
	}
	l, want := openTest(t, fileBucketOf(t), false), openTest(t, fileBucketOf(t), false)
	commitReports(t, want, unknown)
	commitReports(t, l, unknown)
	commitReports(t, l, begun)
	if got := shown(t, l); !reflect.DeepEqual(got, shown(t, want)) {
		t.Errorf("under way again: %s", got)
	}
}

// Reports that disagree about when it happened are one row, in whatever order and
// across the end of a month: a notice's instant gives way to an answer's.
func TestAnInstantToldTwice(t *testing.T) {
	month := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	at := func(hint bool, when time.Time, status string) report {
		return report{hint: hint}.with(map[string]any{"created_at": when.UnixMicro(), "status": status})
	}
	for name, list := range map[string][]report{
		"a second apart":      {at(true, day0, "success"), at(true, day0.Add(time.Second), "success")},
		"processing first":    {at(true, day0, "processing"), at(true, day0.Add(time.Second), "success"), at(true, day0, "processing")},
		"another zone":        {at(true, day0, "success"), at(false, day0.Add(6*time.Hour), "success")},
		"over a month's end":  {at(true, month.Add(-time.Second), "success"), at(false, month.Add(time.Second), "success"), at(true, month.Add(-time.Second), "success")},
		"and back":            {at(false, month.Add(time.Second), "success"), at(false, month.Add(-time.Second), "success"), at(false, month.Add(time.Second), "success")},
		"the answer is first": {at(false, month.Add(time.Second), "success"), at(true, month.Add(-time.Second), "success")},
	} {
		t.Run(name, func(t *testing.T) {
			l := openTest(t, fileBucketOf(t), false)
			var answer report
			for _, r := range list {
				commitReports(t, l, r)
				if !r.hint {
					answer = r
				}
			}
			got := shown(t, l)
			if len(got) != 1 {
				t.Fatalf("%d rows: %q", len(got), got)
			}
			if want := openTest(t, fileBucketOf(t), false); answer.values != nil {
				commitReports(t, want, answer)
				if !reflect.DeepEqual(got, shown(t, want)) {
					t.Errorf("%q", got)
				}
			}
			verified(t, l)
		})
	}
}
