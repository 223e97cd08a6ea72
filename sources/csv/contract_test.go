package csv

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/sourcetest"
)

// statement writes n rows of a day each hour from 1 January 2026.
func statement(name string, n int) string {
	var b strings.Builder
	b.WriteString(heading)
	for i := range n {
		at := time.Date(2026, 1, 1, i%24, 0, 0, 0, time.UTC).AddDate(0, 0, i/24%300)
		fmt.Fprintf(&b, "%s%d;acc;%s;-%d,%02d;AZN;ödəniş %d;Azersu;\n", name, i, at.Format("02.01.2006 15:04:05"), i%900, i%100, i)
	}
	return b.String()
}

func TestContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		s, b := shelfOf(t, plainBank(), map[string]string{"a.csv": statement("a", pageRows+100), "b.csv": statement("b", 10), "c.csv": statement("c", 2*pageRows)})
		s.config.Allocator = mem
		t.Cleanup(func() { b.Close() })
		from := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
		return sourcetest.Subject{Source: s, Window: sources.Window{From: from, To: from.AddDate(0, 0, 100)}, Allocator: mem}
	})
}

// Which files are read, from what is known of them.
func TestFilesToRead(t *testing.T) {
	s, b := shelfOf(t, plainBank(), map[string]string{"a.csv": statement("a", 30), "x/b.CSV": statement("b", 3), ".hidden.csv": "x", "notes.pdf": "x"})
	names := func(known map[string]schemas.File, again bool) string {
		units, err := s.Files(t.Context(), known, again)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, u := range units {
			out = append(out, u.Name)
			for p, err := range u.Source.Pages(t.Context(), sources.Window{}, "") {
				if err != nil {
					out = append(out, err.Error())
					break
				}
				p.Rows.Release()
				if known != nil {
					known[u.Name] = *p.File
				}
			}
		}
		return strings.Join(out, " ")
	}
	known := map[string]schemas.File{}
	if got := names(known, false); got != "a.csv x/b.CSV" {
		t.Fatalf("first %s", got)
	}
	if got := names(known, false); got != "" {
		t.Fatalf("again %s", got)
	}
	if got := names(known, true); got != "a.csv x/b.CSV" {
		t.Fatalf("asked %s", got)
	}
	f := known["a.csv"]
	f.Modified = f.Modified.Add(-time.Hour) // touched: hashed, and the same
	known["a.csv"] = f
	if got := names(known, false); got != "" {
		t.Fatalf("touched %s", got)
	}
	if err := b.WriteAll(context.Background(), "a.csv", []byte(statement("a", 29)), nil); err != nil {
		t.Fatal(err)
	}
	if got := names(known, false); got != "a.csv" || known["a.csv"].Replaces.IsZero() {
		t.Fatalf("corrected %s %+v", got, known["a.csv"])
	}
	m := plainBank()
	m.Values = map[string]map[string]string{"provider_code": {"Azersu": "AZERSU_RES"}}
	other, _ := shelfOf(t, m, nil)
	s.digest = other.digest
	if got := names(known, false); got != "a.csv x/b.CSV" {
		t.Fatalf("another mapping %s", got)
	}
}

var manyX = bytes.Repeat([]byte{'x'}, 64<<10)

// endless is a line of any length that is never in memory as a whole.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	for done := int64(0); done < n; {
		done += int64(copy(p[done:n], manyX))
	}
	e.left -= n
	return int(n), nil
}

// A line of 1 GB costs itself and no memory; so does a quote that never closes.
func TestALineOfAGigabyte(t *testing.T) {
	for _, begin := range []string{"", "\""} {
		s := newScanner(io.MultiReader(strings.NewReader("a;b\n"+begin), &endless{left: 1 << 30}, strings.NewReader("\nc;d\n")), ';')
		var got []string
		for {
			err := s.next()
			if err != nil {
				break
			}
			if s.bad != nil {
				got = append(got, fmt.Sprintf("%d:%s", s.line, s.bad.reason))
				continue
			}
			got = append(got, fmt.Sprintf("%d:%s", s.line, s.fields))
		}
		if len(s.buf) > 2*maxRecord {
			t.Errorf("the buffer grew to %d bytes", len(s.buf))
		}
		if fmt.Sprint(got) != "[1:[a b] 2:too_long 3:[c d]]" {
			t.Errorf("%q: %v", begin, got)
		}
	}
}
