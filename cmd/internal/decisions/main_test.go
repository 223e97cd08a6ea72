package decisions

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/sinks/lake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func now() time.Time { return time.Date(2026, 4, 6, 9, 10, 0, 0, time.UTC) }

func openLake(t *testing.T, dir string) *lake.Lake {
	t.Helper()
	l, err := lake.Open(t.Context(), lake.Options{URL: "file://" + dir, TempDir: t.TempDir(), Now: now, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// decide records decisions, whatever was decided before.
func decide(t *testing.T, l *lake.Lake, list ...Decision) Recorded {
	t.Helper()
	r, err := Record(t.Context(), l, now, func(*Ledger, int64) ([]Decision, error) { return list, nil })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func minor(n int64) *int64 { return &n }

// word is a decision with the words that every one needs.
func word(k Kind, period string) Decision {
	return Decision{Kind: k, Period: period, By: "aysel", Reason: "as agreed in case 7"}
}
