// Package sourcetest is the contract of sources.Source as one suite, which
// every source runs against its own working fake upstream.
package sourcetest

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/sources"
)

// Subject is a source in front of a fake upstream that holds still: it serves
// at least three pages for Window, with rows.
type Subject struct {
	Source sources.Source
	// Single says that there is one answer and no paging: exactly one page.
	Single bool
	// Window is read; zero for a catalogue.
	Window sources.Window
	// Allocator, if set, made the records: it must be empty in the end.
	Allocator *memory.CheckedAllocator
	// Requests, if set, counts the requests that the upstream has received;
	// InFlight those it has not answered yet.
	Requests, InFlight func() int
	// Idle, if set, closes idle connections, so that their goroutines are not
	// taken for leaks.
	Idle func()
	// Fail, if set, makes every later request fail for good (not ErrTransient
	// only): the sequence must end with one error.
	Fail func()
}

// Run checks every promise; make returns a fresh Subject for each.
func Run(t *testing.T, make func(t *testing.T) Subject) {
	t.Helper()
	checks := []struct {
		name  string
		check func(*testing.T, Subject)
	}{
		{"SameCursorSameRows", sameRows},
		{"ResumeAfterAnyPage", resume},
		{"RowsInsideWindow", inside},
		{"RecordsInTableSchema", schema},
		{"EarlyBreakLeavesNothing", earlyBreak},
		{"CancelledBefore", cancelledBefore},
		{"CancelledBetweenPages", cancelledBetween},
		{"EndsAfterFirstError", endsAfterError},
		{"StreamIsStable", streamStable},
		{"SourceIsReusable", concurrent},
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			s := make(t)
			c.check(t, s)
			if s.Allocator != nil {
				s.Allocator.AssertSize(t, 0)
			}
		})
	}
}

// read collects what is left from a cursor as text and releases the records.
func read(t *testing.T, s Subject, from sources.Cursor) []page {
	t.Helper()
	pages, err := collect(context.Background(), s, from)
	if err != nil {
		t.Fatalf("Pages(%s, %q): %v", s.Window, from, err)
	}
	return pages
}

func readAll(t *testing.T, s Subject) []page {
	t.Helper()
	pages := read(t, s, "")
	if s.Single && len(pages) != 1 {
		t.Fatalf("the subject has %d pages, want its only one", len(pages))
	}
	if !s.Single && len(pages) < 3 {
		t.Fatalf("the subject has %d pages, the suite needs at least 3", len(pages))
	}
	rows := 0
	for _, p := range pages {
		rows += len(p.rows)
	}
	if rows == 0 {
		t.Fatal("the subject has no rows")
	}
	return pages
}
