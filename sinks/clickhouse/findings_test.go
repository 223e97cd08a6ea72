package clickhouse

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// found lists findings of one kind as lines.
func found(t testing.TB, w *Warehouse, kind string) string {
	t.Helper()
	return lines(ask(t, w, "SELECT severity, business_date, wallet_id, arrayStringConcat(row_ids, ','), provider_code, currency, amount_minor FROM "+w.db+".findings WHERE kind = '"+kind+"' ORDER BY ALL"))
}

// bill is a payment of a bill some minutes after day0.
func bill(id string, minutes int, amount int64, more row) row {
	r := ledgerRow(id, day0.Add(time.Duration(minutes)*time.Minute), amount, row{"provider_code": "WATER", "subscriber_ref": "****381"})
	for k, v := range more {
		r[k] = v
	}
	return r
}

// Payments of one bill are found where reference or subscriber leave no doubt;
// what came back, what recurs, and what two people pay is no duplicate.
func TestDuplicatePayments(t *testing.T) {
	c := newClock()
	w := open(t, newLake(t, c), c, false)
	ref := func(s string, more ...string) row {
		r := row{"external_reference": s}
		for i := 0; i+1 < len(more); i += 2 {
			r[more[i]] = more[i+1]
		}
		return r
	}
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 40),
		bill("a1", 0, -3740, ref("R1")), bill("a2", 60, -3740, ref("R1")), // twice
		bill("b1", 0, -100, ref("R2")), bill("b2", 60, -100, ref("R2", "status", "reversed")), // the second was reversed
		bill("c1", 0, -200, ref("R3")), bill("c2", 60, -200, ref("R3")), ledgerRow("c3", day0.Add(2*time.Hour), 200, row{"type": "reversal", "reversal_of": "c2"}),
		bill("d1", 0, -300, ref("R4")), bill("d2", 60, -300, ref("R4")), ledgerRow("d3", day0.Add(2*time.Hour), 300, row{"type": "refund", "external_reference": "R4"}),
		bill("e1", 0, -400, ref("R5")), bill("e2", 60, -401, ref("R5")), // another amount
		bill("f1", 0, -500, ref("R6")), bill("f2", 60, -500, ref("R6", "provider_code", "GAS")), // another provider
		bill("g1", 0, -600, ref("M")), bill("g2", 30*1440, -600, ref("M")), // the same contract, a month later
		bill("h1", 0, -700, ref("R7")), bill("h2", 1, -700, ref("R8")), // pressed twice
		bill("i1", 0, -800, ref("R9")), bill("i2", 30, -800, ref("R10")), // paid on purpose
		bill("j1", 0, -900, nil), bill("j2", 50, -900, nil), bill("j3", 180, -900, nil), // without references, within an hour
		bill("k1", 0, -1000, ref("R11", "status", "pending")), bill("k2", 1, -1000, ref("R11")),
		bill("l1", 0, -1100, row{"subscriber_ref": "AB-1"})),
		part(schemas.Ledger, "mpay", "wlt_2", days(0, 40), bill("x1", 1, -900, row{"wallet_id": "wlt_2"}), // masked: another person's, maybe
			bill("x2", 1, -1100, row{"wallet_id": "wlt_2", "subscriber_ref": "AB-1"}))) // the same subscriber for certain
	commit(t, w.lake, part(schemas.Operations, "psp", "", days(0, 2), op("p1", 1, "o1", "sale", "success", "mbank", 500), op("p1", 9, "o2", "sale", "success", "mbank", 500),
		op("p2", 1, "o3", "sale", "success", "mbank", 500), op("p2", 9, "o4", "sale", "success", "mbank", 500), op("p2", 19, "o5", "refund", "success", "mbank", 500),
		op("p3", 1, "o6", "sale", "decline", "mbank", 500), op("p3", 9, "o7", "sale", "success", "mbank", 500)))
	follow(t, w)
	want := `high | 2026-03-30 |  | o1,o2 | mbank | KGS | 500
high | 2026-03-30 | wlt_1 | a1,a2 | WATER | AZN | 3740
high | 2026-03-30 | wlt_1 | h1,h2 | WATER | AZN | 700
high | 2026-03-30 | wlt_1 | j1,j2 | WATER | AZN | 900
high | 2026-03-30 | wlt_2 | l1,x2 | WATER | AZN | 1100
`
	if got := found(t, w, schemas.DuplicatePayment); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A decision is shown with its finding, the newest one; the id is what the
