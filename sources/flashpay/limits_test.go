package flashpay

import (
	"bytes"
	"compress/gzip"
	"errors"
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

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// allocated is how many bytes this process has asked for so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func limitsUpstream(t *testing.T, url string, change func(*Config)) *Upstream {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Bishkek")
	if err != nil {
		t.Fatal(err)
	}
	people, err := schemas.NewPseudonymizer(1, bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Name: "psp", DataURL: url + "/v1", ProjectID: 210, Token: "t", TokenSecret: "s", Zone: zone, Pseudonyms: people, Now: time.Now,
		PageSize: 2, Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	change(&cfg)
	up, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return up
}

// Answers of 10 GB, as they are and as a few compressed megabytes, and one that
// drips: an error that says so, after 64 MiB or the time that an answer may take.
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
		}, sources.ErrShape, "larger than 67108864 bytes"},
		"a bomb of 10 GB": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			for range 10 << 30 / block {
				if _, err := w.Write(member.Bytes()); err != nil {
					return
				}
			}
		}, sources.ErrShape, "larger than 67108864 bytes"},
		"a drip": {func(w http.ResponseWriter) {
			for range 2000 {
				if _, err := w.Write([]byte{' '}); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, sources.ErrTransient, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			served.Store(0)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.serve(w) }))
			defer server.Close()
			up := limitsUpstream(t, server.URL, func(cfg *Config) {
				if name == "a drip" {
					cfg.Wait = 200 * time.Millisecond
				}
			})
			before := allocated()
			err := up.Ping(t.Context())
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if took := allocated() - before; took > 512<<20 {
				t.Errorf("%d MiB were asked for", took>>20)
			}
			if served.Load() > 1<<30 {
				t.Errorf("%d MiB were read", served.Load()>>20)
			}
		})
	}
}

// tinyPages is a list of so many operations that shows two at a time.
type tinyPages struct {
	n      int
	asked  int
	secret []byte
}

func (p *tinyPages) RoundTrip(r *http.Request) (*http.Response, error) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	p.asked++
	_, rest, _ := strings.Cut(body.String(), `"offset":`)
	offset, err := strconv.Atoi(rest[:strings.IndexAny(rest, ",}")])
	if err != nil {
		return nil, err
	}
	text := []byte(`{"operations":[`)
	for i := offset; i < min(offset+2, p.n); i++ {
		if i > offset {
			text = append(text, ',')
		}
		text = append(text, `{"operation_id":"o`+strconv.Itoa(i)+`","operation_type":"sale","operation_status":"success","operation_created_at":"2026-03-01T10:00:00+06:00",`+
			`"payment_id":"p","project_id":"210","sum_initial":{"amount":1,"currency":"KGS"}}`...)
	}
	text = append(text, `]}`...)
	signature, err := Sign(text, p.secret)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	_, _ = w.Write(append(text[:len(text)-1], `,"signature":"`+signature+`"}`...))
	return w.Result(), nil
}

// Very many pages of two rows, of which one is new: every row comes, memory
// follows the rows that were seen (a place and a hash of each), and the number of
// requests follows the number of pages. PAYLAKE_TEST_PAGES=1000000 for the large size.
func TestTinyPages(t *testing.T) {
	pages := 5000
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_PAGES")); err == nil {
		pages = n
	}
	list := &tinyPages{n: pages, secret: []byte("s")}
	up := limitsUpstream(t, "http://platform.test", func(cfg *Config) { cfg.Client = &http.Client{Transport: list} })
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	rows, most := 0, uint64(0)
	before := live()
	for page, err := range up.Operations().Pages(t.Context(), sources.Window{From: from, To: from.Add(24 * time.Hour)}, "") {
		if err != nil {
			t.Fatal(err)
		}
		rows += int(page.Rows.NumRows())
		page.Rows.Release()
		if rows%(pages/4) == 0 {
			most = max(most, live())
		}
	}
	if rows != pages || list.asked > pages+10 {
		t.Errorf("%d rows of %d, %d requests", rows, pages, list.asked)
	}
	held := int64(most) - int64(before)
	if held > int64(16<<20+200*pages) {
		t.Errorf("%d MiB are held", held>>20)
	}
	t.Logf("%d pages, %d requests, %d MiB held", pages, list.asked, held>>20)
}

// live is what the heap holds.
func live() uint64 {
	runtime.GC()
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
