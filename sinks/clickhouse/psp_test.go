package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// op is an operation of payment p at minute m.
func op(p string, m int, id, kind, status, method string, amount int64, more ...row) row {
	at := day0.Add(time.Duration(m) * time.Minute)
	r := row{"source": "psp", "project_id": int64(210), "operation_id": id, "payment_id": p, "type": kind, "status": status, "created_at": at,
		"completed_at": at, "business_date": at, "amount_minor": amount, "currency": "KGS", "provider_code": method, "method": method,
		"customer_id": "c-" + p, "account_masked": "4•1"}
	for _, extra := range more {
		for k, v := range extra {
			r[k] = v
		}
	}
	return r
}

func paid(minor int64) row { return row{"payment_minor": minor, "payment_currency": "KGS"} }

func pspWarehouse(t *testing.T, ops ...row) *Warehouse {
	t.Helper()
	w := public(t)
	commit(t, w.lake, part(schemas.Operations, "psp", "", days(0, 2), ops...))
	follow(t, w)
	return w
}

func csvLines(t *testing.T, w *Warehouse, sql string, q Query) []string {
	t.Helper()
	q.Format = FormatCSV
	out, err := run(t, w, sql, q)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(out, `"`, "")), "\n")[1:]
}

// Every life that a payment can have, against what an accountant would say.
func TestPaymentsRollUp(t *testing.T) {
	w := pspWarehouse(t,
		op("paid", 1, "a1", "sale", "success", "card", 5000),
		op("retried", 1, "b1", "sale", "decline", "card", 5000), op("retried", 2, "b2", "sale", "success", "card", 5000),
		op("declined", 1, "c1", "sale", "decline", "card", 5000), op("declined", 2, "c2", "sale", "decline", "card", 5000),
		op("open", 1, "d1", "sale", "processing", "mbank", 700),
		op("part", 1, "e1", "sale", "success", "card", 5000), op("part", 9, "e2", "refund", "success", "card", 1200), op("part", 10, "e3", "refund", "decline", "card", 50),
		op("all", 1, "f1", "sale", "success", "card", 5000), op("all", 9, "f2", "refund", "success", "card", 1200), op("all", 11, "f3", "refund", "success", "card", 3800),
		op("back", 1, "g1", "sale", "success", "card", 5000), op("back", 9, "g2", "reversal", "success", "card", 5000),
		op("held", 1, "h1", "auth", "success", "card", 5000),
		op("freed", 1, "i1", "auth", "success", "card", 5000), op("freed", 2, "i2", "cancel", "success", "card", 5000),
		op("taken", 1, "j1", "auth", "success", "card", 5000), op("taken", 2, "j2", "capture", "success", "card", 4900),
		op("out", 1, "k1", "payout", "success", "card", 800),
		op("again", 1, "l1", "sale", "success", "card", 5000), op("again", 2, "l2", "refund", "success", "card", 5000), op("again", 3, "l3", "refund reverse", "success", "card", 5000),
		op("euro", 1, "m1", "sale", "success", "card", 5000), op("euro", 2, "m2", "refund", "success", "card", 100, row{"currency": "EUR"}),
		op("", 1, "n1", "sale", "success", "card", 1), op("", 2, "n2", "sale", "success", "card", 2),
	)
	got := csvLines(t, w, "SELECT payment_id, type, status, method, sale_minor, refunds_minor, net_minor, attempts, operations, first_operation_id, last_operation_id, other_currency_operations, net FROM payments WHERE payment_id != 'p' ORDER BY payment_id, first_operation_id", Query{})
	want := []string{
		",purchase,success,card,1,0,1,1,1,n1,n1,0,0.01", ",purchase,success,card,2,0,2,1,1,n2,n2,0,0.02",
		"again,purchase,success,card,5000,0,5000,1,3,l1,l3,0,50", "all,purchase,refunded,card,5000,5000,0,1,3,f1,f3,0,0", "back,purchase,reversed,card,5000,5000,0,1,2,g1,g2,0,0",
		"declined,purchase,decline,card,0,0,0,2,2,c1,c2,0,0", "euro,purchase,success,card,5000,0,5000,1,2,m1,m2,1,50", "freed,purchase,cancelled,card,0,0,0,1,2,i1,i2,0,0",
		"held,purchase,awaiting capture,card,0,0,0,1,1,h1,h1,0,0", "open,purchase,processing,mbank,0,0,0,1,1,d1,d1,0,0", "out,payout,success,card,0,0,-800,1,1,k1,k1,0,-8",
		"paid,purchase,success,card,5000,0,5000,1,1,a1,a1,0,50", "part,purchase,partially refunded,card,5000,1200,3800,1,3,e1,e3,0,38", "retried,purchase,success,card,5000,0,5000,2,2,b1,b2,0,50",
		"taken,purchase,success,card,4900,0,4900,1,2,j1,j2,0,49",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for user, want := range map[string]string{"analyst": ":", "auditor": "c-paid:4•1"} {
		seen := csvLines(t, w, "SELECT concat(customer_id, ':', account_masked) FROM payments WHERE payment_id = 'paid'", Query{User: user})
		if len(seen) != 1 || seen[0] != want {
			t.Errorf("%s sees %q", user, seen)
		}
	}
}

// What cannot be, and what is off by a power of ten, is kept and flagged; what
// can be is not.
func TestAlarms(t *testing.T) {
	w := pspWarehouse(t,
		op("1", 1, "ok", "sale", "success", "mbank", 5000, paid(5000)), op("1", 2, "refund", "refund", "success", "mbank", 5000, paid(5000)),
		op("2", 1, "upper", "payout", "success", "MBANK", 5000), op("3", 1, "card", "refund", "success", "card", 100, paid(1000)),
		op("4", 1, "seed", "sale", "success", "mbank", 5000, paid(50000)), op("5", 1, "tenth", "sale", "success", "card", 50000, paid(5000)),
		op("6", 1, "other", "sale", "success", "card", 5000, paid(5001)), op("7", 1, "unsent", "sale", "success", "card", 5000),
		op("8", 1, "foreign", "sale", "success", "card", 5000, row{"payment_minor": int64(50000), "payment_currency": "USD"}),
		op("9", 1, "zero", "sale", "success", "card", 5000, paid(0)), op("10", 1, "huge", "sale", "success", "card", 9223372036854775807, paid(1)),
		op("11", 1, "dollars", "sale", "success", "mbank", 5000, row{"currency": "USD"}), op("12", 1, "loud", "sale", "success", "Mbank", 5000, row{"currency": "AZN", "payment_minor": int64(5000), "payment_currency": "AZN"}),
		op("13", 1, "abroad", "sale", "success", "card", 5000, row{"currency": "USD"}), op("14", 1, "untold", "sale", "success", "mbank", 5000, row{"payment_minor": int64(5000)}),
	)
	at := day0.Add(time.Hour)
	dispute := func(id, payment, method string) row {
		return row{"source": "psp", "project_id": int64(210), "chargeback_id": id, "payment_id": payment, "created_at": at, "business_date": at,
			"amount_minor": int64(5000), "currency": "KGS", "method": method, "provider_code": method, "status": "new"}
	}
	commit(t, w.lake, part(schemas.Chargebacks, "psp", "", days(0, 2), dispute("cb1", "1", "mbank"), dispute("cb2", "1", ""), dispute("cb3", "3", "card"), dispute("cb4", "3", "")))
	follow(t, w)
	got := csvLines(t, w, "SELECT check_name, table, row_id, observed, expected, amount_minor FROM alarms ORDER BY ALL", Query{User: "analyst"})
	const mbank = "mbank: sale, invoice, customer action, payment confirmation"
	want := []string{"amount_differs,operations,huge,1,9223372036854775807,9223372036854775807", "amount_differs,operations,other,5001,5000,5000", "amount_differs,operations,zero,0,5000,5000",
		"amount_scale,operations,seed,50000,5000,5000", "amount_scale,operations,tenth,5000,50000,50000",
		"currency_differs,operations,foreign,USD,KGS,5000", "impossible_currency,operations,dollars,USD,mbank: KGS,5000", "impossible_currency,operations,loud,AZN,mbank: KGS,5000",
		"impossible_operation,chargebacks,cb1,mbank chargeback," + mbank + ",5000", "impossible_operation,chargebacks,cb2, chargeback," + mbank + ",5000",
		"impossible_operation,operations,refund,mbank refund," + mbank + ",5000", "impossible_operation,operations,upper,MBANK payout," + mbank + ",5000"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	flagged := csvLines(t, w, "SELECT operation_id, arrayStringConcat(flags, ' '), amount_minor, payment_minor FROM operations WHERE notEmpty(flags) AND operation_id IN ('seed', 'refund') ORDER BY 1", Query{})
	if fmt.Sprint(flagged) != "[refund,impossible_operation,5000,5000 seed,amount_scale,5000,50000]" {
		t.Errorf("flags %v: both sums are kept and the row says so", flagged)
	}
	// A corrected row is no alarm any more, and was one before.
	commit(t, w.lake, part(schemas.Operations, "psp", "", days(0, 2), op("4", 1, "seed", "sale", "success", "mbank", 5000, paid(5000))))
	before := follow(t, w).Head - 1
	for _, q := range []struct {
		snapshot int64
		want     string
	}{{0, "0"}, {before, "1"}} {
		if got := csvLines(t, w, "SELECT count() FROM alarms WHERE row_id = 'seed'", Query{Snapshot: q.snapshot}); got[0] != q.want {
			t.Errorf("snapshot %d: %s alarms, want %s", q.snapshot, got[0], q.want)
		}
	}
	list, upTo, err := w.Alarms(t.Context(), before-1)
	if err != nil || upTo != before+1 || len(list) != 1 || list[0].Table != "chargebacks" || list[0].Rows != 2 || list[0].Example != "cb1" {
		t.Errorf("since %d: %+v up to %d, %v", before-1, list, upTo, err)
	}
}

// An operation that its notice and the list place on two sides of a month's end is
// one row, in the list's month, and one amount; so it is when it is made again.
func TestAnOperationThatMoves(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	end := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
	notice := part(schemas.Operations, "psp", "", schemas.Window{From: end, To: end.Add(time.Microsecond)}, operationRow("o1", end, 1100, nil))
	notice.Final, notice.Hint = false, true
	commit(t, l, notice)
	w := open(t, l, c, false)
	follow(t, w)
	commit(t, l, part(schemas.Operations, "psp", "", days(0, 3), operationRow("o1", end.Add(2*time.Second), 1100, nil)))
	follow(t, w)
	for range 2 {
		for sql, want := range map[string]string{
			"SELECT count(), any(business_date), any(revision) FROM operations":                                                 "1 | 2026-04-01 | 2\n",
			"SELECT business_date, sum(entries), sum(spend_minor) FROM spend_by_provider GROUP BY ALL HAVING sum(entries) != 0": "2026-04-01 | 1 | 1100\n",
			"SELECT count(), any(business_date) FROM operations_at(snapshot = 1)":                                               "1 | 2026-03-31\n",
		} {
			if got := lines(ask(t, w, sql)); got != want {
				t.Errorf("%s: %q, want %q", sql, got, want)
			}
		}
		if err := w.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		follow(t, w)
	}
}
