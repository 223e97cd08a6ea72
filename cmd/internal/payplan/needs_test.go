package payplan_test

import (
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/payplan"
)

func TestNeeds(t *testing.T) {
	zone := time.FixedZone("", 6*3600)
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, zone) }
	now := day(11, 29).Add(9 * time.Hour)
	for name, c := range map[string]struct {
		template string
		day      time.Time
		want     time.Time
	}{
		"bills of today":      {"due_bills", day(11, 29), now.Add(-36 * time.Hour)},
		"bills of a past day": {"due_bills", day(10, 20), day(10, 21).Add(-36 * time.Hour)},
		"bills of next month": {"due_bills", day(12, 3), now.Add(-36 * time.Hour)},
		"payouts":             {"partner_payouts", day(11, 29), day(11, 1)},
		"payouts to come":     {"partner_payouts", day(12, 3), day(12, 1)}, // no reading can be as new: the month is not over
	} {
		list := payplan.Needs(c.template, c.day, now)
		if len(list) == 0 || list[0].Table != "operations" || list[0].Optional || !list[0].Since.Equal(c.want) {
			t.Errorf("%s: %+v, want %s", name, list, c.want)
		}
	}
	if list := payplan.Needs("", day(11, 29), now); len(list) != 0 {
		t.Errorf("a query of somebody's own: %+v", list)
	}
	for name := range payplan.Templates() {
		if len(payplan.Needs(name, day(11, 29), now)) == 0 {
			t.Errorf("the template %s goes by nothing", name)
		}
	}
}
