package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// pipeline is the binary under test with a fresh lake and a warehouse that
// another process holds, as beside `paylake up`.
type pipeline struct {
	o         options
	up        *upstream
	warehouse *exec.Cmd
	env       []string
}

const configuration = `lake: file://%[1]s/lake
warehouse: embedded
state: sqlite://%[1]s/state.db
data_dir: %[1]s/data
secrets: base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4=
keys: {pseudonym: env:BENCH_PSEUDONYM_KEY}
sources:
  mpay:
    type: mpay
    url: %[2]s
    server_key: env:BENCH_SERVER_KEY
    time_zone: Asia/Baku
    wallets:
%[3]s
pipelines:
  ledger: {source: mpay, table: ledger, start: 2026-01-01, window: 24h, lookback: 24h}
`

// startPipeline makes a folder for everything, which remove takes away.
func startPipeline(ctx context.Context, o options, up *upstream) (p *pipeline, remove func(), err error) {
	if o.dir, err = os.MkdirTemp("", "paylake-bench-"); err != nil {
		return nil, func() {}, err
	}
	remove = func() { _ = os.RemoveAll(o.dir) }
	p, err = newPipeline(ctx, o, up)
	return p, remove, err
}

func newPipeline(ctx context.Context, o options, up *upstream) (*pipeline, error) {
	if !o.log {
		if err := othersLog(ctx, "file://"+o.dir+"/lake"); err != nil {
			return nil, err
		}
	}
	var wallets strings.Builder
	for i := range o.wallets {
		fmt.Fprintf(&wallets, "      - {wallet_id: %s, msisdn: %q, otp: {exec: [/bin/echo, \"000000\"]}}\n", walletID(i), msisdn(i))
	}
	text := fmt.Sprintf(configuration, o.dir, up.url, wallets.String())
	if err := os.WriteFile(filepath.Join(o.dir, "paylake.yaml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	p := &pipeline{o: o, up: up, env: append(os.Environ(),
		"BENCH_SERVER_KEY="+serverKey, "BENCH_PSEUDONYM_KEY="+strings.Repeat("bench-only", 4))}
	if out, err := p.command(ctx, "consent", "grant", "--all").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("paylake consent grant: %w\n%s", err, out)
	}
	p.warehouse = p.command(ctx, "warehouse")
	p.warehouse.Stderr = os.Stderr
	if err := p.warehouse.Start(); err != nil {
		return nil, fmt.Errorf("start the warehouse: %w", err)
	}
	return p, p.ready(ctx)
}

func (p *pipeline) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, p.o.paylake, append([]string{"-c", filepath.Join(p.o.dir, "paylake.yaml")}, args...)...)
	c.Env = p.env
	return c
}

func (p *pipeline) ready(ctx context.Context) error {
	for range 120 {
		if _, err := os.Stat(filepath.Join(p.o.dir, "data", "warehouse.json")); err == nil {
			if _, err := p.query(ctx, "SELECT 1 AS one"); err == nil {
				return nil
			}
		}
		time.Sleep(250 * time.Millisecond)
	}
	return errors.New("the embedded warehouse did not come up in 30 s; its words are above")
}

func (p *pipeline) stop() {
	_ = p.warehouse.Process.Signal(syscall.SIGTERM)
	_ = p.warehouse.Wait()
}

type result struct {
	took, wall, cpu time.Duration
	engine          time.Duration // CPU of ClickHouse meanwhile
	peak            int64         // bytes
}

