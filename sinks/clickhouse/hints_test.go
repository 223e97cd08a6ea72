package clickhouse

import (
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// A hint is confirmed by the chargeback that the platform lists for the payment,
// whichever comes first, and by nothing of another project.
func TestHintsAreConfirmedByTheList(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, false)
	hint := func(payment string, hour int) row {
		at := day0.Add(time.Duration(hour) * time.Hour)
		return row{"source": "psp", "received_at": at, "business_date": at, "project_id": int64(7), "payment_id": payment}
	}
	chargeback := func(id, payment string, project int64) row {
		return row{"source": "psp", "project_id": project, "chargeback_id": id, "payment_id": payment, "created_at": day0, "business_date": day0,
			"amount_minor": int64(5000), "currency": "KGS"}
	}
	commit(t, l, part(schemas.ChargebackHints, "psp", "", schemas.Window{}, hint("a", 1), hint("b", 2), hint("c", 3), hint("a", 4)))
	commit(t, l, part(schemas.Chargebacks, "psp", "", days(0, 1), chargeback("cb_1", "a", 7), chargeback("cb_2", "b", 8)))
	follow(t, w)
	got := lines(ask(t, w, "SELECT payment_id, chargeback_id, confirmed FROM chargeback_hints ORDER BY received_at"))
	if want := "a | cb_1 | true\nb |  | false\nc |  | false\na | cb_1 | true\n"; got != want {
		t.Errorf("got\n%s", got)
	}
	if got := lines(ask(t, w, "SELECT count() FROM chargeback_hints_at(snapshot = 1) WHERE confirmed")); got != "0\n" {
		t.Errorf("confirmed before the list said so: %s", got)
	}
}
