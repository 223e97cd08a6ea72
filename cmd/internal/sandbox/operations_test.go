package sandbox

import (
	"encoding/csv"
	"os"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// naive lists the operations by looking at every one of them.
func naive(w *World, from, to, now time.Time) []flashpaytest.Operation {
	var out []flashpaytest.Operation
	for i := range w.ops.ops {
		if w.ops.ops[i].created() > now.Unix() {
			continue
		}
		o := w.ops.show(int32(i), now.Unix())
		if !o.UpdatedAt.Before(from) && !o.UpdatedAt.After(to) {
			out = append(out, o)
		}
	}
	return out
}

func TestOperationsEqualsLookingAtAll(t *testing.T) {
	w := newWorld(t, Options{Seed: 2, Rows: 6000})
	rapid.Check(t, func(t *rapid.T) {
		from, to, now := drawSpan(t, w)
		want := map[string]flashpaytest.Operation{}
		for _, o := range naive(w, from, to, now) {
			want[o.ID] = o
		}
		limit := rapid.IntRange(1, 400).Draw(t, "limit")
		got, last := map[string]flashpaytest.Operation{}, time.Time{}
		for skip, n := 0, limit; n == limit; skip += n {
			page := w.Operations(ProjectID, from, to, now, skip, limit)
			for _, o := range page {
				if o.UpdatedAt.Before(last) {
					t.Fatalf("%s breaks the order", o.ID)
				}
				last, got[o.ID] = o.UpdatedAt, o
			}
			n = len(page)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%d operations by pages, %d at once", len(got), len(want))
		}
	})
}

func TestTheIntervalHasBothItsEnds(t *testing.T) {
	w := newWorld(t, Options{Seed: 2})
	o := w.Operations(ProjectID, w.Start(), noon, noon, 700, 1)[0]
	if same := w.Operations(ProjectID, o.UpdatedAt, o.UpdatedAt, noon, 0, 10); len(same) == 0 {
		t.Error("not in the interval that is its own second")
	}
	if w.Operations(ProjectID+1, w.Start(), noon, noon, 0, 10) != nil {
		t.Error("another project has operations")
	}
}

// Every operation is read as processing first, and as something final later;
// some are corrected after days, inside the platform's eleven.
func TestOperationsAreRevised(t *testing.T) {
	w := newWorld(t, Options{Seed: 2})
	slow, status := 0, map[string]int{}
	end := noon.AddDate(0, 0, 11)
	for _, o := range naive(w, w.Start(), noon, end) {
		born := w.Operations(ProjectID, o.CreatedAt, o.CreatedAt, o.CreatedAt, 0, 10)
		found := false
		for _, b := range born {
			found = found || b.ID == o.ID && b.Status == "processing" && b.CompletedAt.IsZero() && b.AmountMinor == o.AmountMinor
		}
		if !found {
			t.Fatalf("%s was never processing", o.ID)
		}
		if o.CompletedAt.IsZero() || o.UpdatedAt.Sub(o.CreatedAt) > 9*24*time.Hour {
			t.Errorf("%+v is not final in time", o)
		}
		if o.UpdatedAt.Sub(o.CreatedAt) > 2*time.Hour {
			slow++
		}
		status[o.Status]++
	}
	if slow == 0 || status["success"] < 5*status["decline"] || status["decline"] == 0 {
		t.Errorf("%d slow, %v", slow, status)
	}
}

func TestSalesKeepTheMethodsLimitsAndCodes(t *testing.T) {
	f, err := os.Open("testdata/flashpay_codes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for _, r := range records {
		if r[0] == "operation" {
			known[r[1]] = r[2]
		}
	}
	w := newWorld(t, Options{Seed: 4, Rows: 40_000})
	seen := map[string]bool{}
	for _, o := range naive(w, w.Start(), noon, noon) {
		if o.Type == "refund" && o.PaymentMethod == "card" {
			continue
		}
		if o.AmountMinor < 5000 || o.AmountMinor > 5_000_000 || o.Currency != "KGS" || o.Type != "sale" || seen[o.ID] || seen[o.PaymentID] {
			t.Fatalf("%+v", o)
		}
		if known[o.Code] != o.Message {
			t.Fatalf("code %s is %q, not %q", o.Code, known[o.Code], o.Message)
		}
		seen[o.ID], seen[o.PaymentID] = true, true
	}
}
