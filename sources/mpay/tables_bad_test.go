package mpay

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

func sortedKeys(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) }

// A bad row is refused alone, with its reason, field and, where it can be read,
// its money.
func TestBadRowsOfEveryTable(t *testing.T) {
	const at = `"occurred_at":"2026-03-18T11:02:11+04:00"`
	for _, c := range []struct {
		table, wallet, row string
		reason             schemas.Reason
		field              string
	}{
		{"balances", "wlt_0000", `{"wallet_id":"wlt_0001","currency":"AZN","as_of":"2026-03-18T11:02:11Z","available":1}`, schemas.ReasonForeign, "wallet_id"},
		{"balances", "wlt_0000", `{"currency":"AZN","as_of":"2026-03-18T11:02:11Z"}`, schemas.ReasonMissing, "available"},
		{"balances", "wlt_0000", `{"as_of":"2026-03-18T11:02:11Z","available":1}`, schemas.ReasonMissing, "currency"},
		{"balances", "wlt_0000", `{"currency":"AZN","available":1}`, schemas.ReasonMissing, "as_of"},
		{"balances", "wlt_0000", `{"currency":"AZN","as_of":"2026-02-30T11:02:11Z","available":1}`, schemas.ReasonTime, "as_of"},
		{"balances", "wlt_0000", `{"currency":"AZN","as_of":"2026-03-18T11:02:11Z","available":1.001}`, schemas.ReasonScale, "available"},
		{"balances", "wlt_0000", `{"currency":"AZN","as_of":"2026-03-18T11:02:11Z","available":1,"reserved":true}`, schemas.ReasonType, "reserved"},
		{"balances", "wlt_0000", `{"currency":"AZN","as_of":"2026-03-18T11:02:11Z","available":1,"available":2}`, schemas.ReasonDuplicate, "available"},
		{"balances", "wlt_0000", `{"currency":"XYZ","as_of":"2026-03-18T11:02:11Z","available":1}`, schemas.ReasonCurrency, "currency"},
		{"funding_events", "wlt_0000", `{` + at + `,"method":"card","amount":1}`, schemas.ReasonMissing, "id"},
		{"funding_events", "wlt_0000", `{"id":"x",` + at + `,"amount":1}`, schemas.ReasonMissing, "method"},
		{"funding_events", "wlt_0000", `{"id":"x",` + at + `,"method":"card","amount":1e3}`, schemas.ReasonAmount, "amount"},
		{"funding_events", "wlt_0000", `{"id":"x",` + at + `,"method":"card","amount":NaN}`, schemas.ReasonAmount, "amount"},
		{"funding_events", "wlt_0000", `{"id":"x",` + at + `,"method":"card","amount":1,"fee":"0.005"}`, schemas.ReasonScale, "fee"},
		{"funding_events", "wlt_0000", `{"id":"x","occurred_at":"yesterday","method":"card","amount":1}`, schemas.ReasonTime, "occurred_at"},
		{"funding_events", "wlt_0000", `{"id":"x",` + at + `,"method":"card","amount":1,"terminal_id":{}}`, schemas.ReasonType, "terminal_id"},
		{"assurance_events", "wlt_0000", `{"id":"x",` + at + `}`, schemas.ReasonMissing, "event"},
		{"assurance_events", "wlt_0000", `{"id":"x",` + at + `,"event":"password","amount":99999999999999999}`, schemas.ReasonRange, "amount"},
		{"templates", "wlt_0000", `{"name":"x"}`, schemas.ReasonMissing, "id"},
		{"templates", "wlt_0000", `{"id":"x","name":"` + strings.Repeat("x", 5000) + `"}`, schemas.ReasonTooLong, "name"},
		{"templates", "wlt_0000", `{"id":"x","updated_at":"soon"}`, schemas.ReasonTime, "updated_at"},
		{"nfc_workflows", "", `{"workflow_id":"x"}`, schemas.ReasonMissing, "platform"},
		{"nfc_workflows", "", `{"workflow_id":"x","platform":"android","steps":[{"seq":1,"name":"a"},{"seq":1,"name":"b"}]}`, schemas.ReasonConflict, "steps.seq"},
		{"nfc_workflows", "", `{"workflow_id":"x","platform":"android","steps":[{"seq":1}]}`, schemas.ReasonMissing, "steps.name"},
		{"nfc_workflows", "", `{"workflow_id":"x","platform":"android","steps":[{"seq":1.5,"name":"a"}]}`, schemas.ReasonType, "steps.seq"},
		{"nfc_workflows", "", `{"workflow_id":"x","platform":"android","steps":[{"name":"a"}]}`, schemas.ReasonMissing, "steps.seq"},
		{"nfc_workflows", "", `{"workflow_id":"x","platform":"android","steps":[7]}`, schemas.ReasonType, "steps"},
		{"nfc_workflows", "", `{"workflow_id":"x","platform":"android","steps":[{"seq":1,"name":"a","seq":2}]}`, schemas.ReasonDuplicate, "steps"},
		{"nfc_workflows", "", `{"workflow_id":"x","platform":"android","steps":{}}`, schemas.ReasonType, "steps"},
		{"nfc_workflows", "", `{"workflow_id":"x","platform":"android","steps":[{"seq":1,"name":"a\u0000"}]}`, schemas.ReasonText, "steps.name"},
	} {
		body := c.row
		if c.table != "balances" {
			body = `{"rows":[` + c.row + `]}`
		}
		a, err := decodeTable(t, c.table, c.wallet, body)
		if err != nil || a.rows.NumRows() != 0 || len(a.rejects) != 1 {
			t.Errorf("%s %s: %v %+v", c.table, c.row, err, a)
			continue
		}
		if r := a.rejects[0]; r.Reason != c.reason || r.Field != c.field || !strings.Contains(body, string(r.Raw)) || len(r.Raw) == 0 {
			t.Errorf("%s %s: %s in %q, raw %q", c.table, c.row, r.Reason, r.Field, r.Raw)
		}
	}
	a, err := decodeTable(t, "funding_events", "wlt_0000", `{"rows":[{"id":"f9",`+at+`,"method":"","amount":"12.34"}]}`)
	if err != nil || len(a.rejects) != 1 || a.rejects[0].Amount == nil || *a.rejects[0].Amount != 1234 || a.rejects[0].Currency != "AZN" || a.rejects[0].RowID != "f9" {
		t.Errorf("money of a refused row: %v %+v", err, a.rejects)
	}
}

