package decisions

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// Whatever a decision says comes back from the lake, every column of it.
func TestDecisionsComeBack(t *testing.T) {
	l := openLake(t, t.TempDir())
	full := Decision{Kind: Accept, Period: "2026-03", Subject: "fnd_1", By: "A. Məmmədova", Reason: "timing, case 7", What: "spend: +37.40 AZN",
		Wallet: "wlt_1", Provider: "AZERSU_RES", Category: "utilities", Measure: "spend", Currency: "AZN",
		Amount: minor(-1 << 62), Rows: minor(1), Expected: minor(0), Lake: minor(7), AsOf: 41, Evidence: strings.Repeat("ab", 32),
		Left: Row{"ledger", "mpay", "wlt_1", "txn_1"}, Right: Row{"bank_entries", "bank", "AZ21", "be_1"}}
	r := decide(t, l, full, word(Close, "2026-Q1"))
	got, err := Read(t.Context(), l)
	if err != nil || len(got.List) != 2 || !reflect.DeepEqual(got.List, r.Made) || r.Manifest != 1 {
		t.Fatalf("%+v\nwant %+v, %v", got, r.Made, err)
	}
	d := got.List[0]
	full.ID, full.Number, full.At = d.ID, 1, now()
	if !reflect.DeepEqual(d, full) || !strings.HasPrefix(d.ID, "dec_") || len(d.ID) != 20 {
		t.Errorf("%+v\nwant %+v", d, full)
	}
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil || e.Kind != lake.KindClose {
			t.Errorf("a manifest that closes is of kind %s, %v", e.Kind, err)
		}
	}
	if v, err := lake.Verify(t.Context(), l.URL(), lake.VerifyOptions{}); err != nil || len(v.Findings) > 0 {
		t.Errorf("%v, %v", v.Findings, err)
	}
}

// The same word twice is one row, also later and as of another manifest; another
// amount, or the same word after another one, is a row of its own.
func TestSaidTwiceIsOneRow(t *testing.T) {
	l := openLake(t, t.TempDir())
	accept := word(Accept, "2026-03")
	accept.Subject, accept.Currency, accept.Amount, accept.AsOf = "fnd_1", "AZN", minor(3740), 5
	first := decide(t, l, accept)
	accept.AsOf = 9
	again, err := Record(t.Context(), l, func() time.Time { return now().Add(time.Hour) }, func(*Ledger, int64) ([]Decision, error) { return []Decision{accept}, nil })
	if err != nil || again.Manifest != 0 || len(again.Made) != 0 || len(again.Standing) != 1 || again.Standing[0].ID != first.Made[0].ID {
		t.Fatalf("%+v, %v", again, err)
	}
	accept.Amount = minor(3741)
	other := decide(t, l, accept)
	if len(other.Made) != 1 || other.Made[0].Follows != first.Made[0].ID || other.Made[0].Number != 2 {
		t.Errorf("%+v", other)
	}
	ids := map[string]bool{}
	for _, k := range []Kind{Hold, Release, Hold, Release, Hold} {
		r := decide(t, l, word(k, "2026-03"))
		if len(r.Made) != 1 || ids[r.Made[0].ID] {
			t.Errorf("%s: %+v", k, r)
		}
		ids[r.Made[0].ID] = true
		if r := decide(t, l, word(k, "2026-03")); len(r.Made) != 0 {
			t.Errorf("%s said twice: %+v", k, r)
		}
	}
}

// The last word about a month decides, whichever span it was said of.
func TestHold(t *testing.T) {
	var l Ledger
	held := func(period string) string {
		s, err := ParseSpan(period)
		if err != nil {
			t.Fatal(err)
		}
		d, ok := l.Hold(s)
		return fmt.Sprintf("%s %t", d.Kind, ok)
	}
	for _, step := range []struct {
		kind         Kind
		of           string
		march, april string
		quarter      string
	}{
		{Hold, "2026-Q1", "hold true", " false", "hold true"},
		{Release, "2026-03", "release true", " false", "hold true"},
		{Hold, "2026-03..", "hold true", "hold true", "hold true"},
		{Release, "2026-03", "release true", "hold true", "hold true"},
		{Release, "2026-Q1", "release true", "hold true", "release true"},
		{Hold, "2026-03..", "hold true", "hold true", "hold true"},
		{Release, "2026-03..", "release true", "release true", "release true"},
	} {
		if _, fresh := l.Add(word(step.kind, step.of)); !fresh {
			t.Errorf("%s %s was in force", step.kind, step.of)
		}
		if m, a, q := held("2026-03"), held("2026-04"), held("2026-Q1"); m != step.march || a != step.april || q != step.quarter {
			t.Errorf("after %s %s: March %s, April %s, the quarter %s", step.kind, step.of, m, a, q)
		}
	}
}

