package lake

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake/s3test"
	"github.com/paylake/paylake/sinks/sinktest"
)

// These tests talk to a real S3 server.

func s3Bucket(t testing.TB, url string) bucket {
	t.Helper()
	b, closeBucket, err := openBucket(t.Context(), url, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeBucket() })
	return b
}

func s3Lake(t testing.TB, url string) *Lake {
	t.Helper()
	l, err := Open(t.Context(), Options{URL: url, TempDir: t.TempDir(), Now: testNow, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestS3Sink: the promises of a sink hold on S3 as they do in a folder.
func TestS3Sink(t *testing.T) {
	s := s3test.New(t)
	checks := flag.Lookup("rapid.checks").Value
	usual := checks.String()
	if err := checks.Set("10"); err != nil { // every example is many requests
		t.Fatal(err)
	}
	defer func() { _ = checks.Set(usual) }()
	sinktest.Run(t, func(t testing.TB) func() sinks.Sink {
		url := s.URL(s.Bucket(t))
		b := s3Bucket(t, url)
		t.Cleanup(func() {
			if _, err := verifyBucket(context.Background(), b, url, VerifyOptions{}); err != nil {
				t.Error(err)
			}
		})
		return func() sinks.Sink { return openTest(t, b, false) }
	})
}

func TestS3CreateHasOneWinner(t *testing.T) {
	s := s3test.New(t)
	b := s3Bucket(t, s.URL(s.Bucket(t)))
	for i := range 1000 {
		if wins := race(t, b, fmt.Sprintf("manifests/%d", i)); wins != 1 {
			t.Fatalf("race %d had %d winners", i, wins)
		}
	}
}

// TestS3Probe: behind a gateway that forgets If-None-Match every writer wins,
// and such a lake is not opened.
func TestS3Probe(t *testing.T) {
	s := s3test.New(t)
	name := s.Bucket(t)
	if err := CheckBucket(t.Context(), s.URL(name)); err != nil {
		t.Fatal(err)
	}
	var stripped atomic.Int64
	forgetful := s3test.URL(name, s.Proxy(t, func(r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			stripped.Add(1)
			r.Header.Del("If-None-Match")
		}
	}))
	_, err := Open(t.Context(), Options{URL: forgetful, TempDir: t.TempDir(), Now: testNow})
	if err == nil || !strings.Contains(err.Error(), "8 of 8 writers") || stripped.Load() != 8 {
		t.Fatalf("%d preconditions were taken away, and: %v", stripped.Load(), err)
	}
	honest := s3test.URL(name, s.Proxy(t, func(*http.Request) {}))
	if err := CheckBucket(t.Context(), honest); err != nil {
		t.Fatalf("the gateway itself is at fault: %v", err)
	}
	if left, _ := os.ReadDir(s.Path(name, "probe")); len(left) != 0 {
		t.Errorf("the probe left %d objects", len(left))
	}
}

// taken counts writers that came second, and lets those of the first manifest
// begin together.
type taken struct {
	bucket
	start *sync.WaitGroup
	n     *atomic.Int64
}

func (b taken) Create(ctx context.Context, key string, data []byte) error {
	if key == manifestKey(1) {
		b.start.Done()
		b.start.Wait()
	}
	err := b.bucket.Create(ctx, key, data)
	if errors.Is(err, errTaken) && strings.HasPrefix(key, "manifests/") {
		b.n.Add(1)
	}
	return err
}

// TestS3TwoLakes: of two processes that commit at once one gets 412, reads what
// the other has published, compares again and publishes after it.
func TestS3TwoLakes(t *testing.T) {
	s := s3test.New(t)
	url := s.URL(s.Bucket(t))
	rows := ledgerRows(ledgerSpec{rows: 240, step: 6 * time.Hour})
	var second atomic.Int64
	var inserted, duplicates atomic.Int64
	var wg, start sync.WaitGroup
	start.Add(2)
	for range 2 {
		l := s3Lake(t, url)
		l.bucket = taken{l.bucket, &start, &second}
		wg.Go(func() {
			for d := 0; d < 60; d += 5 { // both read the same windows
				w := days(d, d+5)
				r, err := l.Commit(context.Background(), batchOf(partOf(t, "wlt_1", w, within(rows, w), 10)))
				if err != nil {
					t.Error(err)
					return
				}
				inserted.Add(r.Inserted)
				duplicates.Add(r.Duplicates)
			}
		})
	}
	wg.Wait()
	if second.Load() == 0 {
		t.Error("nobody came second: this run proved nothing")
	}
	if inserted.Load() != 240 || duplicates.Load() != 240 {
		t.Errorf("%d inserted, %d duplicates, want 240 each", inserted.Load(), duplicates.Load())
	}
	r, err := Verify(t.Context(), url, VerifyOptions{})
	if err != nil || r.Visible != 240 {
		t.Fatalf("%d visible: %v", r.Visible, err)
	}
}

// TestS3Tampering changes one bit of every stored object, behind the server.
func TestS3Tampering(t *testing.T) {
	s := s3test.New(t)
	name := s.Bucket(t)
	url := s.URL(name)
	l := s3Lake(t, url)
	history(t, l)
	changed := 0
	for f, err := range l.bucket.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if f.Key == manifestKey(5) {
			continue
		}
		changed++
		undo := damage(t, s.Path(name, f.Key))
		r, err := Verify(t.Context(), url, VerifyOptions{})
		undo()
		if errors.Is(err, sinks.ErrNewer) {
			continue // the bit fell on a manifest's format
		}
		full := "s3://" + name + "/" + f.Key
		if !errors.Is(err, sinks.ErrCorrupt) || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Path == full }) {
			t.Errorf("%s: not found or not named: %v", full, err)
		}
	}
	if changed < 6 {
		t.Fatalf("only %d objects were changed", changed)
	}
	if _, err := Verify(t.Context(), url, VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
}

