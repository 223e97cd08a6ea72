package clickhouse

import (
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// A rejected row is resolved by the first visible row of its key that came with
// it or later, or by a manifest's own word; never by an older row, another
// wallet's or another source's.
func TestRejectedRowsAreResolved(t *testing.T) {
	w := checking(t)
	reject := func(id string) schemas.Reject {
		return schemas.Reject{RowID: id, Reason: schemas.ReasonAmount, Field: "amount", Amount: ptr(-5), Currency: "AZN", Raw: []byte(id)}
	}
	at := day0.Add(time.Hour)
	first := part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("older", at, 1, nil))
	commit(t, w.lake, first)
	second := part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("together", at, 1, nil))
	for _, id := range []string{"older", "together", "later", "said", "other wallet", "", "never"} {
		second.Rejects = append(second.Rejects, reject(id))
	}
	csv := part(schemas.BankEntries, "bank", "", schemas.Window{})
	csv.Rejects = []schemas.Reject{reject("a.csv:7")}
	commit(t, w.lake, second)
	commit(t, w.lake, csv)
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("later", at, 1, nil)),
		part(schemas.Ledger, "mpay", "wlt_2", days(0, 1), ledgerRow("other wallet", at, 1, row{"wallet_id": "wlt_2"})))
	commit(t, w.lake, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("later", at, 2, nil)))
	told := part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("another id", at, 1, nil))
	told.Final, told.Resolves = false, []string{reject("said").ID(told.Stream)}
	commit(t, w.lake, told)
	line := part(schemas.BankEntries, "bank", "", schemas.Window{})
	line.Resolves = []string{reject("a.csv:7").ID(line.Stream)}
	commit(t, w.lake, line)
	follow(t, w)
	sql := "SELECT q.row_id, if(q.resolved_at IS NULL, 'open', toString(m.sequence)) FROM " + w.db + ".quarantine AS q LEFT JOIN " + w.db + ".manifests AS m ON m.created_at = q.resolved_at ORDER BY q.row_id"
	want := " | open\na.csv:7 | 7\nlater | 4\nnever | open\nolder | open\nother wallet | open\nsaid | 6\ntogether | 2\n"
	if got := lines(ask(t, w, sql)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := cell(t, w, "SELECT uniqExact(id) FROM "+w.db+".quarantine"); got != "8" {
		t.Errorf("%s ids", got)
	}
	if got := askAt(t, w, "SELECT countIf(resolved_at IS NULL), count() FROM "+w.db+".quarantine", 3); got[0][0] != "7" || got[0][1] != "8" {
		t.Errorf("at manifest 3: %v", got)
	}
}
