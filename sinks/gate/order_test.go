package gate_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/gate"
)

// The id is a function of tenant and key alone, the bytes of the whole order.
func TestOrders(t *testing.T) {
	o := order("bill:azersu:cust-1:2026-11", 120_00)
	if got := o.PaymentID(); got != "pl_ce2be3bb0e4b8d60e3b6dd2e33e03f0b" && len(got) != 35 {
		t.Error(got)
	}
	other := o
	other.AmountMinor, other.CustomerID, other.Job = 1, "x", "y"
	if other.PaymentID() != o.PaymentID() || other.Fingerprint([]byte("k")) == o.Fingerprint([]byte("k")) || o.Fingerprint([]byte("l")) == o.Fingerprint([]byte("k")) {
		t.Error("id or fingerprint are of something else")
	}
	if gate.PaymentID("a", "bc") == gate.PaymentID("ab", "c") {
		t.Error("two tenants share an id")
	}
	body, err := o.Body()
	want := `{"general":{"project_id":210,"payment_id":"` + o.PaymentID() + `"},"payment":{"amount":12000,"currency":"KGS"},"customer":{"id":"cust-1","ip_address":"192.0.2.7"},"account":{"number":"996555123456"}}`
	if err != nil || string(body) != want {
		t.Errorf("%s %v", body, err)
	}
}

func TestOrderCheck(t *testing.T) {
	if err := order("k", 50_00).Check(); err != nil {
		t.Error(err)
	}
	if err := order("k", 50_000_00).Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*gate.Order){
		"below the method's minimum":  func(o *gate.Order) { o.AmountMinor = 49_99 },
		"above its maximum":           func(o *gate.Order) { o.AmountMinor = 50_000_01 },
		"negative":                    func(o *gate.Order) { o.AmountMinor = -120_00 },
		"huge":                        func(o *gate.Order) { o.AmountMinor = math.MaxInt64 },
		"mbank takes KGS, not AZN":    func(o *gate.Order) { o.Currency = "AZN" },
		"no operation \"payout\"":     func(o *gate.Order) { o.Operation = "payout" },
		"no operation \"refund\"":     func(o *gate.Order) { o.Operation = "refund" },
		"by \"card\"":                 func(o *gate.Order) { o.Method = "card" },
		"key must be":                 func(o *gate.Order) { o.Key = "" },
		"customer_id must be":         func(o *gate.Order) { o.CustomerID = strings.Repeat("x", 256) },
		"provider_code must be":       func(o *gate.Order) { o.ProviderCode = "a\nb" },
		"project_id must be":          func(o *gate.Order) { o.ProjectID = 4294967296 },
		"customer_ip must be":         func(o *gate.Order) { o.CustomerIP = "fe80::1%eth0" },
		"account must be":             func(o *gate.Order) { o.Account = "+996555123456" },
		"description has more than":   func(o *gate.Order) { o.Description = strings.Repeat("x", 256) },
		"account must be the payer's": func(o *gate.Order) { o.Account = "" },
	} {
		o := order("k", 120_00)
		change(&o)
		err := o.Check()
		if !errors.Is(err, gate.ErrOrder) {
			t.Errorf("%s: %v", name, err)
		}
		if word := strings.Contains(name, " "); word && !strings.HasPrefix(name, "below") && !strings.HasPrefix(name, "above") && !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not say %q", err, name)
		}
		if strings.Contains(err.Error(), "555123456") {
			t.Errorf("a telephone number in %v", err)
		}
	}
}

