package main

import (
	"fmt"
	"testing"

	"github.com/paylake/paylake/config"
)

// A job's own limits hold for its payments, and cannot raise what all jobs have
// together.
func TestPayLimitsOfAJob(t *testing.T) {
	kgs := func(n int64) map[string]int64 { return map[string]int64{"KGS": n} }
	common := config.PaymentLimits{Payment: kgs(10), Beneficiary: kgs(20), Day: kgs(30), Tenant: kgs(40)}
	d := &payDesk{h: &house{cfg: &config.Config{Payments: config.Payments{Limits: common, Jobs: []config.PaymentJob{
		{Name: "plain"},
		{Name: "more", Limits: &config.PaymentLimits{Payment: kgs(100), Beneficiary: kgs(200), Day: kgs(300), Tenant: kgs(400)}},
		{Name: "less", Limits: &config.PaymentLimits{Payment: kgs(1), Beneficiary: kgs(2), Day: kgs(3), Tenant: kgs(4)}},
		{Name: "other", Limits: &config.PaymentLimits{Tenant: map[string]int64{"AZN": 7}}},
	}}}}}
	for job, want := range map[string]string{"plain": "10 20 30 40", "more": "100 20 300 40", "less": "1 2 3 4", "other": "10 20 30 40", "unknown": "10 20 30 40"} {
		l := d.limits(job)
		if got := fmt.Sprint(l.Payment["KGS"], l.Beneficiary["KGS"], l.Day["KGS"], l.Tenant["KGS"]); got != want || l.Tenant["AZN"] != 0 {
			t.Errorf("%s: %s, want %s", job, got, want)
		}
	}
	if common.Tenant["KGS"] != 40 {
		t.Error("the common limits were changed")
	}
}
