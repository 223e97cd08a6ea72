package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	reference "github.com/paylake/paylake/sinks/memory"
	"github.com/paylake/paylake/sources"
)

func TestRunMovesWhatIsOwed(t *testing.T) {
	alloc, s := checked(t), newStore()
	now := epoch.Add(9*24*time.Hour + 5*time.Hour)
	j := job(s, now, wallet(alloc, "a"), wallet(alloc, "b"), wallet(alloc, "c"))
	r, err := Run(t.Context(), j)
	if err != nil || r.Verdict().Code != CodeDone {
		t.Fatal(err, r.Verdict())
	}
	s.holds(t, epoch, now, "a", "b", "c")
	want := Tally{Windows: 30, Pages: 3 * (9*4 + 1), Rows: 3 * (9*24 + 5), Outside: 3 * 37, Unknown: map[string]int64{"field:x": 3 * 37}}
	if got := r.Read; got.Windows != want.Windows || got.Pages != want.Pages || got.Rows != want.Rows ||
		got.Outside != want.Outside || got.Unknown["field:x"] != want.Unknown["field:x"] {
		t.Errorf("read %+v, want %+v", got, want)
	}
	if r.Planned != 30 || r.Windows != 30 || r.Inserted != want.Rows || r.Sequence != 1 || r.Commits != 1 || len(r.Streams) != 3 {
		t.Errorf("report %+v", r)
	}
	if p := r.Streams[1]; p.Name != "src/ledger/b" || p.Wallet != "b" || p.Read.Rows != want.Rows/3 {
		t.Errorf("stream %+v", p)
	}

	r, err = Run(t.Context(), j) // nothing new: the look-back again, and today
	if err != nil || r.Inserted != 0 || r.Planned != 3*3 || r.Duplicates != r.Read.Rows {
		t.Errorf("again: %v %+v", err, r)
	}
	s.holds(t, epoch, now, "a", "b", "c")

	s.complete["src/ledger/b"] = slices.Delete(s.complete["src/ledger/b"], 2, 3)
	j.From, j.To = epoch, epoch.Add(48*time.Hour) // asked for
	if r, err = Run(t.Context(), j); err != nil || r.Planned != 6 {
		t.Errorf("asked for: %v %+v", err, r)
	}
}

// The same with the reference sink, which knows what the contract means.
func TestRunIntoTheReferenceSink(t *testing.T) {
	alloc, now := checked(t), epoch.Add(5*24*time.Hour+9*time.Hour)
	sink := reference.New(at(now))
	for i, day := range []time.Duration{0, 0, 24 * time.Hour} {
		a, b := wallet(alloc, "a"), wallet(alloc, "b")
		j := job(sink, now.Add(day), a, b)
		j.Limits.BatchParts = 4
		r, err := Run(t.Context(), j)
		if want := []int64{2 * 129, 0, 2 * 24}[i]; err != nil || r.Inserted != want || r.Verdict().Code != CodeDone {
			t.Errorf("run %d: %v, %d rows new, want %d: %+v", i, err, r.Inserted, want, r.Verdict())
		}
		for _, w := range []*hours{a, b} {
			done, err := sink.Done(t.Context(), w.stream)
			plan := Plan(j.Spec, done, now.Add(day))
			if err != nil || done.Rows != 129+int64(day/time.Hour) || len(plan) != 3 || plan[0].Reason != ReasonLookback {
				t.Errorf("run %d: %v %+v %v", i, err, done, plan)
			}
		}
	}
}

// Whatever the timing and the limits: commits come in the order of the plan,
// batches keep their bounds, nothing is stuck, the rows in flight stay bounded.
func TestRunInEveryWeather(t *testing.T) {
	for seed := range 60 {
		synctest.Test(t, func(t *testing.T) { weather(t, uint64(seed)) })
	}
}

