package clickhouse

import (
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// asked runs a query of the public views as a reader.
func asked(t *testing.T, w *Warehouse, user, sql string) string {
	t.Helper()
	got, err := run(t, w, sql, Query{Format: FormatCSV, User: user})
	if err != nil {
		t.Fatalf("%s as %s: %v", sql, user, err)
	}
	_, rows, _ := strings.Cut(strings.TrimSpace(got), "\n")
	return strings.ReplaceAll(rows, `"`, "")
}

// A hidden wallet is gone from every view of analysts and accountants, sums
// included; auditors see what was committed; and it comes back.
func TestHiddenWallet(t *testing.T) {
	w := public(t)
	at := day0.AddDate(0, 0, 5)
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_2", days(5, 1),
		ledgerRow("x", at, -700, row{"wallet_id": "wlt_2", "provider_code": "only"}),
		ledgerRow("y", at, -50, row{"wallet_id": "wlt_2"}),
		ledgerRow("z", at, -20, row{"wallet_id": "wlt_2", "status": "reversed"}),
		ledgerRow("r", at, 10, row{"wallet_id": "wlt_2", "type": "refund"})))
	follow(t, w)
	views := []string{"SELECT count() FROM %s WHERE wallet_id = 'wlt_2'", "SELECT countIf(wallet_id = 'wlt_2') FROM %s"}
	sums := "SELECT source, provider_code, currency, sum(entries), sum(spend_minor), sum(refunds_minor) FROM spend_by_provider GROUP BY ALL ORDER BY ALL"
	before, all := asked(t, w, "analyst", sums), asked(t, w, "auditor", sums)
	if before != all || !strings.Contains(all, "mpay,only,AZN,1,700,0") {
		t.Fatalf("%s\n%s", before, all)
	}
	seen := func(user string) (n int) {
		for _, view := range []string{"ledger", "ledger_at(snapshot = 1000)", "snapshots", "completeness"} {
			for _, sql := range views {
				if asked(t, w, user, strings.Replace(sql, "%s", view, 1)) != "0" {
					n++
				}
			}
		}
		return n
	}
	hide := func(version int64, wallets ...HiddenWallet) {
		t.Helper()
		if err := w.Hide(t.Context(), version, wallets); err != nil {
			t.Fatal(err)
		}
	}
	if seen("analyst") != 8 || seen("auditor") != 8 {
		t.Fatal("the wallet is not there to begin with")
	}
	hide(2, HiddenWallet{"mpay", "wlt_2"})
	hide(2, HiddenWallet{"mpay", "wlt_2"})
	hide(1) // an older list
	for _, user := range []string{"analyst", "accountant"} {
		if n := seen(user); n != 0 {
			t.Errorf("%s sees the hidden wallet in %d queries", user, n)
		}
		got := asked(t, w, user, sums)
		if strings.Contains(got, "only") || !strings.Contains(got, "mpay,azersu,AZN,3,4241,600") {
			t.Errorf("%s: %s\nbefore:\n%s", user, got, before)
		}
	}
	if seen("auditor") != 8 || asked(t, w, "auditor", sums) != all {
		t.Error("the auditor does not see what was committed")
	}
	if err := w.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen("analyst") != 0 {
		t.Error("a rebuild shows a hidden wallet")
	}
	hide(3)
	if seen("analyst") != 8 || asked(t, w, "analyst", sums) != before {
		t.Error("the wallet does not come back")
	}
}

// Rows under an older and a newer pseudonym of one person join.
func TestPersonsJoinAfterARotation(t *testing.T) {
	w := public(t)
	at, old, young := day0.AddDate(0, 0, 5), "p1_"+strings.Repeat("a", 32), "p2_"+strings.Repeat("b", 32)
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(5, 1),
		ledgerRow("x", at, -1, row{"type": "transfer_out", "counterparty": old}),
		ledgerRow("y", at, -2, row{"type": "transfer_out", "counterparty": young})))
	follow(t, w)
	const sql = "SELECT counterparty, count() FROM ledger WHERE type = 'transfer_out' AND counterparty LIKE 'p%' AND entry_id IN ('x', 'y') GROUP BY ALL ORDER BY ALL"
	if got := asked(t, w, "auditor", sql); got != old+",1\n"+young+",1" {
		t.Fatalf("%s", got)
	}
	for range 2 {
		if err := w.Join(t.Context(), 2, []Person{{old, young}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := asked(t, w, "auditor", sql); got != young+",2" {
		t.Errorf("%s", got)
	}
	if got := asked(t, w, "analyst", "SELECT countIf(counterparty != '') FROM ledger"); got != "0" {
		t.Errorf("the analyst sees %s", got)
	}
	var n uint64
	if err := w.one(t.Context(), "count", "SELECT count() FROM paylake.persons", &n); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}
