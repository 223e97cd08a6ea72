package clickhouse

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// decision is a row of decisions, in the month of day0.
func decision(number int64, kind, period string, more row) row {
	at := day0.Add(time.Duration(number) * time.Minute)
	r := row{"source": schemas.DecisionSource, "decision_id": "dec_" + string(rune('a'+number)), "number": number, "decided_at": at, "business_date": at,
		"kind": kind, "period": period, "decided_by": "Aysel", "reason": "case 7", "as_of_snapshot": int64(0)}
	for k, v := range more {
		r[k] = v
	}
	return r
}

// decide commits decisions and has the warehouse follow.
func decide(t *testing.T, w *Warehouse, rows ...row) (manifest int64) {
	t.Helper()
	receipt, err := w.lake.Decide(t.Context(), func(context.Context, int64) (string, arrow.Record, error) {
		return lake.KindDecision, record(schemas.Decisions, rows), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	follow(t, w)
	return receipt.Sequence
}

// What persons decided is a view like any other, and stays after a rebuild; who
// decided and why is for auditors and accountants.
func TestDecisionsView(t *testing.T) {
	w := public(t)
	first := decide(t, w, decision(1, "accept", "2026-03", row{"subject": "fnd_1", "currency": "AZN", "amount_minor": int64(3740)}))
	decide(t, w, decision(2, "close", "2026-03", nil))
	const all = "SELECT number, kind, period, subject, amount, decided_by, reason FROM decisions ORDER BY number"
	for _, when := range []string{"loaded", "rebuilt"} {
		for user, want := range map[string]string{
			"analyst":    "1,accept,2026-03,fnd_1,37.4,,\n2,close,2026-03,,\\N,,",
			"auditor":    "1,accept,2026-03,fnd_1,37.4,Aysel,case 7\n2,close,2026-03,,\\N,Aysel,case 7",
			"accountant": "1,accept,2026-03,fnd_1,37.4,Aysel,case 7\n2,close,2026-03,,\\N,Aysel,case 7",
		} {
			if got := asked(t, w, user, all); got != want {
				t.Errorf("%s, %s: %q", when, user, got)
			}
		}
		if got := csvLines(t, w, fmt.Sprintf("SELECT count() FROM decisions_at(snapshot = %d)", first), Query{})[0]; got != "1" {
			t.Errorf("%s: as of manifest %d there are %s", when, first, got)
		}
		if got := csvLines(t, w, "SELECT count() FROM completeness WHERE source = 'paylake'", Query{})[0]; got != "0" {
			t.Errorf("%s: decisions are read up to %s", when, got)
		}
		if err := w.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
