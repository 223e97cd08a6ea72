package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// What a run does when something fails.

func TestRunGoesOnWithoutAFailingStream(t *testing.T) {
	third := epoch.Add(2 * 24 * time.Hour)
	for _, c := range []struct {
		name  string
		fault func() error
		code  int
		says  string
	}{
		{"login", func() error { return sources.Errorf(sources.ErrAuth, "wallet b: run paylake login") }, CodePerson, "paylake login"},
		{"consent", func() error { return sources.ErrConsent }, CodePerson, "consent"},
		{"shape", func() error { return sources.ErrShape }, CodeFailed, "unreadable"},
		{"transient", func() error { return &sources.Transient{Err: errBoom} }, CodeFailed, "boom"},
		{"panic", func() error { m := map[bool]map[string]int{}; m[true]["x"] = 1; return nil }, CodeFailed, "nil map"},
		{"panic with data", func() error { panic("+994501234567") }, CodeFailed, "(string)"},
	} {
		for _, perStream := range []int{1, 3} {
			t.Run(fmt.Sprint(c.name, perStream), func(t *testing.T) {
				alloc, s := checked(t), newStore()
				now := epoch.Add(6 * 24 * time.Hour)
				bad := wallet(alloc, "b")
				var asked atomic.Int64 // windows after the failing one
				bad.before = func(_ context.Context, w schemas.Window, hour time.Time) error {
					if w.From.After(third) && hour.Equal(w.From) {
						asked.Add(1)
					}
					if w.From.Equal(third) && hour.After(w.From) { // in the middle of its third window
						time.Sleep(5 * time.Millisecond) // others go on meanwhile, its own next windows too
						return c.fault()
					}
					return nil
				}
				j := job(s, now, wallet(alloc, "a"), bad, wallet(alloc, "c"))
				j.Limits.PerStream = perStream
				r, err := Run(t.Context(), j)
				if err != nil {
					t.Fatal(err)
				}
				v := r.Verdict()
				if why := strings.Join(v.Why, "\n"); v.Code != c.code || !strings.Contains(why, c.says) || strings.Contains(why, "994501234567") {
					t.Errorf("verdict %+v", v)
				}
				if n := asked.Load(); n > int64(perStream-1)*3 {
					t.Errorf("%d windows were read after the failure", n)
				}
				if b := r.Streams[1]; !b.At.From.Equal(third) || b.Read.Windows != 2 || r.Streams[2].Err != nil {
					t.Errorf("streams %+v", r.Streams)
				}
				if got := s.complete["src/ledger/b"]; len(got) != 2 || len(s.complete["src/ledger/a"]) != 6 || len(s.complete["src/ledger/c"]) != 6 {
					t.Errorf("complete: %v", s.complete)
				}
				bad.before = nil
				if _, err := Run(t.Context(), j); err != nil {
					t.Fatal(err)
				}
				s.holds(t, epoch, now, "a", "b", "c")
			})
		}
	}
}

// Whatever page fails, the next run brings the rest; with Retry around the
// source the same run does.
func TestRunAfterAnErrorAtEachPage(t *testing.T) {
	now := epoch.Add(3*24*time.Hour + 7*time.Hour)
	for hour := epoch; hour.Before(now); hour = hour.Add(6 * time.Hour) {
		for _, retried := range []bool{false, true} {
			alloc, s := checked(t), newStore()
			w, failed, asked := wallet(alloc, "a"), 0, map[time.Time]int{}
			w.before = func(_ context.Context, _ schemas.Window, h time.Time) error {
				asked[h]++
				if h.Equal(hour) && failed == 0 {
					failed++
					return &sources.Transient{Err: errBoom}
				}
				return nil
			}
			var src sources.Source = w
			if retried {
				src = sources.Retry(w, sources.RetryPolicy{Sleep: func(context.Context, time.Duration) error { return nil }})
			}
			r, err := Run(t.Context(), job(s, now, src))
			if err != nil || failed != 1 {
				t.Fatal(err, failed)
			}
			if want := map[bool]int{true: CodeDone, false: CodeFailed}[retried]; r.Verdict().Code != want {
				t.Errorf("%s, retried %t: %+v", hour, retried, r.Verdict())
			}
			if !retried {
				if r, err = Run(t.Context(), job(s, now, src)); err != nil || r.Verdict().Code != CodeDone {
					t.Error(err, r.Verdict())
				}
			} else if asked[epoch] > 1 && !hour.Equal(epoch) {
				t.Error("the window was read again from its start")
			}
			s.holds(t, epoch, now, "a")
		}
	}
}