// run moves every row and reads back when the last snapshot was published.
func (p *pipeline) run(ctx context.Context) (result, error) {
	var stderr bytes.Buffer
	c := p.command(ctx, "run", "--from", "2026-01-01", "--to", firstDay.AddDate(0, 0, p.days()).Format(time.DateOnly))
	c.Stdout, c.Stderr = &stderr, &stderr
	begin, before := time.Now(), p.engineCPU()
	if err := c.Start(); err != nil {
		return result{}, fmt.Errorf("paylake run: %w", err)
	}
	watch := watchPeak(c.Process.Pid)
	err := c.Wait()
	r := result{wall: time.Since(begin), peak: watch(), engine: p.engineCPU() - before}
	if err != nil {
		return r, fmt.Errorf("paylake run: %w\n%s", err, stderr.String())
	}
	r.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	rows, err := p.query(ctx, "SELECT toString(sum(inserted)) AS n, toString(toUnixTimestamp64Micro(toDateTime64(max(published_at), 6))) AS at FROM snapshots")
	if err != nil {
		return r, err
	}
	if n := fmt.Sprint(rows[0]["n"]); n != fmt.Sprint(p.o.rows) {
		return r, fmt.Errorf("published %s rows, served %d", n, p.o.rows)
	}
	var at int64
	if _, err := fmt.Sscan(fmt.Sprint(rows[0]["at"]), &at); err != nil {
		return r, fmt.Errorf("published_at: %w", err)
	}
	if p.o.trace {
		if err := p.timeline(ctx); err != nil {
			return r, err
		}
	}
	r.took = time.UnixMicro(at).Sub(p.up.firstAt)
	return r, nil
}

// engineCPU is the CPU time that ClickHouse has used so far; 0 where it cannot
// be read.
func (p *pipeline) engineCPU() time.Duration {
	var w struct {
		ChildPID int `json:"child_pid"`
	}
	data, err := os.ReadFile(filepath.Join(p.o.dir, "data", "warehouse.json"))
	if err != nil || json.Unmarshal(data, &w) != nil {
		return 0
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.ChildPID))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks time.Duration
	for _, f := range fields[11:13] { // utime and stime, in hundredths of a second
		var n time.Duration
		if _, err := fmt.Sscan(f, &n); err != nil {
			return 0
		}
		ticks += n
	}
	return ticks * time.Second / 100
}

// watchPeak follows VmHWM of a process. (The kernel's ru_maxrss is no use: a
// child inherits its parent's, and this parent holds every page.)
func watchPeak(pid int) (stop func() int64) {
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		for {
			if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
				if _, rest, ok := strings.Cut(string(b), "VmHWM:"); ok {
					var kib int64
					if _, err := fmt.Sscan(rest, &kib); err == nil {
						most = max(most, kib*1024)
					}
				}
			}
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int64 { close(done); return <-peak }
}

// timeline prints when each manifest was made and published, in seconds after
// the first request.
func (p *pipeline) timeline(ctx context.Context) error {
	rows, err := p.query(ctx, `SELECT sequence, toString(sum(inserted)) AS n, toString(toUnixTimestamp64Micro(any(created_at))) AS made,
 toString(toUnixTimestamp64Micro(any(published_at))) AS published FROM snapshots GROUP BY sequence ORDER BY sequence`)
	for _, r := range rows {
		var made, published int64
		if _, err := fmt.Sscan(fmt.Sprint(r["made"], " ", r["published"]), &made, &published); err != nil {
			return err
		}
		fmt.Printf("  manifest %v, %v rows: made %6.3f s, published %6.3f s\n", r["sequence"], r["n"],
			time.UnixMicro(made).Sub(p.up.firstAt).Seconds(), time.UnixMicro(published).Sub(p.up.firstAt).Seconds())
	}
	return err
}

func (p *pipeline) days() int { return (p.o.rows/p.o.wallets + p.o.window - 1) / p.o.window }

func (p *pipeline) query(ctx context.Context, sql string) ([]map[string]any, error) {
	var out, stderr bytes.Buffer
	c := p.command(ctx, "query", "--format", "json", sql)
	c.Stdout, c.Stderr = &out, &stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("paylake query: %w\n%s", err, stderr.String())
	}
	var answer struct{ Data []map[string]any }
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("paylake query: %w in %.200s", err, out.String())
	}
	return answer.Data, nil
}
