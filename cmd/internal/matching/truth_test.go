package matching

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/cmd/internal/match/matchtest"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// planted puts the generated systems into the lake: transfers out of wallets, and
// what a bank books for them.
func (h *house) planted(t testing.TB, w *matchtest.World) {
	t.Helper()
	var sides [2][]*match.Fact
	for _, f := range w.Facts {
		sides[f.Side] = append(sides[f.Side], f)
	}
	ref := func(f *match.Fact) string {
		if len(f.Refs) == 0 {
			return ""
		}
		return f.Refs[len(f.Refs)-1]
	}
	h.commit(t, schemas.Ledger, "mpay", len(sides[0]), func(i int) row {
		f := sides[0][i]
		return row{"wallet_id": f.Key.Account, "entry_id": f.Key.ID, "posted_at": f.At, "business_date": f.Date, "type": "transfer_out", "status": "posted", "currency": f.Currency,
			"amount_minor": -f.Amount, "fee_minor": -f.Fee, "counterparty": f.Person, "external_reference": ref(f)}
	})
	h.commit(t, schemas.BankEntries, "bank", len(sides[1]), func(i int) row {
		f := sides[1][i]
		return row{"account_id": f.Key.Account, "entry_id": f.Key.ID, "booked_at": f.At, "business_date": f.Date, "booking_date": f.Date, "status": "booked", "currency": f.Currency,
			"amount_minor": -f.Amount, "counterparty": f.Person, "external_reference": ref(f)}
	})
}

func rowsOfTest(t testing.TB, usual int) int {
	t.Helper()
	text := os.Getenv("PAYLAKE_MATCH_ROWS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Rows in a real lake and a real warehouse are matched as they were generated,
// and a second time nothing is committed. PAYLAKE_MATCH_ROWS is the size.
func TestWarehouseTruth(t *testing.T) {
	w := matchtest.Generate(1, rowsOfTest(t, 10_000), false)
	h := newHouse(t)
	h.planted(t, w)
	rule := Rule{Rule: matchtest.Rule(), Left: "transfer", Right: "bank_debit"}
	rule.Name = "planted"
	in := Input{Warehouse: h.ch, Snapshot: h.follow(t), Lake: h.lake, Decisions: &decisions.Ledger{}, Rules: []Rule{rule}, TempDir: t.TempDir()}
	planted, links := make(map[[2]uint64]bool, len(w.Truth)), len(w.Truth)
	for k := range w.Truth {
		planted[hashOf(k[0].ID, k[1].ID)] = true
	}
	w = nil // a run does not hold the rows, and works within these bounds
	defer debug.SetGCPercent(debug.SetGCPercent(75))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(176 << 20))
	peak := heapPeak(t)
	began, worked := time.Now(), cpu(t)
	out, err := Step(t.Context(), in)
	took := time.Since(began)
	used := cpu(t) - worked
	if err != nil {
		t.Fatal(err)
	}
	sum := out.Rules["planted"]
	h.follow(t)
	right, all := 0, 0
	err = h.ch.Records(t.Context(), "SELECT left_id, right_id FROM matches WHERE state = 'matched'", clickhouse.Query{User: "auditor"}, func(rec arrow.Record) error {
		text := func(c, i int) string { return rec.Column(c).(*array.String).Value(i) }
		for i := range int(rec.NumRows()) {
			all++
			if planted[hashOf(text(0, i), text(1, i))] {
				right++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	precision, recall := float64(right)/float64(all), float64(right)/float64(links)
	t.Logf("%d × %d rows, %d true pairs: %d found, precision %.4f, recall %.4f, %d ambiguous, largest block %d; matched and committed in %v on %d cores, of which this process worked %v and ClickHouse the rest; its heap grew by %d MiB at most",
		sum.Left, sum.Right, links, all, precision, recall, sum.Ambiguous, sum.Largest, took.Round(time.Millisecond), runtime.GOMAXPROCS(0), used.Round(time.Millisecond), peak()>>20)
	if precision < 0.99 || recall < 0.98 {
		t.Errorf("precision %.4f (0.99 is required), recall %.4f (0.98)", precision, recall)
	}
	began = time.Now()
	if out, err = Step(t.Context(), in); err != nil || out.Manifest != 0 || out.Inserted+out.Retracted != 0 {
		t.Errorf("again: %+v %v", out, err)
	}
	t.Logf("again, with nothing to commit: %v", time.Since(began).Round(time.Millisecond))
}

// hashOf stands for a pair of rows, in little memory.
func hashOf(left, right string) (h [2]uint64) {
	sum := sha256.Sum256([]byte(left + " " + right))
	return [2]uint64{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}

// cpu is how long this process has worked, without its ClickHouse.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heapPeak watches the heap until it is asked.
func heapPeak(t testing.TB) func() uint64 {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, top := m.HeapAlloc, uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			runtime.ReadMemStats(&m)
			top = max(top, m.HeapAlloc)
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); <-done; return top - min(base, top) }
}
