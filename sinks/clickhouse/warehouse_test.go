package clickhouse

import (
	"testing"

	"github.com/paylake/paylake/schemas"
)

// Both ways into the warehouse, every column, revisions, retractions, a kept
// column, money that needs 128 bits when summed.
func TestFollow(t *testing.T) {
	for name, push := range map[string]bool{"pull": false, "push": true} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			l := newLake(t, c)
			w := open(t, l, c, push)
			if p := follow(t, w); p.Applied != 0 || p.Lag() != 0 {
				t.Fatalf("empty lake: %+v", p)
			}
			big := int64(9_999_999_999_999_999_99)
			commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 3),
				ledgerRow("a", day0, -3740, row{"balance_after_minor": int64(5), "fee_minor": int64(7), "service_code": "water", "channel": "card", "subscriber_ref": "0•1", "counterparty": "p1:aa", "counterparty_masked": "+994•",
					"external_reference": "x", "vat_receipt": "v", "session_id": "s"}),
				ledgerRow("b", day0.AddDate(0, 0, 2), -big, nil), ledgerRow("b2", day0.AddDate(0, 0, 2), -big, nil)))
			kept := schemas.Ledger.Keep("note")
			commit(t, l, part(kept, "mpay", "wlt_1", days(0, 3), ledgerRow("a", day0, -3741, row{"note": "kept"}), ledgerRow("c", day0, 100, row{"type": "refund"})))
			if p := follow(t, w); p.Applied != 2 || p.Head != 2 {
				t.Fatalf("position %+v", p)
			}
			got := lines(ask(t, w, "SELECT entry_id, amount_minor, toString(amount), business_date, posted_at, posted_offset_s, revision, snapshot, note, step_up_required FROM ledger ORDER BY entry_id"))
			want := "a | -3741 | -37.41 | 2026-03-30 | 2026-03-30 00:00:00.000000 | 14400 | 2 | 2 | kept | false\n" +
				"b | -999999999999999999 | -9999999999999999.99 | 2026-04-01 | 2026-04-01 00:00:00.000000 | 14400 | 1 | 1 |  | false\n" +
				"b2 | -999999999999999999 | -9999999999999999.99 | 2026-04-01 | 2026-04-01 00:00:00.000000 | 14400 | 1 | 1 |  | false\n" +
				"c | 100 | 1 | 2026-03-30 | 2026-03-30 00:00:00.000000 | 14400 | 1 | 2 |  | false\n"
			if got != want {
				t.Errorf("ledger:\n%s\nwant:\n%s", got, want)
			}
			got = lines(ask(t, w, "SELECT entry_id, amount_minor, balance_after_minor, fee_minor, service_code, channel, subscriber_ref, counterparty, counterparty_masked, external_reference, vat_receipt, session_id FROM ledger_at(snapshot = 1) WHERE entry_id = 'a'"))
			if want := "a | -3740 | 5 | 7 | water | card | 0•1 | p1:aa | +994• | x | v | s\n"; got != want {
				t.Errorf("ledger_at: %s", got)
			}
			if got := lines(ask(t, w, "SELECT entries, spend_minor, refunds_minor, net_minor, spend, net FROM spend_by_provider ORDER BY business_date")); got !=
				"2 | 3741 | 100 | 3641 | 37.41 | 36.41\n2 | 1999999999999999998 | 0 | 1999999999999999998 | 19999999999999999.98 | 19999999999999999.98\n" {
				t.Errorf("spend:\n%s", got)
			}
			if got := lines(ask(t, w, "SELECT sequence, source, `table`, wallet_id, window_from, window_to, rows, inserted, retracted, duplicates, quarantined, balance_chain, length(sha256), published_at > created_at FROM snapshots ORDER BY sequence")); got !=
				"1 | mpay | ledger | wlt_1 | 2026-03-30 00:00:00.000000 | 2026-04-02 00:00:00.000000 | 3 | 3 | 0 | 0 | 0 | closed | 64 | 1\n"+
					"2 | mpay | ledger | wlt_1 | 2026-03-30 00:00:00.000000 | 2026-04-02 00:00:00.000000 | 2 | 2 | 1 | 0 | 0 | none | 64 | 1\n" {
				t.Errorf("snapshots:\n%s", got)
			}
			if got := lines(ask(t, w, "SELECT source, wallet_id, `table`, complete_through FROM completeness")); got != "mpay | wlt_1 | ledger | 2026-04-02 00:00:00.000000\n" {
				t.Errorf("completeness: %s", got)
			}
			s, err := w.Status(t.Context())
			if err != nil || s.Applied != 2 || s.Head != 2 || s.Doubles != 0 {
				t.Errorf("status %+v, %v", s, err)
			}
			// A new process finds everything in order and loads nothing.
			before := cell(t, w, "SELECT count() FROM loads")
			again := reopen(t, l, c, push, w.db)
			if p := follow(t, again); p.Applied != 2 || cell(t, w, "SELECT count() FROM loads") != before {
				t.Errorf("a second process: %+v", p)
			}
		})
	}
}