func damage(t *testing.T, path string) (undo func()) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad := slices.Clone(raw)
	bad[len(bad)/3] ^= 1
	write(bad)
	return func() { write(raw) }
}

// TestS3Refusals: each trouble has one sentence with what to do, and no secret.
func TestS3Refusals(t *testing.T) {
	s := s3test.New(t)
	name := s.Bucket(t)
	history(t, s3Lake(t, s.URL(name)))
	silent := s3test.URL(name, "http://127.0.0.1:1")
	expect := func(what, says string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") ||
			strings.Contains(err.Error(), s.SecretKey) || errors.Is(err, sinks.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	reader := s.ReadOnly(t).URL(name)
	expect("read only", "refuses these credentials", CheckBucket(t.Context(), reader))
	if _, err := Verify(t.Context(), reader, VerifyOptions{}); err != nil {
		t.Errorf("verify needs to write: %v", err)
	}
	expect("no bucket", "there is no such bucket", CheckBucket(t.Context(), s.URL("nowhere")))
	_, err := Verify(t.Context(), s.URL("nowhere"), VerifyOptions{})
	expect("verify of no bucket", "there is no such bucket", err)
	_, err = Open(t.Context(), Options{URL: s.URL("nowhere"), Now: testNow, SkipProbe: true})
	expect("read of no bucket", "there is no such bucket", err)
	_, err = Open(t.Context(), Options{URL: silent, Now: testNow, SkipProbe: true})
	expect("nobody there", "connection refused", err)
	if !errors.Is(err, sinks.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong-"+s.SecretKey[:6])
	expect("wrong key", "refuses these credentials", CheckBucket(t.Context(), s.URL(name)))
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	expect("no key", "refuses these credentials", CheckBucket(t.Context(), s.URL(name)))
}

// TestS3Conflict: while two writes of one key are under way S3 may answer 409,
// "try again", to both. That is neither a victory nor a defeat.
func TestS3Conflict(t *testing.T) {
	s := s3test.New(t)
	behind, err := url.Parse(s.Proxy(t, func(*http.Request) {}))
	if err != nil {
		t.Fatal(err)
	}
	var conflicts atomic.Int64
	pass := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == "" || conflicts.Add(1) > 3 {
			pass.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, "<Error><Code>ConditionalRequestConflict</Code><Message>A conflicting conditional operation is under way.</Message></Error>")
	}))
	defer front.Close()
	b := s3Bucket(t, s3test.URL(s.Bucket(t), front.URL))
	if err := b.Create(t.Context(), "manifests/1", []byte("mine")); err != nil || conflicts.Load() != 4 {
		t.Fatalf("%d requests: %v", conflicts.Load(), err)
	}
	if err := b.Create(t.Context(), "manifests/1", []byte("other")); !errors.Is(err, errTaken) {
		t.Fatal(err)
	}
}