// A limit that is not set allows nothing; one that is set counts what is
// committed, by whom it concerns.
func TestLimits(t *testing.T) {
	kgs := func(n int64) map[string]int64 { return map[string]int64{"KGS": n * 100} }
	full := gate.Limits{Payment: kgs(200), Beneficiary: kgs(300), Day: kgs(400), Tenant: kgs(500)}
	used := func(job, provider, currency string, n int64) gate.Used {
		return gate.Used{Tenant: "acme", Job: job, ProviderCode: provider, Currency: currency, Minor: n * 100}
	}
	for _, c := range []struct {
		name   string
		limits gate.Limits
		minor  int64
		used   []gate.Used
	}{
		{"", full, 200_00, nil}, {"limits.payment", full, 200_01, nil}, {"limits.payment", gate.Limits{}, 50_00, nil},
		{"limits.payment", gate.Limits{Beneficiary: kgs(900), Day: kgs(900), Tenant: kgs(900)}, 50_00, nil},
		{"limits.beneficiary", gate.Limits{Payment: kgs(900), Day: kgs(900), Tenant: kgs(900)}, 50_00, nil},
		{"limits.day", gate.Limits{Payment: kgs(900), Beneficiary: kgs(900), Tenant: kgs(900)}, 50_00, nil},
		{"limits.tenant", gate.Limits{Payment: kgs(900), Beneficiary: kgs(900), Day: kgs(900)}, 50_00, nil},
		{"", full, 100_00, []gate.Used{used("x", "azersu", "KGS", 200)}}, {"limits.beneficiary", full, 100_01, []gate.Used{used("x", "azersu", "KGS", 200)}},
		{"", full, 100_00, []gate.Used{used("bills", "x", "KGS", 300)}}, {"limits.day", full, 100_01, []gate.Used{used("bills", "x", "KGS", 300)}},
		{"", full, 100_00, []gate.Used{used("x", "y", "KGS", 400)}}, {"limits.tenant", full, 100_01, []gate.Used{used("x", "y", "KGS", 400)}},
		{"", full, 200_00, []gate.Used{used("bills", "azersu", "AZN", 9000), {Tenant: "other", Job: "bills", ProviderCode: "azersu", Currency: "KGS", Minor: 900000}}},
		{"cannot be summed", full, 100_00, []gate.Used{used("x", "y", "KGS", math.MaxInt64/100), used("x", "y", "KGS", math.MaxInt64/100)}},
	} {
		err := c.limits.Allow(order("k", c.minor), c.used)
		if (err == nil) != (c.name == "") || (err != nil && (!errors.Is(err, gate.ErrLimit) || !strings.Contains(err.Error(), c.name))) {
			t.Errorf("%s of %d beside %v: %v", c.name, c.minor, c.used, err)
		}
	}
}

// What could not be sent as limits stand is counted before anybody approves it:
// by itself, after those before it, and beside what is committed.
func TestAbove(t *testing.T) {
	kgs := func(n int64) map[string]int64 { return map[string]int64{"KGS": n * 100} }
	full := gate.Limits{Payment: kgs(200), Beneficiary: kgs(300), Day: kgs(400), Tenant: kgs(500)}
	var none gate.Limits
	list := func(minor ...int64) (out []gate.Intent) {
		for i, n := range minor {
			o := order(string(rune('a'+i)), n)
			o.ProviderCode = []string{"azersu", "other"}[i%2]
			out = append(out, draft(o, "farid"))
		}
		return out
	}
	for _, c := range []struct {
		limits gate.Limits
		list   []gate.Intent
		used   []gate.Used
		says   string
	}{
		{full, nil, nil, ""}, {full, list(200_00, 200_00), nil, ""},
		{full, list(200_01, 100_00), nil, "1 of 2 payments, 200.01 KGS, could not be sent today: above limits.payment of 200.00 KGS"},
		{full, list(200_00, 50_00, 150_00), nil, "1 of 3 payments, 150.00 KGS, could not be sent today: above limits.beneficiary of 300.00 KGS"},
		{full, list(200_00, 200_00, 50_00), nil, "above limits.day of 400.00 KGS"},
		{full, list(100_00), []gate.Used{{"acme", "x", "y", "KGS", 450_00}}, "above limits.tenant of 500.00 KGS"},
		{none, list(50_00, 60_00), nil, "2 of 2 payments, 110.00 KGS, could not be sent today: above limits.payment of 0.00 KGS"},
	} {
		got := gate.Above(c.list, func(string) gate.Limits { return c.limits }, c.used)
		if (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%q, want %q", got, c.says)
		}
	}
}
