package mpay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
	"github.com/paylake/paylake/sources/sourcetest"
)

func (u *Upstream) mustSource(t *testing.T, table, wallet string) sources.Source {
	t.Helper()
	src, ok := u.Source(table, wallet)
	if !ok {
		t.Fatalf("no source for %s of %q", table, wallet)
	}
	return src
}

func TestContractOfEveryTable(t *testing.T) {
	for _, c := range []struct {
		table, wallet string
		page          int
		win           schemas.Window
		single        bool
	}{
		{"funding_events", "wlt_0000", 5, aDay, false}, {"assurance_events", "wlt_0001", 7, aDay, false},
		{"templates", "wlt_0000", 1, schemas.Window{}, false}, {"nfc_workflows", "", 1, schemas.Window{}, false},
		{"balances", "wlt_0001", 1, schemas.Window{}, true},
	} {
		t.Run(c.table, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
				w := newWorld(t, mpaytest.Options{PageSize: c.page})
				s := w.subject(w.up.mustSource(t, c.table, c.wallet), c.win)
				s.Single = c.single
				return s
			})
		})
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	w := newWorld(t, mpaytest.Options{})
	for _, c := range [][2]string{{"operations", ""}, {"providers", "wlt_0000"}, {"ledger", ""}, {"balances", ""}} {
		if _, ok := w.up.Source(c[0], c[1]); ok {
			t.Errorf("there is a source for %s of %q", c[0], c[1])
		}
	}
}

// What the fake knows arrives, under both readings of `to`, and paging faults
// change nothing.
func TestEventsArrive(t *testing.T) {
	for _, exclusive := range []bool{false, true} {
		w := newWorld(t, mpaytest.Options{ExclusiveTo: exclusive, PageSize: 2, Faults: []string{"duplicate-page", "expiry", "throttle", "5xx", "error-200"}})
		var want []string
		for _, e := range w.sheet.Extra.Funding["wlt_0000"] {
			if aDay.Contains(e.OccurredAt) {
				want = append(want, e.ID)
			}
		}
		got := map[string]bool{}
		for p, err := range w.retried(w.up.mustSource(t, "funding_events", "wlt_0000")).Pages(t.Context(), aDay, "") {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(p.Rows.NumRows()) {
				got[strings.Clone(cells(p.Rows, i)["event_id"])] = true
			}
			p.Rows.Release()
		}
		if len(got) != len(want) || len(want) < 20 {
			t.Errorf("exclusive %t: %d events, want %d", exclusive, len(got), len(want))
		}
		for _, f := range []string{"duplicate-page", "expiry", "error-200"} {
			if w.fake.Fired(f) == 0 {
				t.Errorf("%s did not fire", f)
			}
		}
	}
}

// decodeTable decodes one body as the reader of a table does.
func decodeTable(t *testing.T, table, wallet, body string) (answer, error) {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	w := newWorld(t, mpaytest.Options{}, func(c *Config) { c.Allocator = alloc })
	r := w.up.mustSource(t, table, wallet).(*reader)
	d := w.up.decoder(r.stream, march, "2026-04-01")
	a, err := r.from.decode(d, []byte(body))
	t.Cleanup(func() {
		if a.rows != nil {
			a.rows.Release()
		}
		alloc.AssertSize(t, 0)
	})
	return a, err
}

func onlyRow(t *testing.T, table, wallet, body string) (arrow.Record, answer) {
	t.Helper()
	a, err := decodeTable(t, table, wallet, body)
	if err != nil || a.rows == nil || a.rows.NumRows() != 1 || len(a.rejects) != 0 {
		t.Fatalf("%s: %v %+v", body, err, a)
	}
	return a.rows, a
}