func weather(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	alloc, s, flight := checked(t), newStore(), &gauge{}
	s.flight, s.slow = flight, time.Duration(rnd.IntN(3))*time.Second
	now := epoch.Add(time.Duration(rnd.IntN(12*24)) * time.Hour)
	var streams []sources.Source
	var names []string
	for i := range 1 + rnd.IntN(6) {
		w := wallet(alloc, fmt.Sprint("w", i))
		w.flight, w.perPage = flight, 1+rnd.IntN(30)
		delay := time.Duration(rnd.IntN(2000)) * time.Millisecond
		w.before = func(context.Context, schemas.Window, time.Time) error { time.Sleep(delay); return nil }
		if rnd.IntN(2) == 0 { // some wallets have a part of it already
			s.complete[w.stream.String()] = []schemas.Window{{From: epoch, To: epoch}}
		}
		streams, names = append(streams, w), append(names, w.stream.Wallet)
	}
	j := job(s, now, streams...)
	j.TempDir = t.TempDir()
	j.Limits = Limits{Parallel: 1 + rnd.IntN(6), PerStream: 1 + rnd.IntN(3), BatchParts: 1 + rnd.IntN(10),
		BatchRows: 1 + rnd.Int64N(200), RowsInFlight: 1 + rnd.Int64N(500), SpoolRows: 1 + rnd.Int64N(100)}
	r, err := Run(t.Context(), j)
	if err != nil {
		t.Fatal(seed, err)
	}
	s.holds(t, epoch, now, names...)
	if r.Windows != r.Planned {
		t.Errorf("seed %d: %d of %d windows", seed, r.Windows, r.Planned)
	}
	limits := j.Limits.withDefaults()
	checkOrder(t, s.parts(), names)
	for _, b := range s.batches {
		rows := int64(0)
		for _, p := range b {
			rows += int64(p.Window.To.Sub(p.Window.From) / time.Hour)
		}
		if len(b) > limits.BatchParts || len(b) > 1 && rows > limits.BatchRows {
			t.Errorf("seed %d: a batch of %d windows and %d rows: %+v", seed, len(b), rows, limits)
		}
	}
}

// checkOrder wants windows by their beginning, then wallets as configured.
func checkOrder(t *testing.T, parts []sinks.Part, wallets []string) {
	t.Helper()
	if !slices.IsSortedFunc(parts, func(a, b sinks.Part) int {
		if c := a.Window.From.Compare(b.Window.From); c != 0 {
			return c
		}
		return slices.Index(wallets, a.Stream.Wallet) - slices.Index(wallets, b.Stream.Wallet)
	}) {
		t.Error("commits are not in the order of the plan")
	}
}

// A slow first wallet: the others read ahead as far as the budget goes, and no
// further.
func TestRunBoundsRowsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alloc, s, flight := checked(t), newStore(), &gauge{}
		s.flight, s.slow = flight, 10*time.Second
		var streams []sources.Source
		for i := range 5 {
			w := wallet(alloc, fmt.Sprint("w", i))
			w.flight, w.perHour = flight, 10
			if i == 0 {
				w.before = func(context.Context, schemas.Window, time.Time) error { time.Sleep(time.Minute); return nil }
			}
			streams = append(streams, w)
		}
		j := job(s, epoch.Add(20*24*time.Hour), streams...)
		j.Limits = Limits{Parallel: 5, PerStream: 2, RowsInFlight: 1000, BatchRows: 400}
		if _, err := Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		// the budget, the window whose turn it is, and a page in each reader's hands
		if most := int64(1000 + 240 + 5*60); flight.peak > most || flight.peak < 700 {
			t.Errorf("%d rows in flight, at most %d wanted", flight.peak, most)
		}
		if flight.now != 0 {
			t.Errorf("%d rows never arrived", flight.now)
		}
	})
}

func TestRunCommitsAfterTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alloc, s := checked(t), newStore()
		slow := wallet(alloc, "b")
		slow.before = func(context.Context, schemas.Window, time.Time) error { time.Sleep(time.Hour); return nil }
		j := job(s, epoch.Add(12*time.Hour), wallet(alloc, "a"), slow)
		j.Limits = Limits{}
		done := make(chan error)
		go func() { _, err := Run(t.Context(), j); done <- err }()
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		if n := s.commits(); n != 0 {
			t.Errorf("%d commits after 1.9 s", n)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if n := s.commits(); n != 1 {
			t.Errorf("%d commits after 2.1 s", n)
		}
		if err := <-done; err != nil || len(s.batches) != 2 {
			t.Error(err, len(s.batches))
		}
	})
}

// Reading goes on while a commit is being encoded.
func TestRunReadsDuringCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alloc, s := checked(t), newStore()
		s.slow = time.Minute
		w := wallet(alloc, "a")
		w.before = func(context.Context, schemas.Window, time.Time) error { time.Sleep(15 * time.Second); return nil }
		j := job(s, epoch.Add(10*24*time.Hour), w) // a minute a day to read, a minute a day to commit
		j.Limits = Limits{BatchParts: 1}
		began := time.Now()
		if _, err := Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 11*time.Minute+time.Second {
			t.Errorf("took %s; one after the other is 20 minutes", took)
		}
	})
}

func TestRunOfACatalogue(t *testing.T) {
	alloc, s := checked(t), newStore()
	c := &hours{stream: schemas.Stream{Source: "src", Table: schemas.Providers}, alloc: alloc}
	c.perHour, c.perPage = 1, 1
	j := Job{Spec: Spec{Name: "providers"}, Streams: []sources.Source{whole3{c}}, Sink: s, Now: at(epoch)}
	r, err := Run(t.Context(), j)
	if err != nil || r.Windows != 1 || r.Inserted != 3 || !s.parts()[0].Window.IsZero() || !s.parts()[0].Final {
		t.Error(err, r)
	}
}

