package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"reflect"

	"github.com/paylake/paylake/cmd/internal/sandbox"
)

// openFindings is the exit code of a command that has found something.
const openFindings = 3

// planted asks for the reconciliation, the findings and the double counts of the
// last whole month, and fails when one that is there is missing or when there is
// any other.
func planted(ctx context.Context, o options) error {
	var want sandbox.Planted
	if err := call(ctx, http.MethodGet, o.sandbox+"/sandbox/planted", &want); err != nil {
		return err
	}
	return errors.Join(missingPayment(ctx, o, want), plantedFindings(ctx, o, want), plantedDouble(ctx, o, want))
}

// missingPayment: exactly the total that the payment is in differs, by exactly it.
func missingPayment(ctx context.Context, o options, want sandbox.Planted) error {
	var r struct {
		Expectations []struct {
			ProviderCode   string `json:"provider_code"`
			What           string `json:"what"`
			ExpectedMinor  int64  `json:"expected_minor,string"`
			LakeMinor      int64  `json:"lake_minor,string"`
			WarehouseMinor int64  `json:"warehouse_minor,string"`
			Agrees         bool   `json:"agrees"`
		} `json:"expectations"`
		Unexpected []struct{} `json:"unexpected"`
	}
	if err := ask(ctx, o, &r, "reconcile", "--period", want.Period, "--expect", o.expect, "--rows", "0", "--json"); err != nil {
		return err
	}
	if len(r.Expectations) != len(want.Expected) || len(r.Unexpected) > 0 {
		return fmt.Errorf("%d of %d totals were compared, and money of %d more was found", len(r.Expectations), len(want.Expected), len(r.Unexpected))
	}
	found := 0
	for _, e := range r.Expectations {
		if e.Agrees {
			continue
		}
		if found++; e.ProviderCode != want.Missing.ProviderCode || e.What != "spend" || e.LakeMinor-e.ExpectedMinor != want.Missing.AmountMinor || e.WarehouseMinor != e.LakeMinor {
			return fmt.Errorf("the expectation %+v does not agree, but %+v is missing", e, want.Missing)
		}
	}
	if found != 1 {
		return fmt.Errorf("%d totals do not agree; one row is missing, %+v", found, want.Missing)
	}
	fmt.Printf("found      %s of %d totals: %s of %s, %s, are in no statement\n", want.Missing.ProviderCode, len(want.Expected), minor(want.Missing.AmountMinor), want.Missing.WalletID, want.Missing.EntryID)
	return nil
}

func plantedFindings(ctx context.Context, o options, want sandbox.Planted) error {
	var r struct {
		Findings []struct {
			sandbox.PlantedFind
			Rows []string `json:"row_ids"`
		} `json:"findings"`
	}
	if err := ask(ctx, o, &r, "reconcile", "--findings", "--period", want.Period, "--json"); err != nil {
		return err
	}
	rest := r.Findings
	for _, f := range want.Findings {
		at := -1
		for i := range rest {
			if rest[i].Kind == f.Kind && rest[i].Source == f.Source && reflect.DeepEqual(rest[i].Rows, f.Rows) {
				at = i
			}
		}
		if at < 0 {
			return fmt.Errorf("no finding %s about %s %v; there are %+v", f.Kind, f.Source, f.Rows, r.Findings)
		}
		rest = append(rest[:at:at], rest[at+1:]...)
		fmt.Printf("found      %s: %s %v\n", f.Kind, f.Source, f.Rows)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d findings about nothing that was planted: %+v", len(rest), rest)
	}
	return nil
}

func plantedDouble(ctx context.Context, o options, want sandbox.Planted) error {
	type double struct {
		Wallet    string `json:"counted_wallet_id"`
		Entry     string `json:"counted_id"`
		Operation string `json:"excluded_id"`
		Minor     string `json:"minor"`
	}
	var answer struct {
		Data []double `json:"data"`
	}
	err := ask(ctx, o, &answer, "query", "--format", "json", fmt.Sprintf("SELECT counted_wallet_id, counted_id, excluded_id, toString(amount_minor) AS minor FROM double_counts WHERE reason != 'card statement' AND formatDateTime(business_date, '%%Y-%%m') = '%s'", want.Period))
	if err != nil {
		return err
	}
	d, got := want.Double, answer.Data
	if expected := (double{d.WalletID, d.EntryID, d.OperationID, fmt.Sprint(d.AmountMinor)}); len(got) != 1 || got[0] != expected {
		return fmt.Errorf("one payment is reported twice, %+v; found %+v", expected, got)
	}
	fmt.Printf("found      double count: %s of %s is operation %s, %s\n", d.EntryID, d.WalletID, d.OperationID, minor(d.AmountMinor))
	return nil
}

func minor(n int64) string { return fmt.Sprintf("%d.%02d AZN", n/100, max(n, -n)%100) }

// ask runs paylake and reads its answer; that it has found something is none of
// its failures.
func ask(ctx context.Context, o options, answer any, args ...string) error {
	cmd := exec.CommandContext(ctx, o.paylake, append([]string{"-c", o.config}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != openFindings) {
		return fmt.Errorf("paylake %s: %w", args[0], err)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return fmt.Errorf("the answer of paylake %s: %w", args[0], err)
	}
	return nil
}
