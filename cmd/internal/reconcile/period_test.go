package reconcile

import (
	"strings"
	"testing"
	"time"
)

func TestParsePeriod(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03": "2026-03-01 2026-04-01", "2026-12": "2026-12-01 2027-01-01", "2026-Q1": "2026-01-01 2026-04-01", "2026-Q4": "2026-10-01 2027-01-01",
		"2024-02": "2024-02-01 2024-03-01",
	} {
		p, err := ParsePeriod(text)
		if got := p.From.Format(time.DateOnly) + " " + p.To.Format(time.DateOnly); err != nil || got != want || p.Name != text {
			t.Errorf("%s: %s %v, want %s", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"": "which period?", "2026": "is a whole year", "2026-03-01": "a whole month such as 2026-03", "2026-03-01..2026-03-31": "a whole month such as 2026-03",
		"2026-13": "is not a period", "2026-00": "is not a period", "2026-Q5": "is not a period", "2026-3": "is not a period", "March": "is not a period",
		" 2026-03": "is not a period", "2026-03\n": "is not a period", "2026/03": "is not a period",
	} {
		if _, err := ParsePeriod(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// A month is over when it is over where the wallets are.
func TestOver(t *testing.T) {
	baku, bishkek := time.FixedZone("Asia/Baku", 4*3600), time.FixedZone("Asia/Bishkek", 6*3600)
	both := []*time.Location{baku, bishkek}
	if err := march.Over(at("2026-03-31 23:59:59", baku), both); err == nil || !strings.Contains(err.Error(), "2026-03 is not over yet: it ends with 2026-03-31 in Asia/Baku; reconcile it from 2026-04-01 on") {
		t.Error(err)
	}
	if err := march.Over(at("2026-04-01 00:00:00", baku), both); err != nil {
		t.Error(err)
	}
	if err := march.Over(at("2026-04-01 00:00:00", bishkek), both); err == nil {
		t.Error("in Baku it is still March")
	}
	if from, to := march.Days(); to-from != 31 || day(from) != "2026-03-01" {
		t.Error(from, to)
	}
}