// whole3 is a catalogue of three rows.
type whole3 struct{ *hours }

func (w whole3) Pages(ctx context.Context, win schemas.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	if !win.IsZero() {
		panic("a catalogue has no window")
	}
	return w.hours.Pages(ctx, schemas.Window{From: epoch, To: epoch.Add(3 * time.Hour)}, from)
}

func TestRunIsLeased(t *testing.T) {
	alloc, s := checked(t), newStore()
	j := job(s, epoch.Add(time.Hour), wallet(alloc, "a"))
	var asked string
	j.Lease = func(_ context.Context, name string) (func(), error) { asked = name; return nil, sinks.ErrBusy }
	r, err := Run(t.Context(), j)
	if !errors.Is(err, sinks.ErrBusy) || r.Verdict().Code != CodeBusy || asked != "pipeline/ledger" || len(s.batches) != 0 {
		t.Error(err, r.Verdict(), asked)
	}
	released := 0
	j.Lease = func(context.Context, string) (func(), error) { return func() { released++ }, nil }
	if _, err := Run(t.Context(), j); err != nil || released != 1 {
		t.Error(err, released)
	}
}

func TestRunRefusesImpossibleJobs(t *testing.T) {
	mem := memory.DefaultAllocator
	a, b := wallet(mem, "a"), wallet(mem, "b")
	other := wallet(mem, "c")
	other.stream.Source = "other"
	for says, change := range map[string]func(*Job){
		"wallets:":       func(j *Job) { j.Streams = nil },
		"a clock":        func(j *Job) { j.Now = nil },
		"differ":         func(j *Job) { j.Streams = append(j.Streams, other) },
		"named twice":    func(j *Job) { j.Streams = append(j.Streams, a) },
		"`window` is":    func(j *Job) { j.Spec.Step = Step{} },
		"`start` is":     func(j *Job) { j.Spec.Start = time.Time{} },
		"remove `window": func(j *Job) { a.stream.Table = schemas.Providers; b.stream.Table = schemas.Providers },
	} {
		a.stream.Table, b.stream.Table = schemas.Ledger, schemas.Ledger
		j := job(newStore(), epoch, a, b)
		change(&j)
		if r, err := Run(t.Context(), j); err == nil || !strings.Contains(err.Error(), says) || r.Verdict().Code != CodeFailed {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestRunSpillsLongWindows(t *testing.T) {
	alloc, s := checked(t), newStore()
	j := job(s, epoch.Add(4*24*time.Hour), wallet(alloc, "a"))
	j.TempDir, j.Limits.SpoolRows, j.Limits.RowsInFlight = t.TempDir(), 7, 20
	if _, err := Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	s.holds(t, epoch, epoch.Add(4*24*time.Hour), "a")
}

// Rows on disk leave the budget: a long window can be read to its end while
// another one has its turn.
func TestRunCountsRowsInMemoryOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alloc, s := checked(t), newStore()
		first, long := wallet(alloc, "a"), wallet(alloc, "b")
		var read atomic.Int64
		first.before = func(context.Context, schemas.Window, time.Time) error { time.Sleep(time.Hour); return nil }
		long.perHour, long.perPage = 10, 1
		long.before = func(context.Context, schemas.Window, time.Time) error { read.Add(1); return nil }
		j := job(s, epoch.Add(24*time.Hour), first, long)
		j.TempDir, j.Limits.SpoolRows, j.Limits.RowsInFlight = t.TempDir(), 15, 180
		time.AfterFunc(time.Minute, func() {
			if n := read.Load(); n != 24 {
				t.Errorf("%d pages were read ahead", n)
			}
		})
		if _, err := Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRunLogsAndTells(t *testing.T) {
	alloc, s := checked(t), newStore()
	var out bytes.Buffer
	var heard []Progress
	j := job(s, epoch.Add(3*24*time.Hour), wallet(alloc, "a"), wallet(alloc, "b"))
	j.Log = slog.New(slog.NewTextHandler(&out, nil))
	j.Progress = func(p Progress) { heard = append(heard, p) }
	if _, err := Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 1 || !strings.Contains(out.String(), "source=src table=ledger window=6 batch=1 rows=144 ") {
		t.Errorf("%d lines: %s", lines, out.String())
	}
	if first, last := heard[0], heard[len(heard)-1]; first != (Progress{"ledger", 0, 6, 0}) || last != (Progress{"ledger", 6, 6, 144}) {
		t.Errorf("%v … %v", first, last)
	}
}
