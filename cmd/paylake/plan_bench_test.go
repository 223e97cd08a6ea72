package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manyWallets writes a configuration of n wallets with one pipeline that owes
// three windows of each.
func manyWallets(tb testing.TB, n int) (file string) {
	tb.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, `lake: file://./lake
state: sqlite://./state.db
data_dir: ./data
secrets: base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4=
keys: {pseudonym: env:PAYLAKE_PSEUDONYM_KEY}
pipelines:
  ledger: {source: mpay, table: ledger, start: %s}
sources:
  mpay:
    type: mpay
    url: https://wallet.example/
    server_key: env:MPAY_SERVER_KEY
    time_zone: UTC
    wallets:
`, time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly))
	for i := range n {
		fmt.Fprintf(&b, "      - {wallet_id: wlt_%06d, msisdn: \"+99450%07d\", otp: {exec: [./read-otp]}}\n", i, 1_000_000+i)
	}
	file = filepath.Join(tb.TempDir(), "paylake.yaml")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// cpu is the processor time of this process so far.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPlanManyWallets plans 100,000 wallets from their configuration to the
// last line of output; the aim is less than two seconds.
func BenchmarkPlanManyWallets(b *testing.B) {
	file := manyWallets(b, 100_000)
	for _, args := range [][]string{{}, {"--json"}} {
		b.Run("plan"+strings.Join(args, ""), func(b *testing.B) {
			began := cpu(b)
			for b.Loop() {
				if code := run(b.Context(), append([]string{"-c", file, "plan"}, args...), os.Getenv, strings.NewReader(""), io.Discard, io.Discard); code != 0 {
					b.Fatal(code)
				}
			}
			b.ReportMetric((cpu(b)-began).Seconds()/float64(b.N), "CPU-s/op")
		})
	}
}
