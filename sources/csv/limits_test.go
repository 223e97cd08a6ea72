package csv

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sources"
)

// rowsWithoutEnd writes numbered rows until size bytes are full; it has no more
// of them in memory than one.
type rowsWithoutEnd struct {
	left int64
	row  int
	part []byte
}

func (e *rowsWithoutEnd) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(e.part) == 0 {
			if e.left <= 0 {
				break
			}
			e.write()
		}
		k := copy(p[n:], e.part)
		n, e.part = n+k, e.part[k:]
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (e *rowsWithoutEnd) write() {
	b := e.part[:0]
	if e.row == 0 {
		b = append(b, heading...)
	}
	day := e.row / 50_000 % 28
	b = strconv.AppendInt(append(b, "BB2603"...), int64(e.row), 10)
	b = append(b, ";AZ77AIIB40050019440000123456;"...)
	b = append(b, byte('0'+(day+1)/10), byte('0'+(day+1)%10))
	b = append(b, ".03.2026 10:00:00;-1,07;AZN;Ödəniş qəbz və təyinat nömrəsi "...)
	b = strconv.AppendInt(b, int64(e.row), 10)
	b = append(b, ";MERCHANT AND ITS BRANCH IN THE CITY OF BAKU;+99450123"...)
	b = strconv.AppendInt(b, int64(1000+e.row%5000), 10)
	e.part = append(b, '\n')
	e.row++
	e.left -= int64(len(e.part))
}

// A file of any size is read in a memory that its size hardly moves: a page or
// two for each core, the ids of the last million rows, and 12 bits for each row
// before. PAYLAKE_TEST_BYTES is its size; 10 GB is 10000000000.
func TestAVeryLongFile(t *testing.T) {
	size := int64(12 << 20)
	if n, err := strconv.ParseInt(os.Getenv("PAYLAKE_TEST_BYTES"), 10, 64); err == nil {
		size = n
	}
	made := &rowsWithoutEnd{left: size}
	s := madeShelf(t, size, func() io.Reader { return made })
	if size < 1<<30 {
		s.remembered = 10_000 // so that the small file does what the long one does
	}
	units, err := s.Files(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	rows, pages, most := 0, 0, uint64(0)
	for p, err := range units[0].Source.Pages(t.Context(), sources.Window{}, "") {
		if err != nil || len(p.Rejects) > 0 {
			t.Fatal(err, p.Rejects)
		}
		rows += int(p.Rows.NumRows())
		p.Rows.Release()
		if pages++; pages%cmp.Or(pages>>4&^7, 8) == 1 { // rarer and rarer
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			if size >= 1<<30 {
				t.Logf("%d rows after %s: %d MiB live, %s", rows, time.Since(began).Round(time.Second), m.HeapAlloc>>20, peak())
			}
		}
	}
	t.Logf("%d bytes, %d rows, %d pages in %s; live heap at most %d MiB, %s", size, rows, pages, time.Since(began).Round(time.Millisecond), most>>20, peak())
	if rows != made.row || rows < int(size/250) {
		t.Errorf("%d rows, written were %d", rows, made.row)
	}
	if limit := uint64(96<<20 + 2*rows); most > limit {
		t.Errorf("the live heap grew to %d bytes, at most %d are expected", most, limit)
	}
}

// peak is the most memory that the process has had, where the system tells.
func peak() string {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmHWM") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return "VmHWM unknown"
}

// A line of 1 GB is named by file and line; the rows around it are read.
func TestAFileWithALineOfAGigabyte(t *testing.T) {
	const row = "R%d;acc;01.04.2026;1,00;AZN;x;y;z\n"
	s := madeShelf(t, 1<<30, func() io.Reader {
		return io.MultiReader(strings.NewReader(heading+fmt.Sprintf(row, 1)), &endless{left: 1 << 30}, strings.NewReader("\n"+fmt.Sprintf(row, 2)))
	})
	units, err := s.Files(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	o := collect(t, units[0].Source)
	if o.err != nil || len(o.rows) != 2 || len(o.rejects) != 1 || o.rejects[0].RowID != "f.csv:3" || o.rejects[0].Reason != "too_long" || len(o.rejects[0].Raw) > rawKept {
		t.Errorf("%d rows, %v", len(o.rows), o.err)
	}
}

// Long records do not add up: a page ends early.
func TestAPageIsNeverLong(t *testing.T) {
	text := heading + strings.Repeat("R;acc;01.04.2026;1,00;AZN;"+strings.Repeat("x", 60<<10)+";y;"+strings.Repeat("z", 60<<10)+"\n", 200)
	o := readFile(t, plainBank(), text)
	if o.err != nil || len(o.rows) != 200 || o.pages < len(text)/(pageBytes+maxRecord) {
		t.Errorf("%d rows, %d pages, %v", len(o.rows), o.pages, o.err)
	}
}

// chunks gives at most so many bytes at a time.
type chunks struct {
	io.Reader
	most int
}

func (c chunks) Read(p []byte) (int, error) { return c.Reader.Read(p[:min(c.most, len(p))]) }

// Which record is the longest does not hang on how the stream comes: a line of
// exactly the cap is a record, one byte more is not, with quotes or without.
func TestTheLongestRecordIsTheSameHoweverItComes(t *testing.T) {
	field := strings.Repeat("x", 60_000)
	for _, quote := range []string{"", "\"", "\"\n\""} { // none, one that never closes, a record of two lines
		for _, n := range []int{maxRecord - 1, maxRecord, maxRecord + 1, maxRecord + 2, maxRecord + 4095, maxRecord + 5000} {
			text := quote + ";" + strings.Repeat(field+";", n/(len(field)+1)-1)
			text += strings.Repeat("y", (n-len(text))/2) + ";" + strings.Repeat("z", n-len(text)-(n-len(text))/2-1)
			if len(text) != n {
				t.Fatal(len(text), n)
			}
			var all []string
			for _, most := range []int{maxRecord + 8192, 60_001, 20_000} {
				got := records(newScanner(chunks{strings.NewReader(text + "\na;b\n"), most}, ';'))
				for i := range got {
					got[i] = fmt.Sprintf("%d bytes %.12q", len(got[i]), got[i])
				}
				all = append(all, strings.Join(got, ", "))
			}
			if all[0] != all[1] || all[0] != all[2] {
				t.Errorf("%q, %d bytes: %q", quote, n, all)
			}
			if whole := !strings.Contains(all[0], "bad"); whole != (quote != "\"" && n <= maxRecord) {
				t.Errorf("%q, %d bytes: %s", quote, n, all[0])
			}
		}
	}
}
