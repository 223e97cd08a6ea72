package csv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/paylake/paylake/patience"
	"github.com/paylake/paylake/sources"
)

// told is all that an outcome says, but where its pages end.
func (o outcome) told() string {
	var b strings.Builder
	for _, row := range o.rows {
		fmt.Fprintln(&b, row)
	}
	for _, x := range o.rejects {
		amount := int64(-1)
		if x.Amount != nil {
			amount = *x.Amount
		}
		fmt.Fprintf(&b, "%s %s %q %d %s %q\n", x.RowID, x.Reason, x.Field, amount, x.Currency, x.Raw)
	}
	fmt.Fprintln(&b, o.outside, o.err)
	return b.String()
}

// readAs reads a file with other limits than usual.
func readAs(t testing.TB, m Mapping, text string, workers, most, remembered int) outcome {
	t.Helper()
	s, _ := shelfOf(t, m, map[string]string{"f.csv": text})
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	s.config.Allocator, s.config.Workers, s.most, s.remembered = mem, workers, most, remembered
	units, err := s.Files(t.Context(), nil, false)
	if err != nil || len(units) != 1 {
		t.Fatal(len(units), err)
	}
	o := collect(t, units[0].Source)
	s.units[0].close()
	mem.AssertSize(t, 0)
	return o
}

// However many decode a file, however long its pages are and however little of it
// is remembered: the same rows in the same order, the same rejects at the same
// lines and columns.
func TestAnyNumberOfWorkersReadsTheSame(t *testing.T) {
	for seed := range uint64(cases(6)) {
		m, text := strange(seed)
		want := readAs(t, m, text, 1, pageRows, 0)
		if len(want.rows)+len(want.rejects) < 100 && want.err == nil {
			t.Fatalf("%d: %d rows, %d rejects", seed, len(want.rows), len(want.rejects))
		}
		for _, c := range [][3]int{{1, 7, 20}, {2, 64, 0}, {3, 1, 1}, {8, 13, 100}} {
			got := readAs(t, m, text, c[0], c[1], c[2])
			if got.told() != want.told() {
				t.Fatalf("%d, %v: got\n%s\nwant\n%s", seed, c, got.told(), want.told())
			}
		}
	}
}

// FuzzWorkers is the same for bytes that nobody thought of.
func FuzzWorkers(f *testing.F) {
	for seed := range uint64(6) {
		_, text := strange(seed)
		f.Add([]byte(text[:min(len(text), 3000)]), byte(seed), byte(3), byte(5))
	}
	f.Add([]byte(heading+"R1;acc;18.03.2026;1,00;AZN;\"x;y;z\nR1;acc;18.03.2026;2,00;AZN;x\";y;z\n"), byte(0), byte(1), byte(2))
	f.Fuzz(func(t *testing.T, data []byte, how, most, workers byte) {
		m, _ := strange(uint64(how))
		want := readAs(t, m, string(data), 1, pageRows, 0)
		got := readAs(t, m, string(data), 2+int(workers%4), 1+int(most%50), int(most%7))
		if got.told() != want.told() {
			t.Fatalf("got\n%s\nwant\n%s", got.told(), want.told())
		}
	})
}

// Whoever stops early leaves nobody at work and, when the shelf is read again,
// nothing in memory.
func TestStoppingEarlyLeavesNobodyAtWork(t *testing.T) {
	s, _ := shelfOf(t, plainBank(), map[string]string{"f.csv": statement("a", 3000)})
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	s.config.Allocator, s.config.Workers, s.most = mem, 4, 100
	before := goleak.IgnoreCurrent()
	units, err := s.Files(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	stop := func() (next sources.Cursor) {
		for p, err := range units[0].Source.Pages(t.Context(), sources.Window{}, "") {
			if err != nil {
				t.Fatal(err)
			}
			p.Rows.Release()
			return p.Next
		}
		return ""
	}
	stop()
	goleak.VerifyNone(t, before)
	next := stop() // again from the beginning: what was parked is given back
	rows := 0
	for p, err := range units[0].Source.Pages(t.Context(), sources.Window{}, next) {
		if err != nil {
			t.Fatal(err)
		}
		rows += int(p.Rows.NumRows())
		p.Rows.Release()
		if rows == 300 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for p, err := range units[0].Source.Pages(ctx, sources.Window{}, "") {
		cancel()
		if err == nil {
			p.Rows.Release()
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
	if _, err := s.Files(t.Context(), nil, false); err != nil {
		t.Fatal(err)
	}
	mem.AssertSize(t, 0)
}

// What panics while it decodes does so where the run's guard stands.
func TestAPanicIsTheReadersOwn(t *testing.T) {
	s, _ := shelfOf(t, plainBank(), map[string]string{"f.csv": heading + "R1;acc;18.03.2026;1,00;AZN;x;y;0501234567\n"})
	s.config.Workers, s.config.Pseudonyms = 2, nil
	units, err := s.Files(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("decoding with no key for pseudonyms did not panic here")
		}
		goleak.VerifyNone(t, goleak.IgnoreCurrent())
	}()
	collect(t, units[0].Source)
}

// What was read before a stream broke is handed over, then the error.
func TestWhatCameBeforeABrokenStreamIsHandedOver(t *testing.T) {
	s := madeShelf(t, 1<<20, func() io.Reader { return lost(statement("a", 1050)) })
	s.config.Workers, s.most = 3, 100
	units, err := s.Files(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	o := collect(t, units[0].Source)
	if len(o.rows) != 1000 || o.pages != 10 || !errors.Is(o.err, errLost) || !errors.Is(o.err, sources.ErrTransient) {
		t.Errorf("%d rows in %d pages, %v", len(o.rows), o.pages, o.err)
	}
}

// A file that drips, and never stands still for long, ends with an error that
// says so; one that is slow at a thousand bytes a second and more is read.
func TestAFileThatDrips(t *testing.T) {
	for every, slow := range map[time.Duration]bool{10 * time.Second: true, time.Millisecond / 2: false} {
		synctest.Test(t, func(t *testing.T) {
			text := statement("a", 1000)
			s := madeShelf(t, int64(len(text)), func() io.Reader { return dripping{strings.NewReader(text), every} })
			s.config.Now = time.Now
			began := time.Now()
			units, err := s.Files(t.Context(), nil, false)
			if err != nil {
				t.Fatal(err)
			}
			o := collect(t, units[0].Source)
			switch {
			case slow && (!errors.Is(o.err, patience.ErrStalled) || !errors.Is(o.err, sources.ErrTransient) || time.Since(began) > 2*time.Minute):
				t.Errorf("a byte every %s: %v after %s", every, o.err, time.Since(began))
			case !slow && (o.err != nil || len(o.rows) != 1000):
				t.Errorf("a byte every %s: %d rows, %v", every, len(o.rows), o.err)
			}
		})
	}
}
