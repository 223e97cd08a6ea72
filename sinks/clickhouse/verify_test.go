package clickhouse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// A server that acknowledges a load and holds something else: it is noticed
// before anybody sees it, abandoned, and loaded again.
func TestLoadsAreVerified(t *testing.T) {
	for name, harm := range map[string]struct{ after, sql string }{
		"a row is lost":        {"load", "ALTER TABLE %s.ledger_rows DELETE WHERE entry_id = 'b' SETTINGS mutations_sync = 1"},
		"a row is doubled":     {"load", "INSERT INTO %[1]s.ledger_rows SELECT * FROM %[1]s.ledger_rows WHERE entry_id = 'b'"},
		"an amount differs":    {"load", "ALTER TABLE %s.ledger_rows UPDATE amount_minor = amount_minor + 1 WHERE entry_id = 'b' SETTINGS mutations_sync = 1"},
		"a hash differs":       {"load", "ALTER TABLE %s.ledger_rows UPDATE row_hash = row_hash + 1 WHERE entry_id = 'a' SETTINGS mutations_sync = 1"},
		"money swaps currency": {"load", "ALTER TABLE %s.ledger_rows UPDATE currency = 'USD' WHERE entry_id = 'a' SETTINGS mutations_sync = 1"},
		"a rollup is lost":     {"write spend_rollup", "ALTER TABLE %s.spend_rollup DELETE WHERE 1 SETTINGS mutations_sync = 1"},
		"a rollup is doubled":  {"write spend_rollup", "INSERT INTO %[1]s.spend_rollup SELECT * FROM %[1]s.spend_rollup"},
		"a refund is lost":     {"write spend_rollup", "ALTER TABLE %s.spend_rollup UPDATE refunds_minor = 0 WHERE 1 SETTINGS mutations_sync = 1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			l := newLake(t, c)
			commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1),
				ledgerRow("a", day0, -3740, nil), ledgerRow("b", day0, -500, nil), ledgerRow("c", day0, 100, row{"type": "refund"})))
			w := open(t, l, c, false)
			fired := false
			w.fault = func(what string, after bool) error {
				if fired || !after || what != harm.after {
					return nil
				}
				fired = true
				conn, err := w.connect()
				if err != nil {
					return err
				}
				return conn.Exec(t.Context(), fmt.Sprintf(harm.sql, w.db))
			}
			follow(t, w)
			if !fired {
				t.Fatal("the fault never fired")
			}
			if got := cell(t, w, "SELECT reason FROM load_abandoned"); !strings.Contains(got, "verify") {
				t.Errorf("abandoned: %q", got)
			}
			got := lines(ask(t, w, "SELECT sum(entries), sum(spend_minor), sum(refunds_minor) FROM spend_by_provider")) +
				lines(ask(t, w, "SELECT count(), sum(amount_minor), uniqExact(currency) FROM ledger"))
			if got != "3 | 4240 | 100\n3 | -4140 | 1\n" {
				t.Errorf("readers see\n%s", got)
			}
		})
	}
}
