package mpay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// allocated is how many bytes this process has asked for so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// Answers of 10 GB, as they are and as a few compressed megabytes, and one that
// drips: an error that says so, after 32 MiB or the time that an answer may take.
func TestAnswersWithoutEnd(t *testing.T) {
	const block = 64 << 20
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, _ = z.Write(make([]byte, block))
	_ = z.Close()
	plain := make([]byte, 1<<20)
	var served atomic.Int64
	for name, c := range map[string]struct {
		serve func(w http.ResponseWriter)
		kind  error
		says  string
	}{
		"10 GB": {func(w http.ResponseWriter) {
			for served.Load() < 10<<30 {
				n, err := w.Write(plain)
				if served.Add(int64(n)); err != nil {
					return
				}
			}
		}, sources.ErrShape, "larger than 32 MiB"},
		"a bomb of 10 GB": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			for range 10 << 30 / block {
				if _, err := w.Write(member.Bytes()); err != nil {
					return
				}
			}
		}, sources.ErrShape, "larger than 32 MiB"},
		"a drip": {func(w http.ResponseWriter) {
			for range 200 {
				if _, err := w.Write([]byte{' '}); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, sources.ErrTransient, "out of reach"},
	} {
		t.Run(name, func(t *testing.T) {
			served.Store(0)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.serve(w) }))
			defer server.Close()
			up := newWorld(t, mpaytest.Options{PageSize: 5}).up
			up.base, up.client = server.URL, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
			if name == "a drip" {
				up.client.Timeout = 200 * time.Millisecond
			}
			before, began := allocated(), time.Now()
			_, err := up.send(t.Context(), request{method: http.MethodGet, path: "/x", what: "statement"})
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if took := allocated() - before; took > 256<<20 {
				t.Errorf("%d MiB were asked for", took>>20)
			}
			if name == "a drip" && time.Since(began) > 5*time.Second || served.Load() > 1<<30 {
				t.Errorf("after %s and %d MiB", time.Since(began), served.Load()>>20)
			}
		})
	}
}

// Very many pages of two rows, of which one is new: every row comes, memory
// follows what was seen (a hash of each row and each cursor), and there is one
// request for each page. PAYLAKE_TEST_PAGES=1000000 for the large size.
func TestTinyPages(t *testing.T) {
	pages := 5000
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_PAGES")); err == nil {
		pages = n
	}
	list := &tinyPages{n: pages}
	up, _ := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("asked over the network") })
	up.client = &http.Client{Transport: list}
	rows, came, most := 0, 0, uint64(0)
	before := live()
	for page, err := range up.Ledger("w").Pages(t.Context(), march, "") {
		if err != nil {
			t.Fatal(err)
		}
		rows += int(page.Rows.NumRows())
		page.Rows.Release()
		if came++; came%(pages/4) == 0 {
			most = max(most, live())
		}
	}
	if rows != list.shown || came != pages || list.asked != pages {
		t.Errorf("%d rows of %d, %d pages, %d requests", rows, list.shown, came, list.asked)
	}
	held := int64(most) - int64(before)
	if held > int64(16<<20+200*pages) {
		t.Errorf("%d MiB are held", held>>20)
	}
	t.Logf("%d pages, %d requests, %d MiB held", pages, list.asked, held>>20)
}

// tinyPages is a statement of so many pages, each of which repeats the last row
// of the one before it.
type tinyPages struct{ n, asked, shown int }

func (p *tinyPages) RoundTrip(r *http.Request) (*http.Response, error) {
	at := 0
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(cursor, "c"))
		if err != nil {
			return nil, err
		}
		at = n
	}
	p.asked++
	var body bytes.Buffer
	body.WriteString(`{"currency":"AZN","rows":[`)
	for i := at; i < at+2; i++ {
		if i > at {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"o%d","posted_at":"2026-03-18T11:02:11+04:00","type":"bill_pay","amount":-1.00}`, i)
		p.shown++
	}
	body.WriteString(`]`)
	if at+1 < p.n {
		fmt.Fprintf(&body, `,"next_cursor":"c%d"`, at+1)
	}
	body.WriteString(`}`)
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body.Bytes())
	return w.Result(), nil
}

// live is what the heap holds.
func live() uint64 {
	runtime.GC()
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
