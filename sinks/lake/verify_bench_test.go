package lake

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/translog"
)

// cpu is the processor time of this process so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchRows(n int, step time.Duration, wide bool) []ledgerRow {
	rows := ledgerRows(ledgerSpec{rows: n, step: step})
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range rows {
		if wide {
			rows[i].id = fmt.Sprintf("%016x%016x", rng.Uint64(), rng.Uint64())
			rows[i].reference = fmt.Sprintf("%016x%016x%016x", rng.Uint64(), rng.Uint64(), rng.Uint64())
		}
	}
	return rows
}

// BenchmarkVerify verifies 500,000 ledger rows. narrow: numbered ids, 19 bytes a
// row. wide: random ids and references, as upstreams have them.
func BenchmarkVerify(b *testing.B) {
	for name, spread := range map[string]bool{"narrow": false, "wide": true} {
		b.Run(name, func(b *testing.B) {
			l := openTest(b, fileBucketOf(b), false)
			const n = 500_000
			rows := benchRows(n, 5*time.Second, spread)
			for d := 0; d < 31; d++ {
				commit(b, l, partOf(b, "wlt_1", days(d, d+1), within(rows, days(d, d+1)), 1000))
			}
			var bytes int64
			b.ResetTimer()
			before := cpu(b)
			for b.Loop() {
				r, err := Verify(b.Context(), l.URL(), VerifyOptions{})
				if err != nil {
					b.Fatal(err)
				}
				bytes = r.Bytes
			}
			used := (cpu(b) - before).Seconds()
			b.SetBytes(bytes)
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(bytes)/n, "B/row")
			b.ReportMetric(float64(b.N)*float64(bytes)/1e6/used, "MB/cpu-s")
			b.ReportMetric(float64(b.N)*n/used, "rows/cpu-s")
		})
	}
}

// BenchmarkFloor is what no verifier can do without, on the objects of
// BenchmarkVerify and one core: SHA-256, then decompressing and decoding every
// page; and everything that is computed from one object.
func BenchmarkFloor(b *testing.B) {
	for _, wide := range []bool{false, true} {
		name := map[bool]string{false: "narrow", true: "wide"}[wide]
		l := openTest(b, fileBucketOf(b), false)
		commit(b, l, partOf(b, "wlt_1", days(0, 1), benchRows(100_000, 800*time.Millisecond, wide), 1000))
		var e Entry
		for m, err := range l.Manifests(b.Context(), 1) {
			if err != nil {
				b.Fatal(err)
			}
			e = m
		}
		data, err := l.bucket.Read(b.Context(), e.Objects[0].Path, 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		step := func(what string, do func()) {
			b.Run(name+"/"+what, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				before := cpu(b)
				for b.Loop() {
					do()
				}
				b.ReportMetric(float64(b.N)*float64(len(data))/1e6/(cpu(b)-before).Seconds(), "MB/cpu-s")
			})
		}
		step("sha256", func() { digest(data) })
		s, err := newScanner()
		if err != nil {
			b.Fatal(err)
		}
		step("decode", func() {
			if err := s.open(data, Schema(schemas.Ledger)); err != nil {
				b.Fatal(err)
			}
			for n := 1; n > 0; {
				if n, err = s.next(); err != nil {
					b.Fatal(err)
				}
			}
		})
		s.close()
		v := &verifier{bucket: l.bucket, url: l.URL(), manifests: []Entry{e}}
		step("examine", func() {
			facts, err := v.examine(b.Context(), objectRef{Object: e.Objects[0], id: tableID{"mpay", "ledger"}}, keepChain)
			if err != nil || len(v.report.Findings) > 0 {
				b.Fatal(err, v.report.Findings)
			}
			v.spare.put(facts.rows)
		})
	}
}

// BenchmarkVerifySnapshots verifies a lake of 1,000 manifests and its log.
func BenchmarkVerifySnapshots(b *testing.B) {
	l := openTest(b, fileBucketOf(b), false)
	signer := signerOf(b, "")
	log := l.Log(LogOptions{Signer: signer})
	const n = 1000
	rows := ledgerRows(ledgerSpec{rows: n * 50, step: time.Minute})
	for i := range n {
		w := days(0, 1)
		w.From, w.To = day0.Add(time.Duration(i)*50*time.Minute), day0.Add(time.Duration(i+1)*50*time.Minute)
		commit(b, l, partOf(b, "wlt_1", w, rows[i*50:(i+1)*50], 50))
		if _, err := log.Follow(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	before := cpu(b)
	for b.Loop() {
		r, err := Verify(b.Context(), l.URL(), VerifyOptions{Keys: signer.Verifiers()})
		if err != nil || r.Log.Size != n {
			b.Fatal(r.Log, err)
		}
	}
	b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N), "cpu-s/op")
}

// BenchmarkLog commits 100,000 rows and logs the manifest: share is what the log
// adds to a commit's processor time. Waiting for the disk is not in it.
func BenchmarkLog(b *testing.B) {
	l := openTest(b, fileBucketOf(b), false)
	log := l.Log(LogOptions{Signer: signerOf(b, ""), Known: translog.Verifiers{}})
	var committing, logging time.Duration
	for i := 0; b.Loop(); i++ {
		rows := ledgerRows(ledgerSpec{rows: 100_000, wallet: fmt.Sprint("wlt_", i), step: 500 * time.Millisecond})
		p := partOf(b, fmt.Sprint("wlt_", i), days(0, 1), rows, 1000)
		at := cpu(b)
		commit(b, l, p)
		mid := cpu(b)
		if _, err := log.Follow(b.Context()); err != nil {
			b.Fatal(err)
		}
		committing, logging = committing+mid-at, logging+cpu(b)-mid
	}
	b.ReportMetric(100*float64(logging)/float64(committing), "%share")
	b.ReportMetric(1000*logging.Seconds()/float64(b.N), "cpu-ms/checkpoint")
}