func TestGoodRows(t *testing.T) {
	for _, c := range []struct {
		table, wallet, body, unknown string
		want                         map[string]string
	}{
		{"balances", "wlt_0000", `{"wallet_id":"wlt_0000","currency":"AZN","as_of":"2026-03-18T11:02:11+04:00","available":"212.55","reserved":10}`, "",
			map[string]string{"source": "mpay", "wallet_id": "wlt_0000", "currency": "AZN", "as_of": "2026-03-18 07:02:11Z", "as_of_offset_s": "14400",
				"business_date": "2026-03-18", "available_minor": "21255", "reserved_minor": "1000"}},
		{"balances", "wlt_0000", `{"currency":"AZN","as_of":"2026-03-18T23:02:11Z","available":-1.5,"limit":5}`, "field:limit:1",
			map[string]string{"source": "mpay", "wallet_id": "wlt_0000", "currency": "AZN", "as_of": "2026-03-18 23:02:11Z", "as_of_offset_s": "0",
				"business_date": "2026-03-19", "available_minor": "-150", "reserved_minor": "0"}},
		{"funding_events", "wlt_0000", `{"rows":[{"id":"f1","occurred_at":"2026-03-18T11:02:11+04:00","method":"card","card_mask":"4169 7312 3456 1234",
			"amount":20,"fee":"0.50","status":"completed","ledger_id":"txn_1"}]}`, "currency_not_named:1",
			map[string]string{"source": "mpay", "wallet_id": "wlt_0000", "event_id": "f1", "occurred_at": "2026-03-18 07:02:11Z", "occurred_offset_s": "14400",
				"business_date": "2026-03-18", "method": "card", "card_mask": "4169 73•• •••• 1234", "amount_minor": "2000", "currency": "AZN", "fee_minor": "50", "status": "completed", "ledger_id": "txn_1"}},
		{"funding_events", "wlt_0000", `{"currency":"KGS","rows":[{"id":"f2","occurred_at":"2026-03-18T11:02:11","method":"terminal","terminal_id":4169731234561234,
			"terminal_network":"eManat","amount":"5.00","status":"held"}]}`, "status:held:1 time_without_offset:1",
			map[string]string{"source": "mpay", "wallet_id": "wlt_0000", "event_id": "f2", "occurred_at": "2026-03-18 07:02:11Z", "occurred_offset_s": "14400",
				"business_date": "2026-03-18", "method": "terminal", "terminal_id": "416973••••••1234", "terminal_network": "eManat", "amount_minor": "500", "currency": "KGS", "fee_minor": "0", "status": "held"}},
		{"assurance_events", "wlt_0000", `{"rows":[{"id":"a1","occurred_at":"2026-03-18T11:02:11+04:00","session_id":"s","event":"step_up_completed","method":"sima","assurance_level":"A3","ledger_id":"txn_1","amount":500.00}],"currency":"AZN"}`, "",
			map[string]string{"source": "mpay", "wallet_id": "wlt_0000", "event_id": "a1", "occurred_at": "2026-03-18 07:02:11Z", "occurred_offset_s": "14400",
				"business_date": "2026-03-18", "session_id": "s", "event": "step_up_completed", "method": "sima", "assurance_level": "A3", "ledger_id": "txn_1", "amount_minor": "50000", "currency": "AZN"}},
		{"assurance_events", "wlt_0000", `{"rows":[{"id":"a2","occurred_at":"2026-03-18T11:02:11+04:00","event":"face","ledger_id":null,"amount":null}]}`, "event:face:1",
			map[string]string{"source": "mpay", "wallet_id": "wlt_0000", "event_id": "a2", "occurred_at": "2026-03-18 07:02:11Z", "occurred_offset_s": "14400",
				"business_date": "2026-03-18", "event": "face", "amount_minor": "0", "currency": "AZN"}},
		{"templates", "wlt_0001", `{"rows":[{"id":"t1","name":"Anam 050 123 45 67","provider_code":"AZERSU_RES","subscriber_ref":"+994501234567","updated_at":"2026-03-01T00:00:00+04:00"}]}`, "",
			map[string]string{"source": "mpay", "wallet_id": "wlt_0001", "template_id": "t1", "name": "Anam +99450•••••67", "provider_code": "AZERSU_RES",
				"subscriber_ref": "+99450•••••67", "status": "active", "updated_at": "2026-02-28 20:00:00Z"}},
		{"nfc_workflows", "", `{"rows":[{"workflow_id":"w1","provider_code":"AZERSU_RES","platform":"ios","card_family":"mifare","steps":[{"name":"write","seq":2},{"seq":"1","name":"say \"<hi>\"","ms":3}]}]}`, "field:steps.ms:1",
			map[string]string{"source": "mpay", "workflow_id": "w1", "provider_code": "AZERSU_RES", "platform": "ios", "card_family": "mifare",
				"steps": `[{"seq":1,"name":"say \"<hi>\""},{"seq":2,"name":"write"}]`, "status": "active", "updated_at": "1970-01-01 00:00:00Z"}},
	} {
		rec, a := onlyRow(t, c.table, c.wallet, c.body)
		equalCells(t, cells(rec, 0), c.want)
		if got := counted(a.unknown); got != c.unknown {
			t.Errorf("%s: counted %q, want %q", c.table, got, c.unknown)
		}
	}
}

func counted(m map[string]int64) string {
	var out []string
	for _, k := range sortedKeys(m) {
		out = append(out, fmt.Sprintf("%s:%d", k, m[k]))
	}
	return strings.Join(out, " ")
}
