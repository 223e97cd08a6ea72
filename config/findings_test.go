package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/schemas"
)

// Thresholds that the file leaves out have their defaults, which the example
// spells out; those that it names replace them.
func TestFindings(t *testing.T) {
	load := func(text string) schemas.Findings {
		t.Helper()
		path := filepath.Join(t.TempDir(), "paylake.yaml")
		if err := os.WriteFile(path, []byte("data_dir: .\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		return c.Findings
	}
	if got := load(""); !reflect.DeepEqual(got, schemas.DefaultFindings()) {
		t.Errorf("without the section: %+v", got)
	}
	want := schemas.DefaultFindings()
	want.Duplicates.Click = 30 * time.Second
	want.Velocity = []schemas.Velocity{{Window: time.Hour, Count: 5, Sum: map[string]int64{"AZN": 100_00, "KGS": 7_00}}}
	want.StepUp = map[string]int64{"KGS": 5_000_00}
	want.Off = []string{"scale"}
	if got := load("findings: {off: scale, duplicates: {click: 30s}, velocity: [{window: 1h, count: 5, sum: [100.00 AZN, 7.00 KGS]}], step_up: {from: 5000.00 KGS}}\n"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
