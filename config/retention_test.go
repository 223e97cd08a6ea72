package config

import (
	"strings"
	"testing"
	"time"
)

func TestPeriods(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"10y": "2016-03-01", "18mo": "2024-09-01", "90d": "2025-12-01", "1y2mo3d": "2024-12-29"} {
		p, err := ParsePeriod(text)
		if err != nil || p.Before(now).Format(time.DateOnly) != want || p.String() != text {
			t.Errorf("%s: %v %s %v", text, p.Before(now), p, err)
		}
	}
	for _, bad := range []string{"", "10", "0y", "-1y", "10m", "1d1y", "1.5y", "10 y", "99999999y"} {
		if p, err := ParsePeriod(bad); err == nil {
			t.Errorf("%q: %v", bad, p)
		}
	}
}

func TestRetentionIsChecked(t *testing.T) {
	_, err := parse("p.yaml", "/x", []byte("retention:\n  leger: 10y\n  providers: 1y\n  ledger: forever\n"), func(string) string { return "" })
	for _, says := range []string{`p.yaml:2: retention: there is no table "leger"; did you mean "ledger"?`, "p.yaml:3: retention: rows of providers have no time", `p.yaml:4: retention.ledger: "forever" is not a period`} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in: %v", says, err)
		}
	}
	c, err := parse("p.yaml", "/x", []byte("retention: {ledger: 10y}\n"), func(string) string { return "" })
	if err != nil || c.Retention["ledger"] != (Period{Years: 10}) {
		t.Errorf("%v %v", c, err)
	}
}
