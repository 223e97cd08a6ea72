package lake

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// decisionRow is a row of decisions in which every text says its column.
func decisionRow(id, reason string, number int64) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schemas.Decisions.ArrowSchema())
	defer b.Release()
	own := map[string]string{"source": schemas.DecisionSource, "decision_id": id, "reason": reason, "currency": "AZN"}
	for i, f := range schemas.Decisions.Fields {
		switch b := b.Field(i).(type) {
		case *array.StringBuilder:
			if text, ok := own[f.Name]; ok {
				b.Append(text)
			} else {
				b.Append(f.Name)
			}
		case *array.Int64Builder:
			b.Append(number)
		case *array.TimestampBuilder:
			b.Append(arrow.Timestamp(day0.UnixMicro()))
		case *array.Date32Builder:
			b.Append(arrow.Date32(schemas.NewZone(time.UTC).BusinessDate(day0.UnixMicro())))
		}
	}
	return b.NewRecord()
}

func openAt(t *testing.T, dir string) *Lake {
	t.Helper()
	l, err := Open(t.Context(), Options{URL: "file://" + dir, TempDir: t.TempDir(), Now: testNow, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// A decision is a commit whose manifest says so, and rests on the manifests
// before it: plan is asked again when somebody else came first.
func TestDecide(t *testing.T) {
	dir := t.TempDir()
	l, other := openAt(t, dir), openAt(t, dir)
	var heads []int64
	receipt, err := l.Decide(t.Context(), func(_ context.Context, head int64) (string, arrow.Record, error) {
		if heads = append(heads, head); len(heads) == 1 {
			_, err := other.Decide(t.Context(), func(context.Context, int64) (string, arrow.Record, error) {
				return KindClose, decisionRow("dec_1", "x", 1), nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return KindDecision, decisionRow("dec_2", "y", int64(len(heads))), nil
	})
	if err != nil || receipt.Sequence != 2 || len(heads) != 2 || heads[0] != 0 || heads[1] != 1 {
		t.Fatalf("asked as of %v, manifest %d: %v", heads, receipt.Sequence, err)
	}
	var kinds []string
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, e.Kind)
		if len(e.Parts) != 1 || e.Parts[0].Final || e.Parts[0].Inserted != 1 || e.Source != "paylake" {
			t.Errorf("%+v", e.Manifest)
		}
	}
	if strings.Join(kinds, " ") != "close decision" {
		t.Errorf("kinds are %s", kinds)
	}
	nothing, err := l.Decide(t.Context(), func(context.Context, int64) (string, arrow.Record, error) { return "", nil, nil })
	if err != nil || nothing.Sequence != 0 {
		t.Errorf("nothing was decided: %+v, %v", nothing, err)
	}
	if _, err := l.Decide(t.Context(), func(context.Context, int64) (string, arrow.Record, error) {
		return KindData, decisionRow("dec_3", "z", 3), nil
	}); err == nil || !strings.Contains(err.Error(), "no kind of a decision") {
		t.Errorf("as data: %v", err)
	}
	d, err := l.Diff(t.Context(), 0, 2, 5)
	if err != nil || len(d.Tables) != 1 || d.Tables[0].Table != "decisions" || d.Tables[0].Inserted != 2 {
		t.Errorf("a diff shows %+v, %v", d.Tables, err)
	}
	r, err := Verify(t.Context(), "file://"+dir, VerifyOptions{})
	if err != nil || len(r.Findings) != 0 || r.Visible != 2 {
		t.Errorf("%d visible rows, %v, %v", r.Visible, r.Findings, err)
	}
}

// Nobody changes a decision: a row that takes one back is found, although every
// hash of it is right.
func TestChangedDecisionIsFound(t *testing.T) {
	dir := t.TempDir()
	l := openAt(t, dir)
	for _, reason := range []string{"as agreed", "as agreed otherwise"} {
		if _, err := l.Decide(t.Context(), func(context.Context, int64) (string, arrow.Record, error) {
			return KindDecision, decisionRow("dec_1", reason, 1), nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Verify(t.Context(), "file://"+dir, VerifyOptions{})
	if !errors.Is(err, sinks.ErrCorrupt) || len(r.Findings) == 0 || !strings.Contains(r.Findings[0].Detail, "changes a decision") {
		t.Errorf("%v, %v", r.Findings, err)
	}
}

// Decisions come under their own kinds alone, and these bring nothing else.
func TestKindsOfManifests(t *testing.T) {
	l := openAt(t, t.TempDir())
	if _, err := l.Decide(t.Context(), func(context.Context, int64) (string, arrow.Record, error) {
		return KindDecision, decisionRow("dec_1", "x", 1), nil
	}); err != nil {
		t.Fatal(err)
	}
	raw, err := l.bucket.Read(t.Context(), manifestKey(1), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]error{
		{`"kind": "decision"`, `"kind": "close"`}:       nil,
		{`"kind": "decision"`, `"kind": "data"`}:        sinks.ErrCorrupt,
		{`"kind": "decision"`, `"kind": "verdict"`}:     sinks.ErrNewer,
		{`"table": "decisions"`, `"table": "verdicts"`}: sinks.ErrNewer,
		{`"source": "paylake"`, `"source": "mpay"`}:     sinks.ErrCorrupt,
	} {
		text := strings.Replace(string(raw), change[0], change[1], 1)
		if _, err := decodeManifest(1, []byte(text)); text == string(raw) || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", change[1], err, want)
		}
	}
	rows := sinks.NewSpool(schemas.Decisions.ArrowSchema(), t.TempDir(), 0)
	if err := rows.Append(decisionRow("dec_2", "x", 2)); err != nil {
		t.Fatal(err)
	}
	_, err = l.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{{Stream: schemas.Stream{Source: schemas.DecisionSource, Table: schemas.Decisions}, Rows: rows}}})
	if err == nil || !strings.Contains(err.Error(), "Decide") {
		t.Errorf("committed as data: %v", err)
	}
}
