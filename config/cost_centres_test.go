package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every line of the file counts, or is a problem with its line.
func TestCostCentres(t *testing.T) {
	path := filepath.Join(t.TempDir(), "centres.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("\ufeffprovider_code,cost_centre\n# water\nAZERSU_RES, 4711\n\"A,B\",\"47,12\"\n")
	got, err := ReadCostCentres(path)
	if want := []CostCentre{{"AZERSU_RES", "4711", 3}, {"A,B", "47,12", 4}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	for text, says := range map[string]string{
		"":                                           "centres.csv:1: the header must be provider_code,cost_centre",
		"provider,cost\n":                            "centres.csv:1: the header must be",
		"provider_code,cost_centre\nA\n":             "centres.csv:2: it has 1 fields",
		"provider_code,cost_centre\n,1\n":            "centres.csv:2: provider_code is missing",
		"provider_code,cost_centre\nA,\n":            "centres.csv:2: cost_centre is missing",
		"provider_code,cost_centre\nA\"b,1":          "centres.csv:2: column 2:",
		"provider_code,cost_centre\nA,1\nB,2\nA,1\n": "centres.csv:4: A is named on line 2 already",
	} {
		write(text)
		var bad *Error
		if _, err := ReadCostCentres(path); !errors.As(err, &bad) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %s", text, err, says)
		}
	}
	if _, err := ReadCostCentres(path + "x"); err == nil || !strings.Contains(err.Error(), "provider_code,cost_centre") {
		t.Error(err)
	}
}
