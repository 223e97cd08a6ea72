package flashpay_test

import (
	"testing"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/flashpay"
)

// Refused rows of the platform's lists are decoded again, strictly as ever;
// observations are not, because their instant was the answer's.
func TestRedriveOfOperations(t *testing.T) {
	up, err := flashpay.New(config(t, "http://127.0.0.1:1/v1"))
	if err != nil {
		t.Fatal(err)
	}
	const good = `{"operation_id":"9","operation_created_at":"2026-01-01T00:00:00+06:00","operation_type":"sale","operation_status":"success","sum_initial":{"amount":5,"currency":"KGS"}}`
	var rows []sources.Refused
	cases := []struct{ raw, want string }{
		{good, "9"},
		{`{"operation_id":"9","operation_created_at":"soon","sum_initial":{"amount":5,"currency":"KGS"}}`, string(schemas.ReasonTime)},
		{`{"operation_id":"9","operation_id":"8","sum_initial":{"amount":5,"currency":"KGS"}}`, string(schemas.ReasonDuplicate)},
		{`{"operation_id":"9;payment_id:7","operation_created_at":"2026-01-01T00:00:00+06:00","sum_initial":{"amount":5,"currency":"KGS"}}`, string(schemas.ReasonText)},
		{good + "," + good, "error"}, {`]`, "error"}, {``, "error"},
	}
	for _, c := range cases {
		rows = append(rows, sources.Refused{RowID: "9", Raw: []byte(c.raw)})
	}
	src, ok := up.Operations().(sources.Redriver)
	if !ok {
		t.Fatal("operations cannot be tried again")
	}
	for i, one := range src.Redrive(t.Context(), rows) {
		got := ""
		switch {
		case one.Err != nil:
			got = "error"
		case len(one.Page.Rejects) == 1 && one.Page.Rows.NumRows() == 0:
			got = string(one.Page.Rejects[0].Reason)
		case one.Page.Rows.NumRows() == 1:
			got = one.Page.Rows.Column(schemas.Operations.Index("operation_id")).ValueStr(0)
		}
		if one.Page.Rows != nil {
			one.Page.Rows.Release()
		}
		if got != cases[i].want {
			t.Errorf("%s: %q, want %q", cases[i].raw, got, cases[i].want)
		}
	}
	for _, src := range []sources.Source{up.Balances(), up.Rates()} {
		if _, ok := src.(sources.Redriver); ok {
			t.Errorf("%s: an observation would get another instant", src.Stream())
		}
	}
	for _, src := range []sources.Source{up.Fees(), up.Chargebacks()} {
		if _, ok := src.(sources.Redriver); !ok {
			t.Errorf("%s cannot be tried again", src.Stream())
		}
	}
}
