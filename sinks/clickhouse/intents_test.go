package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// step is one step of a payment, a minute after the one before.
func step(payment string, version int64, from, to string, more row) row {
	at := day0.Add(time.Duration(version) * time.Minute)
	r := row{"source": "psp", "payment_id": payment, "version": version, "changed_at": at, "business_date": at, "from_status": from, "status": to,
		"event": "e", "tenant": "acme", "job": "bills", "key": "INV-" + payment, "project_id": int64(210), "method": "mbank", "operation": "sale",
		"provider_code": "azersu", "amount_minor": int64(125000), "currency": "KGS", "customer_id": "c-17", "account": "p1_" + strings.Repeat("a", 32),
		"account_masked": "+99655•••••56", "maker": "aysel"}
	for k, v := range more {
		r[k] = v
	}
	return r
}

func steps(t *testing.T, w *Warehouse, rows ...row) {
	t.Helper()
	window := schemas.Window{From: day0, To: day0.AddDate(0, 2, 0)}
	commit(t, w.lake, part(schemas.PaymentIntents, "psp", "", window, rows...))
	follow(t, w)
}

// A payment stands where its newest step says, now and as of any manifest, also
// when steps arrive out of order and twice; and whatever stands there is no spend.
func TestPaymentsStandWhereTheirNewestStepSays(t *testing.T) {
	w := public(t) // manifests 1 to 4
	const spend = "SELECT source, currency, sum(entries), sum(spend_minor) FROM spend_by_provider GROUP BY ALL ORDER BY ALL"
	before := csvLines(t, w, spend, Query{})
	sent := row{"sent_at": day0.Add(3 * time.Minute), "attempt": int64(1)}
	steps(t, w, step("pl_1", 1, "", "draft", nil), step("pl_2", 1, "", "draft", nil))
	steps(t, w, step("pl_1", 3, "approved", "sending", sent), step("pl_1", 2, "draft", "approved", row{"checker": "rashad"}), step("pl_2", 1, "", "draft", nil))
	steps(t, w, step("pl_2", 2, "draft", "withdrawn", nil), step("pl_1", 12, "sending", "success", row{"changed_at": day0.AddDate(0, 1, 1), "business_date": day0.AddDate(0, 1, 1),
		"sent_at": day0.Add(3 * time.Minute), "settled_at": day0.AddDate(0, 1, 1), "operation_id": "9031"}))
	steps(t, w, step("pl_1", 2, "draft", "approved", row{"checker": "rashad"})) // changes nothing, so it is no manifest

	const now = "SELECT payment_id, version, status, amount FROM payment_intents%s ORDER BY payment_id"
	want := map[int64]string{4: "", 5: "pl_1,1,draft,1250 pl_2,1,draft,1250", 6: "pl_1,3,sending,1250 pl_2,1,draft,1250", 7: "pl_1,12,success,1250 pl_2,2,withdrawn,1250"}
	for snapshot, want := range want {
		for how, got := range map[string][]string{
			"_at":        csvLines(t, w, fmt.Sprintf(now, fmt.Sprintf("_at(snapshot = %d)", snapshot)), Query{}),
			"--snapshot": csvLines(t, w, fmt.Sprintf(now, ""), Query{Snapshot: snapshot}),
		} {
			if strings.Join(got, " ") != want {
				t.Errorf("as of %d by %s: %q, want %q", snapshot, how, got, want)
			}
		}
	}
	for sql, want := range map[string]string{
		fmt.Sprintf(now, ""): want[7],
		"SELECT payment_id FROM payment_intents WHERE status IN ('draft', 'sending')":                                           "", // what was so once is not so
		"SELECT version, from_status, status FROM payment_intents_history WHERE payment_id = 'pl_1' ORDER BY version":           "1,,draft 2,draft,approved 3,approved,sending 12,sending,success",
		"SELECT count(), max(revision) FROM payment_intents_history_at(snapshot = 6)":                                           "4,1",
		"SELECT count(), max(revision) FROM payment_intents_history":                                                            "6,1",
		"SELECT countIf(sent_at IS NULL), countIf(settled_at IS NULL), countIf(length(flags) > 0) FROM payment_intents_history": "4,5,0",
		"SELECT max(sequence) FROM snapshots":                                                                                   "7",
	} {
		if got := strings.Join(csvLines(t, w, sql, Query{}), " "); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	if after := csvLines(t, w, spend, Query{}); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("spend was %q and is %q", before, after)
	}
}

// No money of a payment is in the lake's control totals: five steps of 1250.00
// are not 6250.00.
func TestPaymentsAreInNoControlTotal(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	commit(t, l, part(schemas.PaymentIntents, "psp", "", days(0, 1), step("pl_1", 1, "", "draft", nil), step("pl_1", 2, "draft", "approved", nil)))
	seen := 0
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, total := range e.Totals {
			seen++
			if fmt.Sprint(total.Debit, total.Credit) != "0 0" || total.Currency != "" || total.Count != 2 {
				t.Errorf("%+v", total)
			}
		}
	}
	if seen != 1 {
		t.Errorf("%d totals", seen)
	}
}

// The payer is for auditors and accountants, in every form of both views; and is
// one person before and after the pseudonym key is rotated.
func TestPayersAreHidden(t *testing.T) {
	w := public(t)
	old, young := "p1_"+strings.Repeat("a", 32), "p2_"+strings.Repeat("b", 32)
	steps(t, w, step("pl_1", 1, "", "draft", nil), step("pl_2", 1, "", "draft", row{"account": young}), step("pl_3", 1, "", "draft", row{"account": "erased", "account_masked": "erased", "customer_id": "erased"}))
	if err := w.Join(t.Context(), 2, []Person{{old, young}}); err != nil {
		t.Fatal(err)
	}
	for _, view := range []string{"payment_intents", "payment_intents_at(snapshot = 5)", "payment_intents_history", "payment_intents_history_at(snapshot = 5)"} {
		for _, column := range []string{"customer_id", "account", "account_masked"} {
			if got := asked(t, w, "analyst", fmt.Sprintf("SELECT countIf(%s != '') FROM %s", column, view)); got != "0" {
				t.Errorf("the analyst sees %s of %s: %s", column, view, got)
			}
			if got, err := run(t, w, fmt.Sprintf("SELECT payment_id FROM %s WHERE %s != ''", view, column), Query{Format: FormatCSV}); err != nil || strings.Count(got, "\n") != 1 {
				t.Errorf("the analyst filters by %s of %s: %q %v", column, view, got, err)
			}
		}
		for _, user := range []string{"auditor", "accountant"} {
			if got := asked(t, w, user, "SELECT account, any(account_masked), count() FROM "+view+" GROUP BY account ORDER BY account"); got != "erased,erased,1\n"+young+",+99655•••••56,2" {
				t.Errorf("%s of %s: %s", user, view, got)
			}
		}
	}
}
