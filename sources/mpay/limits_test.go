package mpay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
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