// contract says, so that everybody names a finding alike, at any snapshot.
func TestDecidedFindings(t *testing.T) {
	w := public(t)
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_9", days(0, 1), bill("a1", 0, -3740, row{"wallet_id": "wlt_9", "external_reference": "R1"}), bill("a2", 60, -3740, row{"wallet_id": "wlt_9", "external_reference": "R1"})))
	follow(t, w)
	sum := sha256.Sum256([]byte(strings.Join([]string{"duplicate_payment", "mpay", "wlt_9", "a1", "wlt_9", "a2"}, "\n")))
	name := "fnd_" + hex.EncodeToString(sum[:8])
	const sql = "SELECT finding_id, state, decided_by, reason FROM findings"
	line := func(user string) string {
		t.Helper()
		return strings.Join(csvLines(t, w, sql, Query{User: user}), "\n")
	}
	if got := line("auditor"); got != fmt.Sprintf(`%s,open,,`, name) {
		t.Fatalf("undecided: %s, want %s", got, name)
	}
	before := decide(t, w, decision(1, "explain", "", row{"subject": name}), decision(2, "explain", "", row{"subject": "fnd_0000000000000000"}))
	if got := line("auditor"); got != fmt.Sprintf(`%s,explained,Aysel,case 7`, name) {
		t.Errorf("explained: %s", got)
	}
	decide(t, w, decision(3, "confirm", "", row{"subject": name, "decided_by": "Farid"}), decision(4, "hold", "2026-05", row{"subject": name}))
	if got := line("auditor"); got != fmt.Sprintf(`%s,confirmed,Farid,case 7`, name) {
		t.Errorf("confirmed: %s", got)
	}
	if got := line("analyst"); got != fmt.Sprintf(`%s,confirmed,,`, name) {
		t.Errorf("an analyst sees who decided: %s", got)
	}
	if got := csvLines(t, w, fmt.Sprintf("SELECT state FROM findings_at(snapshot = %d)", before), Query{}); got[0] != "explained" {
		t.Errorf("at manifest %d: %s", before, got)
	}
}

// finding makes a warehouse with thresholds of its own.
func finding(t *testing.T, f schemas.Findings) *Warehouse {
	t.Helper()
	c := newClock()
	w := open(t, newLake(t, c), c, false)
	w.found = &f
	return w
}

func rowsFound(t *testing.T, w *Warehouse, kind string) string {
	t.Helper()
	return strings.TrimSpace(lines(ask(t, w, "SELECT arrayStringConcat(row_ids, ',') FROM "+w.db+".findings WHERE kind = '"+kind+"' ORDER BY ALL")))
}

