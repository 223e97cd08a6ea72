package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/config"
)

// The platform repeats callbacks for eleven days and lists by last update: every
// windowed table of it is read again that far back, unless the file says
// otherwise. What is observed has no look-back at all.
func TestFlashpayLooksBackElevenDays(t *testing.T) {
	text, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\npipelines:")
	path := filepath.Join(t.TempDir(), "paylake.yaml")
	if err := os.WriteFile(path, []byte(head+`
pipelines:
  operations: {source: psp, table: operations, start: 2026-01-01}
  fees: {source: psp, table: operation_fees, start: 2026-01-01}
  chargebacks: {source: psp, table: chargebacks, start: 2026-01-01, window: 31d}
  balances: {source: psp, table: psp_balances}
  rates: {source: psp, table: currency_rates}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{264 * time.Hour, 264 * time.Hour, 264 * time.Hour, 0, 0} {
		if got := cfg.Pipelines[i].Lookback; got != want {
			t.Errorf("%s looks back %s, want %s", cfg.Pipelines[i].Name, got, want)
		}
	}
}