// The sink's error stops the run, nothing leaks, and the next run brings the
// rest, whether the failed commit had been stored or not.
func TestRunStopsWithItsSink(t *testing.T) {
	now := epoch.Add(6*24*time.Hour + 3*time.Hour)
	for _, when := range []string{"lost", "ghost"} {
		for n := range 7 {
			alloc, s := checked(t), newStore()
			fired := false
			s.fault = func(batch int, w string) error {
				if reached := batch + map[string]int{"lost": 0, "ghost": -1}[w]; reached >= n-1 && w == when && !fired {
					fired = true
					return errBoom
				}
				return nil
			}
			j := job(s, now, wallet(alloc, "a"), wallet(alloc, "b"), wallet(alloc, "c"))
			j.Limits.BatchParts = 3
			r, err := Run(t.Context(), j)
			if !fired || !errors.Is(err, errBoom) || !errors.Is(r.Err, errBoom) || r.Verdict().Code != CodeFailed {
				t.Fatalf("%s %d: %v %+v", when, n, err, r.Verdict())
			}
			if r, err = Run(t.Context(), j); err != nil || r.Verdict().Code != CodeDone {
				t.Fatal(err)
			}
			s.holds(t, epoch, now, "a", "b", "c")
		}
	}
}

func TestRunCancelledCommitsWhatIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alloc, s := checked(t), newStore()
		s.slow = 5 * time.Second
		now := epoch.Add(10 * 24 * time.Hour)
		pause := func(ctx context.Context, _ schemas.Window, _ time.Time) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
				return nil
			}
		}
		a, b := wallet(alloc, "a"), wallet(alloc, "b")
		a.before, b.before = pause, pause
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel) // two windows of each wallet are whole, the third is being read
		j := job(s, now, a, b)
		r, err := Run(ctx, j)
		if !errors.Is(err, context.Canceled) || r.Verdict().Code != CodeInterrupted || len(r.Verdict().Why) != 1 {
			t.Errorf("%v %+v", err, r.Verdict())
		}
		s.holds(t, epoch, epoch.Add(48*time.Hour), "a", "b")
		if r.Windows != 4 || r.Commits != 1 {
			t.Errorf("report %+v", r)
		}
		s.slow = 0
		if _, err := Run(t.Context(), j); err != nil {
			t.Error(err)
		}
		s.holds(t, epoch, now, "a", "b")
	})
}

// A sink that hangs does not hold the process beyond the grace.
func TestRunCancelledGivesUpOnAHangingSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alloc := checked(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		j := job(hanging{newStore()}, epoch.Add(30*time.Hour), wallet(alloc, "a"))
		j.Limits = Limits{BatchParts: 1, Grace: 7 * time.Second}
		if _, err := Run(ctx, j); err == nil {
			t.Error("no error")
		}
		if took := time.Since(began); took != 8*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

type hanging struct{ *store }

func (h hanging) Commit(ctx context.Context, b sinks.Batch) (sinks.Receipt, error) {
	<-ctx.Done()
	for i := range b.Parts {
		b.Parts[i].Release()
	}
	return sinks.Receipt{}, ctx.Err()
}

// safe holds what was sealed, and can refuse.
type safe struct {
	mu   sync.Mutex
	raw  map[string]string
	fail error
}

func (v *safe) Put(_ context.Context, _ schemas.Stream, id string, raw []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail != nil {
		return v.fail
	}
	v.raw[id] = string(raw)
	return nil
}

func TestRunSealsRejectsBeforeTheCommit(t *testing.T) {
	alloc, s, v := checked(t), newStore(), &safe{raw: map[string]string{}}
	amount := int64(1250)
	w := wallet(alloc, "a")
	w.reject = func(hour time.Time) []schemas.Reject {
		if hour.Hour() != 7 {
			return nil
		}
		return []schemas.Reject{
			{Reason: schemas.ReasonScale, Amount: &amount, Currency: "AZN", Raw: []byte("row of " + hour.String())},
			{Reason: schemas.ReasonType, Raw: []byte("other of " + hour.String())}}
	}
	j := job(s, epoch.Add(3*24*time.Hour), w)
	j.Vault = v
	v.fail = errBoom
	if _, err := Run(t.Context(), j); !errors.Is(err, errBoom) || len(s.batches) != 0 {
		t.Fatalf("%v: committed without the raw texts: %d", err, len(s.batches))
	}
	v.fail = nil
	s.fault = func(int, string) error {
		if len(v.raw) != 6 {
			return fmt.Errorf("committed with %d raw texts sealed", len(v.raw))
		}
		return nil
	}
	r, err := Run(t.Context(), j)
	if err != nil || r.Verdict().Code != CodeFinding || r.Quarantined != 6 {
		t.Fatal(err, r.Verdict(), r.Quarantined)
	}
	if m := r.Read.Money["AZN"]; r.Read.Rejected != 6 || m.Rows != 3 || m.Minor != 3750 {
		t.Errorf("read %+v", r.Read)
	}
	if r, err = Run(t.Context(), j); err != nil || r.Verdict().Code != CodeDone || r.Quarantined != 0 || r.Read.Rejected != 4 {
		t.Errorf("again: %v %+v", err, r) // two windows of look-back, nothing new
	}
}
