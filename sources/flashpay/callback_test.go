package flashpay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// The seed's callbacks are fixtures: the settled amount comes from the
// operation (5000), not from the payment (50000), and dates have no colon.
func TestSeedCallbacks(t *testing.T) {
	seed, err := os.ReadFile("testdata/mbank_payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, body := range placeholder.FindAll(seed, -1) {
		if bytes.Contains(body, []byte(`"operation"`)) {
			rows = append(rows, callbackRow(t, body))
		}
	}
	if len(rows) < 2 {
		t.Fatalf("%d callbacks in the seed", len(rows))
	}
	p, err := decodeBody(t, memory.DefaultAllocator, `{"operations":[`+strings.Join(rows[:2], ",")+`]}`, 137493)
	if err != nil || len(p.Rejects) > 0 || len(p.Unknown) > 0 {
		t.Fatal(err, p.Rejects, p.Unknown)
	}
	got := cells(p)
	for i, want := range []map[string]string{
		{"operation_id": "6503010168993", "amount_minor": "5000", "payment_minor": "50000", "payment_currency": "KGS", "currency": "KGS", "created_at": "2025-01-27 08:13:50Z",
			"completed_at": "2025-01-27 08:15:24Z", "account_masked": "341******554", "status": "success", "code": "0",
			"payment_id": "TEST_PAYMENT_212105", "method": "mbank", "business_date": "2025-01-27", "customer_id": "1"},
		{"operation_id": "6296010169189", "amount_minor": "5000", "status": "decline", "code": "20000", "message": "General decline",
			"created_at": "2025-01-28 10:45:18Z", "account_masked": "123******432"},
	} {
		for k, v := range want {
			if got[i][k] != v {
				t.Errorf("callback %d: %s = %q, want %q", i, k, got[i][k], v)
			}
		}
	}
}

// callbackRow rewrites a callback's operation in the words of operations/get.
// Every value is the callback's own text.
func callbackRow(t *testing.T, body []byte) string {
	t.Helper()
	var c struct {
		Customer struct{ ID json.RawMessage }
		Account  struct{ Number json.RawMessage }
		Project  json.RawMessage `json:"project_id"`
		Payment  struct {
			ID, Method json.RawMessage
			Sum        json.RawMessage
		}
		Operation struct {
			ID, Type, Status, Date, Code, Message json.RawMessage
			Created                               json.RawMessage `json:"created_date"`
			Initial                               json.RawMessage `json:"sum_initial"`
			Converted                             json.RawMessage `json:"sum_converted"`
		}
	}
	if err := json.Unmarshal(body, &c); err != nil {
		t.Fatal(err)
	}
	o := c.Operation
	return fmt.Sprintf(`{"operation_id":%s,"operation_type":%s,"operation_status":%s,"operation_created_at":%s,"operation_completed_at":%s,
		"sum_initial":%s,"sum_converted":%s,"code":%s,"message":%s,"project_id":%s,"payment_id":%s,"payment_method":%s,
		"customer_id":%s,"account_number":%s,"payment_sum":%s}`, o.ID, o.Type, o.Status, o.Created, o.Date, o.Initial, o.Converted, o.Code, o.Message,
		c.Project, c.Payment.ID, c.Payment.Method, c.Customer.ID, c.Account.Number, c.Payment.Sum)
}
