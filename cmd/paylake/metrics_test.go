package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/meters"
	"github.com/paylake/paylake/sinks/lake"
)

// testMetrics reads /metrics of a paylake that is up until its first checks are
// made: what runs did, how everything stands, and `paylake check` as a figure.
func testMetrics(t *testing.T, scrape func() string) {
	t.Helper()
	want := []string{`paylake_build_info{version="`, `paylake_pipeline_rows{pipeline="ledger",source="mpay",table="ledger"} [1-9]`, `paylake_pipeline_freshness_seconds{pipeline="ledger"`,
		`paylake_follower_lag_manifests{follower="log"} 0`, `paylake_follower_up{follower="[^"]+"} 1`, `paylake_quarantine_rows{pipeline="ledger"`, `paylake_state_known 1`,
		`paylake_consent_wallets{pipeline="ledger",source="mpay",state="live",table="ledger"} [1-9]`, `process_resident_memory_bytes`,
		`paylake_check_ok{check="source mpay"} 1`, `paylake_check_ok{check="warehouse"} 1`, `paylake_check_timestamp_seconds`}
	var missing []string
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(time.Second) {
		body := scrape()
		missing = missing[:0]
		for _, w := range want {
			if !regexp.MustCompile(`(?m)^` + strings.ReplaceAll(w, "{", `\{`)).MatchString(body) {
				missing = append(missing, w)
			}
		}
		if len(missing) == 0 {
			return
		}
	}
	t.Errorf("/metrics never said %q", missing)
}

// A status as gauges: money that waits keeps its sign, a follower that is out of
// reach is down, a run that failed says its code.
func TestGaugesOfAStatus(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	through := now.Add(-2 * time.Hour)
	amount := lake.Amount{}.Add(-750000)
	r := statusReport{Head: 7, Followers: []followerStatus{{Name: "clickhouse", Error: errors.ErrUnsupported.Error(), Lag: 7}},
		Pipelines: []pipelineStatus{{Pipeline: "bank", Source: "b", Table: "bank_entries", CompleteThrough: &through,
			Quarantine: quarantineStatus{Rows: 2, Totals: []quarantineTotal{{"AZN", 2, amount}}},
			LastRun:    &lastRun{Started: now.Add(-time.Minute), Finished: now, Code: 3, Rows: 9}}}}
	got := map[string]float64{}
	for _, g := range gaugesOf(r, now) {
		name := g.Name
		for _, l := range g.Labels {
			if l[0] == "currency" || l[0] == "follower" {
				name += "/" + l[1]
			}
		}
		got[name] = g.Value
	}
	for name, want := range map[string]float64{"paylake_lake_manifest": 7, "paylake_pipeline_freshness_seconds": 7200, "paylake_quarantine_rows": 2,
		"paylake_quarantine_amount_minor/AZN": -750000, "paylake_follower_up/clickhouse": 0, "paylake_follower_lag_manifests/clickhouse": 7,
		"paylake_pipeline_last_run_code": 3, "paylake_pipeline_last_run_seconds": 60} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v (%v), want %v", name, value, ok, want)
		}
	}
}

// Two lines of one name and label would make the whole answer an error: what a
// check says twice is one figure, and what it says of single files is none.
func TestChecksAreToldOnce(t *testing.T) {
	var b checkBook
	if b.gauges() != nil {
		t.Error("figures of checks that were never made")
	}
	b.keep([]checkLine{{"lake", true}, {"source mpay", false}}, time.Unix(9, 0))
	var held []meters.Gauge
	for _, g := range b.gauges() {
		if g.Name == "paylake_check_ok" {
			held = append(held, g)
		}
	}
	if len(held) != 2 || held[0].Value != 1 || held[1].Value != 0 || held[1].Labels[0] != [2]string{"check", "source mpay"} {
		t.Errorf("%+v", held)
	}
}
