package config

import (
	"maps"
	"strings"
	"testing"
)

const aPlatform = `
secrets: env:S
keys: {pseudonym: env:P}
sources:
  psp: {type: flashpay, project_id: 210, gate_url: "https://gate.example/", page_url: "https://page.example/payment/", secret: env:F, time_zone: Asia/Bishkek}
`

func TestPaymentsSection(t *testing.T) {
	c := parsed1(t, "/x", aPlatform+`
payments:
  tenant: acme
  live: true
  payers: payers.csv
  approvers: {aysel: aysel+e6b75153+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs}
  limits: {payment: 5000.00 KGS, day: [50000.00 KGS, 10.5 AZN], tenant: 0.00 KGS}
  jobs:
    bills: {source: psp, template: due_bills, schedule: "0 9 * * *"}
    own: {source: psp, method: card, operation: payout, sql: " SELECT 1 ", limits: {beneficiary: 1.00 KGS}}
`)
	p := c.Payments
	if p.Tenant != "acme" || !p.Live || p.Payers != "/x/payers.csv" || !strings.HasPrefix(p.Approvers["aysel"], "aysel+e6b75153+") {
		t.Errorf("%+v", p)
	}
	if !maps.Equal(p.Limits.Payment, map[string]int64{"KGS": 500_000}) || !maps.Equal(p.Limits.Day, map[string]int64{"KGS": 5_000_000, "AZN": 1050}) ||
		len(p.Limits.Beneficiary) != 0 || !maps.Equal(p.Limits.Tenant, map[string]int64{"KGS": 0}) {
		t.Errorf("%+v", p.Limits)
	}
	bills, own := p.Jobs[0], p.Jobs[1]
	if bills.Name != "bills" || bills.Method != "mbank" || bills.Operation != "sale" || bills.Template != "due_bills" || bills.Limits != nil || bills.Schedule == "" {
		t.Errorf("%+v", bills)
	}
	if own.SQL != "SELECT 1" || own.Method != "card" || own.Operation != "payout" || own.Limits.Beneficiary["KGS"] != 100 || len(own.Limits.Payment) != 0 {
		t.Errorf("%+v", own)
	}
	if c.Sources[0].PageURL != "https://page.example/payment" {
		t.Error(c.Sources[0].PageURL)
	}
}

// What nobody has written sends nothing.
func TestWithoutPaymentsNothingIsLive(t *testing.T) {
	for _, text := range []string{aPlatform, aPlatform + "payments: {jobs: {b: {source: psp, template: due_bills}}}\n"} {
		p := parsed1(t, "/x", text).Payments
		if p.Live || p.Tenant != "default" || p.Payers != "" || len(p.Approvers) != 0 || len(p.Limits.Payment)+len(p.Limits.Beneficiary)+len(p.Limits.Day)+len(p.Limits.Tenant) != 0 {
			t.Errorf("%+v", p)
		}
	}
}

// Whoever makes a Config without a file is told as well.
func TestPaymentsAreValidatedWithoutAFile(t *testing.T) {
	c := parsed1(t, "/x", aPlatform+"payments: {jobs: {b: {source: psp, template: due_bills}}}\n")
	c.Payments.Limits.Day = map[string]int64{"KGS": -1}
	c.Payments.Approvers = map[string]string{"aysel": ""}
	c.Payments.Jobs[0].Limits = &PaymentLimits{Tenant: map[string]int64{"kgs": 1}}
	err := c.Validate()
	for _, says := range []string{"payments.limits.day: -1 minor units", "payments.approvers.aysel is not the public key", `payments.jobs.b.limits.tenant: 1 minor units of "kgs"`} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in: %v", says, err)
		}
	}
}