// A step-up counts for its own payment, or for what its session did afterwards;
// nothing is missing where events were not read.
func TestStepUpMissing(t *testing.T) {
	w := finding(t, schemas.DefaultFindings())
	paid := func(id string, hour int, amount int64, more row) row {
		return bill(id, hour*60, amount, more)
	}
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 2),
		paid("own", 1, -25000, nil), paid("below", 1, -24999, nil), paid("none", 2, -25000, nil), paid("pending", 2, -25000, row{"status": "pending"}),
		paid("session", 5, -90000, row{"session_id": "s1"}), paid("too early", 3, -90000, row{"session_id": "s1"}), paid("topup", 6, 90000, row{"type": "topup"}),
		paid("transfer", 7, -250000, row{"type": "transfer_out"}), paid("other money", 7, -90000, row{"currency": "KGS"}), paid("required", 8, -30000, nil), paid("unread", 30, -90000, nil)),
		part(schemas.Ledger, "mpay", "wlt_2", days(0, 2), paid("nobody reads it", 1, -90000, row{"wallet_id": "wlt_2"})))
	commit(t, w.lake, part(schemas.AssuranceEvents, "mpay", "wlt_1", days(0, 1), assuranceRow("e1", day0.Add(time.Hour), "step_up_completed", "", "own", "A3"),
		assuranceRow("e2", day0.Add(4*time.Hour), "step_up_completed", "s1", "", "A3"), assuranceRow("e3", day0.Add(8*time.Hour), "step_up_required", "", "required", "")))
	follow(t, w)
	if got := found(t, w, schemas.StepUpMissing) + cell(t, w, "SELECT JSONExtractString(evidence, 'amount_minor') FROM "+w.db+".findings WHERE row_ids = ['transfer']"); got != `high | 2026-03-30 | wlt_1 | transfer | WATER | AZN | 250000
medium | 2026-03-30 | wlt_1 | none | WATER | AZN | 25000
medium | 2026-03-30 | wlt_1 | required | WATER | AZN | 30000
medium | 2026-03-30 | wlt_1 | too early | WATER | AZN | 90000
250000` {
		t.Errorf("got\n%s", got)
	}
}

// A span slides: what leaves it makes room, whatever the wallet.
func TestVelocity(t *testing.T) {
	w := finding(t, schemas.Findings{Velocity: []schemas.Velocity{{Window: time.Hour, Count: 3, Sum: map[string]int64{"AZN": 1000}}}, History: schemas.History{Least: 100}})
	to := func(id, person string, minutes int, amount int64, more ...row) row {
		r := ledgerRow(id, day0.Add(time.Duration(minutes)*time.Minute), -amount, row{"type": "transfer_out", "provider_code": "", "counterparty": person})
		for _, m := range more {
			for k, v := range m {
				r[k] = v
			}
		}
		return r
	}
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 2),
		to("a1", "p1_a", 0, 1), to("a2", "p1_a", 30, 1), to("a3", "p1_a", 60, 1), to("a4", "p1_a", 89, 1), // a1 has left when a3 comes; a2, a3, a4 are three
		to("a5", "p1_a", 95, 1), to("a6", "p1_a", 400, 1), // a5 goes on, a6 does not
		to("b1", "p1_b", 0, 400), to("b2", "p1_b", 20, 600), // 10.00 in an hour
		to("c1", "p1_c", 0, 400), to("c2", "p1_c", 60, 600), // in two
		to("d1", "p1_d", 0, 400), to("d2", "p1_d", 1, -600, row{"type": "transfer_in", "amount_minor": int64(600)}), // one to, one from
		to("e1", "p1_e", 0, 600), to("e2", "p1_e", 1, 600, row{"status": "reversed"}),
		to("f1", "", 0, 600), to("f2", "", 1, 600), to("g1", "p1_g", 0, 2000)),
		part(schemas.Ledger, "mpay", "wlt_2", days(0, 2), to("b0", "p1_b", 10, 5, row{"wallet_id": "wlt_2"})))
	follow(t, w)
	if got := rowsFound(t, w, schemas.VelocityFinding); got != "a2,a3,a4,a5\nb1,b0,b2\ng1" {
		t.Errorf("got\n%s", got)
	}
}

