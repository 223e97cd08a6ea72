// Command bench measures the main job as a whole process: a wallet upstream
// that serves pages from memory, the real binary, the real embedded ClickHouse.
// It prints figures of one run and their ratio to what ClickHouse itself needs
// for the same rows; nothing here is a timed test.
//
//	go run ./cmd/internal/bench -paylake bin/paylake -rows 1000000
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

type options struct {
	paylake string
	rows    int
	window  int
	wallets int
	dir     string
	native  bool
	trace   bool
	pairs   int
	log     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	flag.StringVar(&o.paylake, "paylake", "bin/paylake", "the binary under test")
	flag.IntVar(&o.rows, "rows", 1_000_000, "ledger rows")
	flag.IntVar(&o.window, "window", 100_000, "rows in a window (a day)")
	flag.IntVar(&o.wallets, "wallets", 1, "wallets that share the rows")
	flag.BoolVar(&o.native, "native", true, "also measure ClickHouse's own reading and writing of the same rows")
	flag.BoolVar(&o.trace, "trace", false, "print when each manifest was made and published")
	flag.IntVar(&o.pairs, "log-pairs", 0, "instead: so many runs with the transparency log and as many without, and what it adds to their CPU")
	flag.Parse()
	o.log = true
	exe, err := filepath.Abs(o.paylake)
	if err != nil {
		return err
	}
	o.paylake = exe
	up, err := newUpstream(o)
	if err != nil {
		return err
	}
	defer up.Close()
	fmt.Printf("rows %d in %d wallet(s), windows of %d, pages of %d, %.0f MB of JSON, started %s\n",
		o.rows, o.wallets, o.window, pageRows, float64(up.bytes)/1e6, time.Now().UTC().Format(time.DateTime))

	if o.pairs > 0 {
		return logShare(ctx, o, up)
	}
	p, remove, err := startPipeline(ctx, o, up)
	defer remove()
	if err != nil {
		return err
	}
	defer p.stop()
	result, err := p.run(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("paylake: first request → published and verified   %8.3f s  %9.0f rows/s  %6.1f MB/s\n",
		result.took.Seconds(), float64(o.rows)/result.took.Seconds(), float64(up.bytes)/1e6/result.took.Seconds())
	fmt.Printf("paylake: whole process %.3f s, CPU %.3f s, peak memory %.0f MiB; ClickHouse's CPU meanwhile %.2f s; served %d pages\n",
		result.wall.Seconds(), result.cpu.Seconds(), float64(result.peak)/(1<<20), result.engine.Seconds(), up.pagesServed.Load())
	if !o.native {
		return nil
	}
	native, err := p.native(ctx, up)
	if err != nil {
		return err
	}
	fmt.Printf("ClickHouse: JSONEachRow → MergeTree %.3f s, → Parquet %.3f s, together %.3f s\n",
		native.mergeTree.Seconds(), native.parquet.Seconds(), (native.mergeTree + native.parquet).Seconds())
	fmt.Printf("ratio %.3f (required ≤ 1.0, aim ≤ 0.35)\n", result.took.Seconds()/(native.mergeTree+native.parquet).Seconds())
	return nil
}