// Two processes decide at the same time: nothing is lost, nothing twice, and the
// numbers have no gap.
func TestDecisionsRace(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for p := range 3 {
		l := openLake(t, dir)
		wg.Go(func() {
			for i := range 6 {
				shared, own := word(Accept, "2026-03"), word(Accept, "2026-03")
				shared.Subject, own.Subject = fmt.Sprintf("fnd_%d", i), fmt.Sprintf("fnd_%d_%d", p, i)
				_, err := Record(t.Context(), l, now, func(*Ledger, int64) ([]Decision, error) {
					time.Sleep(3 * time.Millisecond) // the others commit
					return []Decision{shared, own}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	l := openLake(t, dir)
	got, err := Read(t.Context(), l)
	if err != nil || len(got.List) != 6+3*6 {
		t.Fatalf("%d decisions: %v", len(got.List), err)
	}
	subjects := map[string]bool{}
	for _, d := range got.List {
		subjects[d.Subject] = true
	}
	if len(subjects) != len(got.List) {
		t.Errorf("%d subjects of %d decisions", len(subjects), len(got.List))
	}
	if v, err := lake.Verify(t.Context(), l.URL(), lake.VerifyOptions{}); err != nil || len(v.Findings) > 0 {
		t.Errorf("%v, %v", v.Findings, err)
	}
}

// What cannot be decided is refused before anything is committed.
func TestNothingIsDecidedWithoutWords(t *testing.T) {
	l := openLake(t, t.TempDir())
	for says, change := range map[string]func(*Decision){
		"--by NAME is missing":     func(d *Decision) { d.By = " " },
		"--reason TEXT is missing": func(d *Decision) { d.Reason = "" },
		"one line":                 func(d *Decision) { d.Reason = "a\nb" },
		"plain text":               func(d *Decision) { d.By = "a\xff" },
		"telephone or card":        func(d *Decision) { d.Reason = "asked +994501234567" },
		"longer than":              func(d *Decision) { d.Reason = strings.Repeat("a ", maxText) },
		"is not a month":           func(d *Decision) { d.Period = "2026-13" },
		"no kind":                  func(d *Decision) { d.Kind = "shrug" },
		"amounts in":               func(d *Decision) { d.Amount = minor(1) },
	} {
		d := word(Accept, "2026-03")
		change(&d)
		_, err := Record(t.Context(), l, now, func(*Ledger, int64) ([]Decision, error) { return []Decision{word(Hold, "2026-04"), d}, nil })
		if !errors.Is(err, ErrDecision) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if head, err := l.Head(t.Context()); err != nil || head != 0 {
		t.Errorf("manifest %d, %v", head, err)
	}
}

func TestSpans(t *testing.T) {
	for text, months := range map[string]int{"2026-03": 1, "2026-Q4": 3, "2026-12..": lastMonth + 1 - 2026*12 - 11} {
		s, err := ParseSpan(text)
		if err != nil || s.To-s.From != months || s.Name() != text {
			t.Errorf("%s: %d months, named %s, %v", text, s.To-s.From, s.Name(), err)
		}
	}
	if s, _ := ParseSpan("2026-Q1"); !slices.Equal(s.Months(), []string{"2026-01", "2026-02", "2026-03"}) {
		t.Errorf("%v", s.Months())
	}
	for _, bad := range []string{"", "2026", "2026-00", "2026-Q5", "2026-3", "2026-Q1..", "2026-03."} {
		if _, err := ParseSpan(bad); !errors.Is(err, ErrPeriod) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Every column of the table has a place in a decision.
func TestEveryColumnHasAPlace(t *testing.T) {
	var d Decision
	for _, name := range columns() {
		f := schemas.Decisions.Fields[schemas.Decisions.Index(name)]
		switch {
		case f.Kind == schemas.Instant, d.text(name) != nil, d.number(name) != nil, d.money(name) != nil:
		default:
			t.Errorf("column %s has none", name)
		}
	}
}