// Whatever is no balance at all: never a row, and an upstream's own error is
// tried again.
func TestBalanceAnswersThatAreNone(t *testing.T) {
	for _, body := range []string{``, `null`, `[]`, `5`, `{"available":`, `{"available":1} {"available":2}`, `{"available":NaN}`, `{"a":1},{"b":2}`} {
		if a, err := decodeTable(t, "balances", "wlt_0000", body); !errors.Is(err, errPage) || a.rows != nil {
			t.Errorf("%s: %v %+v", body, err, a)
		}
	}
	for body, want := range map[string]string{`{"error":"maintenance"}`: "maintenance", `{"error":{"code":5}}`: "error"} {
		if a, err := decodeTable(t, "balances", "wlt_0000", body); err != nil || a.rows != nil || !strings.Contains(a.upstream, want) && want != "error" {
			t.Errorf("%s: %v %+v", body, err, a)
		}
	}
	w := newWorld(t, mpaytest.Options{Faults: []string{"error-200", "5xx"}})
	rows := int64(0)
	for range 30 {
		for p, err := range w.retried(w.up.mustSource(t, "balances", "wlt_0000")).Pages(t.Context(), schemas.Window{}, "") {
			if err != nil {
				t.Fatal(err)
			}
			rows += p.Rows.NumRows()
			p.Rows.Release()
		}
	}
	if rows != 30 || w.fake.Fired("error-200") == 0 || w.fake.Fired("5xx") == 0 {
		t.Errorf("%d observations; faults fired %d and %d times", rows, w.fake.Fired("error-200"), w.fake.Fired("5xx"))
	}
	for _, err := range w.up.mustSource(t, "balances", "nobody").Pages(t.Context(), schemas.Window{}, "") {
		if !errors.Is(err, sources.ErrAuth) {
			t.Errorf("a wallet that is not configured: %v", err)
		}
	}
}

// Numbers of people never leave in what is kept.
func TestTablesKeepNoNumbers(t *testing.T) {
	for table, body := range map[string]string{
		"funding_events": `{"rows":[{"id":"f","occurred_at":"2026-03-18T11:02:11+04:00","method":"card","card_mask":"4169738812345678","terminal_id":"4169738812345678","external_reference":"+994501234567","amount":1}]}`,
		"templates":      `{"rows":[{"id":"t","name":"Kart 4169738812345678, tel 0501234567","subscriber_ref":"0501234567"}]}`,
	} {
		rec, _ := onlyRow(t, table, "wlt_0000", body)
		for name, text := range cells(rec, 0) {
			for _, secret := range []string{"4169738812345678", "501234567", "73881234"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s.%s is %q", table, name, text)
				}
			}
		}
	}
}
