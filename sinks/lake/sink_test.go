package lake

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/blob/memblob"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/sinktest"
)

// Every example opens lakes of its own, so 25 are drawn, or PAYLAKE_TEST_CASES.
func TestMain(m *testing.M) {
	checks := cmp.Or(os.Getenv("PAYLAKE_TEST_CASES"), "25")
	if err := flag.Set("rapid.checks", checks); err != nil {
		fmt.Println("PAYLAKE_TEST_CASES:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func testNow() time.Time { return time.Date(2026, 4, 10, 12, 0, 0, 0, time.UTC) }

// openTest opens a lake on a bucket; small lowers every limit.
func openTest(t testing.TB, b bucket, small bool) *Lake {
	t.Helper()
	l, err := open(context.Background(), b, func() error { return nil },
		Options{URL: "mem://", TempDir: t.TempDir(), Now: testNow, SkipProbe: true, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := b.(*fileBucket); ok {
		l.opts.URL = "file://" + f.root
	}
	if small {
		l.limits = limits{objectRows: 3, chunkRows: 5, runRows: 3, cacheBytes: 200}
		l.cache = newCache(l.limits.cacheBytes)
	}
	return l
}

func fileBucketOf(t testing.TB) *fileBucket {
	t.Helper()
	b, err := newFileBucket(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSink(t *testing.T) {
	buckets := map[string]func(t testing.TB) bucket{
		"file": func(t testing.TB) bucket { return fileBucketOf(t) },
		"mem":  func(testing.TB) bucket { return cloudBucket{b: memblob.OpenBucket(nil)} },
	}
	for name, make := range buckets { // the folder with usual limits, memory with everything spilled
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, func(t testing.TB) func() sinks.Sink {
				b := make(t)
				t.Cleanup(func() { // whatever a test did to the lake, it verifies
					if _, err := verifyBucket(context.Background(), b, "mem://lake", VerifyOptions{}); err != nil {
						t.Error(err)
					}
				})
				return func() sinks.Sink { return openTest(t, b, name == "mem") }
			})
		})
	}
}
