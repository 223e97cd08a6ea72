package sourcetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/sources"
)

func sameRows(t *testing.T, s Subject) {
	sameContent(t, "read again from the start", readAll(t, s), read(t, s, ""))
}

func resume(t *testing.T, s Subject) {
	all := readAll(t, s)
	for i, p := range all {
		if p.next == "" {
			t.Fatalf("page %d has no Next: resuming after it would begin again", i)
		}
		equal(t, "resumed after a page", read(t, s, p.next), all[i+1:])
	}
}

func inside(t *testing.T, s Subject) {
	from, to := s.Window.From.UnixMicro(), s.Window.To.UnixMicro()
	for p, err := range s.Source.Pages(t.Context(), s.Window, "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range micros(s.Source.Stream(), p.Rows) {
			if !s.Window.IsZero() && (int64(at) < from || int64(at) >= to) {
				t.Errorf("row at %s lies outside %s", time.UnixMicro(int64(at)).UTC(), s.Window)
			}
		}
		p.Rows.Release()
	}
}

func schema(t *testing.T, s Subject) {
	want := s.Source.Stream().Table.ArrowSchema()
	for p, err := range s.Source.Pages(t.Context(), s.Window, "") {
		if err != nil {
			t.Fatal(err)
		}
		if !p.Rows.Schema().Equal(want) {
			t.Errorf("record in schema\n%s\nwant\n%s", p.Rows.Schema(), want)
		}
		for i, f := range want.Fields() {
			if n := p.Rows.Column(i).NullN(); n > 0 && !f.Nullable {
				t.Errorf("column %s is not nullable and has %d nulls", f.Name, n)
			}
		}
		p.Rows.Release()
	}
}

func earlyBreak(t *testing.T, s Subject) {
	readAll(t, s) // opens the connections that stay
	before := goleak.IgnoreCurrent()
	for p, err := range s.Source.Pages(t.Context(), s.Window, "") {
		if err != nil {
			t.Fatal(err)
		}
		p.Rows.Release()
		break
	}
	if s.Idle != nil {
		s.Idle()
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	quiet(t, s)
}

// quiet fails when requests still come or are still open.
func quiet(t *testing.T, s Subject) {
	t.Helper()
	if s.Requests == nil {
		return
	}
	n := s.Requests()
	time.Sleep(30 * time.Millisecond)
	if m := s.Requests(); m != n {
		t.Errorf("%d more requests after the loop had ended", m-n)
	}
	if s.InFlight != nil && s.InFlight() != 0 {
		t.Errorf("%d requests still open after the loop had ended", s.InFlight())
	}
}

func cancelledBefore(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pages, err := collect(ctx, s, "")
	if len(pages) != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %d pages, error %v; want none and context.Canceled", len(pages), err)
	}
}

func cancelledBetween(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs []error
	pages := 0
	for p, err := range s.Source.Pages(ctx, s.Window, "") {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		pages++
		p.Rows.Release()
		cancel()
	}
	if s.Single && pages == 1 && len(errs) == 0 { // nothing was left to ask for
		quiet(t, s)
		return
	}
	if pages != 1 || len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("cancelled after one page: %d pages, errors %v; want one page and context.Canceled", pages, errs)
	}
	quiet(t, s)
}

func endsAfterError(t *testing.T, s Subject) {
	if s.Fail == nil {
		t.Log("the subject cannot fail; cancelling stands in for it")
		cancelledBetween(t, s)
		return
	}
	pages, errs, want := 0, 0, 1
	if s.Single { // it fails before its only page
		s.Fail()
		want = 0
	}
	for p, err := range s.Source.Pages(t.Context(), s.Window, "") {
		if err != nil {
			errs++
			if p.Rows != nil {
				t.Error("a page came together with an error")
			}
			if !classified(err) {
				t.Errorf("error of no known kind: %v", err)
			}
			continue // a source that goes on after its error is caught here
		}
		if errs > 0 {
			t.Fatal("a page came after the first error")
		}
		pages++
		p.Rows.Release()
		s.Fail()
	}
	if pages != want || errs != 1 {
		t.Errorf("%d pages and %d errors, want %d and 1", pages, errs, want)
	}
}

func classified(err error) bool {
	for _, kind := range []error{sources.ErrTransient, sources.ErrAuth, sources.ErrShape, sources.ErrConsent} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func streamStable(t *testing.T, s Subject) {
	st := s.Source.Stream()
	if st.Source == "" || st.Table == nil {
		t.Fatalf("stream %+v has no source or no table", st)
	}
	readAll(t, s)
	if again := s.Source.Stream(); again.String() != st.String() {
		t.Errorf("stream was %s and is %s", st, again)
	}
	if st.Table.Whole() != s.Window.IsZero() {
		t.Errorf("read whole %t, window %s", st.Table.Whole(), s.Window)
	}
}

// concurrent reads one source twice at the same time: two windows of one
// stream may be read in parallel.
func concurrent(t *testing.T, s Subject) {
	want := readAll(t, s)
	var wg sync.WaitGroup
	got := make([][]page, 2)
	errs := make([]error, 2)
	for i := range got {
		wg.Go(func() { got[i], errs[i] = collect(t.Context(), s, "") })
	}
	wg.Wait()
	for i := range got {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		sameContent(t, "two readers at once", got[i], want)
	}
}