// What completes while the platform is asked is on either side of the reading.
func TestPlatformBalances(t *testing.T) {
	w := finding(t, schemas.DefaultFindings())
	at := func(m int) time.Time { return day0.Add(time.Duration(m) * time.Minute) }
	reading := func(m int, minor int64) row {
		return row{"source": "psp", "observed_at": at(m), "business_date": at(m), "name": "main", "currency": "KGS", "amount_minor": minor}
	}
	fee := func(m int, id string, fee int64) row {
		return row{"source": "psp", "project_id": int64(210), "operation_id": id, "type": "sale", "status": "success", "created_at": at(m), "completed_at": at(m), "business_date": at(m), "fee_minor": fee, "fee_currency": "KGS", "amount_minor": int64(100), "currency": "KGS"}
	}
	commit(t, w.lake, part(schemas.PSPBalances, "psp", "", schemas.Window{}, reading(10, 1000), reading(20, 1097), reading(30, 1047), reading(40, 1147), reading(50, 1150), reading(60, 1150), reading(2000, 7)))
	commit(t, w.lake, part(schemas.Operations, "psp", "", days(0, 1), op("p1", 15, "o1", "sale", "success", "mbank", 100), op("p1", 25, "o2", "refund", "success", "mbank", 50),
		op("p2", 40, "o3", "sale", "success", "mbank", 100), op("p3", 45, "o4", "sale", "decline", "mbank", 100)))
	commit(t, w.lake, part(schemas.OperationFees, "psp", "", days(0, 1), fee(15, "o1", 3), fee(40, "o3", 0)))
	follow(t, w)
	list, err := w.Readings(t.Context())
	if err != nil || len(list) != 5 {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, want := range []string{"97 0 true", "-50 0 true", "100 0 true", "0 3 false", "0 0 true"} {
		if got := fmt.Sprint(list[i].PositionsMinor, " ", list[i].DifferenceMinor, " ", list[i].Agrees); got != want {
			t.Errorf("reading %d: %s, want %s", i, got, want)
		}
	}
	if got := found(t, w, schemas.PSPBalance); got != "medium | 2026-03-30 |  | 2026-03-30 00:40:00.000000,2026-03-30 00:50:00.000000 |  | KGS | 3\n" {
		t.Errorf("got %s", got)
	}
}

// The wallet's statement is the third witness of a payment.
func TestPaymentsInTheLedger(t *testing.T) {
	f := schemas.DefaultFindings()
	f.Payments = "mpay"
	w := finding(t, f)
	at := day0.Add(time.Hour)
	intent := func(id, status string) row {
		r := row{"source": "psp", "payment_id": id, "version": int64(3), "changed_at": at, "business_date": at, "status": status, "amount_minor": int64(500), "currency": "KGS", "project_id": int64(210), "sent_at": at, "told": status, "operation_id": "op_" + id}
		if status == "success" {
			r["settled_at"] = at
		}
		return r
	}
	charged := func(id, reference string, amount int64, more row) row {
		r := bill(id, 70, -amount, row{"external_reference": reference, "currency": "KGS", "subscriber_ref": id})
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	var sales []row
	for _, id := range []string{"pl_good", "pl_amount", "pl_absent", "pl_reversed"} {
		sales = append(sales, op(id, 61, "op_"+id, "sale", "success", "mbank", 500))
	}
	commit(t, w.lake, part(schemas.PaymentIntents, "psp", "", schemas.Window{}, intent("pl_good", "success"), intent("pl_amount", "success"), intent("pl_absent", "success"), intent("pl_reversed", "success"), intent("pl_declined", "decline")))
	commit(t, w.lake, part(schemas.Operations, "psp", "", days(0, 9), sales...))
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 9), charged("l1", "pl_good", 500, nil), charged("l2", "op_pl_amount", 501, nil), charged("l3", "pl_declined", 500, nil), charged("l4", "pl_reversed", 500, row{"status": "reversed"})))
	follow(t, w)
	got := lines(ask(t, w, "SELECT row_ids[1], JSONExtractString(evidence, 'difference'), JSONExtractString(evidence, 'ledger_minor') FROM "+w.db+".findings WHERE kind = 'payment_difference' ORDER BY ALL"))
	if got != "pl_absent | not in the ledger | \npl_amount | another amount in the ledger | 501\npl_declined | charged anyway | 500\n" {
		t.Errorf("got\n%s", got)
	}
}
