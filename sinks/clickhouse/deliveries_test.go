package clickhouse

import (
	"testing"
	"time"
)

// The newest word about a delivery counts, in whatever order and how often it
// comes, and a rebuild keeps it.
func TestDeliveriesAreShown(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, false)
	if at, err := w.DeliveriesUpTo(t.Context()); err != nil || !at.IsZero() {
		t.Fatalf("%v %v", at, err)
	}
	one := Delivery{Endpoint: "crm", EventID: "evt_1", EventType: "payment.settled", EventAt: day0, Status: "pending", Error: "answered 503", Code: 503, Tries: 1, FirstAt: day0, LastAt: day0, Snapshot: 3, ChangedAt: day0.Add(time.Hour)}
	arrived := one
	arrived.Status, arrived.Error, arrived.Code, arrived.Tries, arrived.DeliveredAt, arrived.ChangedAt = "delivered", "", 204, 2, day0.Add(2*time.Hour), day0.Add(2*time.Hour)
	other := one
	other.Endpoint = "erp"
	for _, list := range [][]Delivery{{arrived, other}, {one}, {arrived}, nil} {
		if err := w.RecordDeliveries(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	const sql = "SELECT endpoint, event_id, status, tries, code, delivered_at IS NULL FROM webhook_deliveries ORDER BY endpoint"
	const want = "crm | evt_1 | delivered | 2 | 204 | 0\nerp | evt_1 | pending | 1 | 503 | 1\n"
	if got := lines(ask(t, w, sql)); got != want {
		t.Errorf("got\n%s", got)
	}
	if at, err := w.DeliveriesUpTo(t.Context()); err != nil || !at.Equal(arrived.ChangedAt) {
		t.Errorf("%v %v", at, err)
	}
	if err := w.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := lines(ask(t, w, sql)); got != want {
		t.Errorf("after a rebuild\n%s", got)
	}
}
