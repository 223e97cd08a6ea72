package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// lie is what a liar does with the first INSERT into one table.
type lie string

const (
	tellsLate   lie = "acknowledges late"          // applied, and the answer comes when nobody waits any more
	losesIt     lie = "loses what it acknowledged" // the rows go into a table that nobody reads
	appliesIt   lie = "applies what it refused"    // applied, and answered with an exception
	cutsTheLine lie = "cuts the line"              // applied, and the connection ends without an answer
)

// liar stands before a real ClickHouse and speaks its native protocol.
type liar struct {
	t        *testing.T
	server   string
	listener net.Listener
	lie      lie
	insert   []byte // the statement's beginning
	fired    atomic.Bool
	conns    sync.WaitGroup
}

func newLiar(t *testing.T, server, table string, l lie) *liar {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &liar{t: t, server: server, listener: listener, lie: l, insert: []byte("INSERT INTO " + table)}
	p.conns.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() { p.serve(c) })
		}
	})
	return p
}

func (p *liar) close() { _ = p.listener.Close(); p.conns.Wait() }

// serve passes bytes both ways. said is 0 before the INSERT, 1 after it, 2 once
// its rows are on their way: from then on the answers are the liar's own.
func (p *liar) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var said atomic.Int32
	var both sync.WaitGroup
	both.Go(func() { // answers
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if n > 0 && said.Load() < 2 {
				_, _ = client.Write(buf[:n])
			}
			if err != nil {
				return
			}
		}
	})
	defer both.Wait()
	defer server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		chunk := buf[:n]
		switch {
		case said.Load() == 1 && p.lie != losesIt:
			said.Store(2)
			both.Go(func() { p.answer(client) })
		case said.Load() == 0 && bytes.Contains(chunk, p.insert) && p.fired.CompareAndSwap(false, true):
			said.Store(1)
			if p.lie == losesIt { // another table of the same length and columns
				chunk = bytes.Replace(chunk, p.insert, append(bytes.Clone(p.insert[:len(p.insert)-1]), 'z'), 1)
			}
		}
		if n > 0 {
			if _, err := server.Write(chunk); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// answer is the liar's, when the server has had time to apply the rows.
func (p *liar) answer(client io.WriteCloser) {
	switch p.lie {
	case appliesIt:
		time.Sleep(300 * time.Millisecond)
		var b proto.Buffer
		proto.ServerCodeException.Encode(&b)
		e := proto.Exception{Code: proto.ErrMemoryLimitExceeded, Name: "DB::Exception", Message: "Memory limit exceeded"}
		e.EncodeAware(&b, proto.Version)
		_, _ = client.Write(b.Buf)
	case cutsTheLine:
		time.Sleep(300 * time.Millisecond)
	case tellsLate:
		time.Sleep(1500 * time.Millisecond)
	}
	_ = client.Close()
}

// A server that acknowledges late, loses what it acknowledged, refuses what it
// has applied, or ends without a word, at the first INSERT into each table: what
// is visible is never wrong, and the next follower brings it to the truth.
func TestLiars(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	fillLake(t, l)
	clean, honest := open(t, l, c, false), open(t, l, c, true)
	follow(t, clean)
	follow(t, honest)
	ep := shared.Current()
	n := 0
	usual := map[string]lie{"loads": appliesIt, "ledger_rows": tellsLate, "load_visibility": losesIt, "quarantine_rows": losesIt, "manifests": cutsTheLine}
	for _, table := range []string{"loads", "ledger_rows", "spend_rollup", "load_visibility", "quarantine_rows", "snapshot_parts", "manifests"} {
		twin := table[:len(table)-1] + "z"
		if err := honest.exec(t.Context(), "test", fmt.Sprintf("CREATE TABLE %[1]s.%[2]s AS %[1]s.%[3]s", honest.db, twin, table)); err != nil {
			t.Fatal(err)
		}
		lies := []lie{tellsLate, losesIt, appliesIt, cutsTheLine}
		if os.Getenv("PAYLAKE_TEST_SOAK") == "" {
			lies = slices.DeleteFunc(lies, func(l lie) bool { return l != usual[table] })
		}
		for _, what := range lies {
			name := table + ", a server that " + string(what)
			n++
			p := part(schemas.Ledger, "mpay", "wlt_1", days(0, 3), ledgerRow(fmt.Sprint("n", n), day0, -int64(n), nil), ledgerRow("a", day0, -int64(1000+n), nil))
			p.Rejects = []schemas.Reject{{RowID: "bad", Reason: schemas.ReasonAmount, Field: "amount", Raw: fmt.Append(nil, "raw", n)}}
			commit(t, l, p)
			proxy := newLiar(t, ep.Addr, honest.db+"."+table, what)
			w := reopen(t, l, c, true, honest.db)
			w.server.opts.Addr, w.server.key = []string{proxy.listener.Addr().String()}, name
			w.within = Deadlines{Dial: time.Second, Ask: time.Second, Load: 1200 * time.Millisecond, Query: time.Minute}
			_, err := w.Follow(t.Context())
			for range 5 { // a busy machine may not come as far within these deadlines
				if proxy.fired.Load() {
					break
				}
				_, err = w.Follow(t.Context())
			}
			_ = w.Close()
			proxy.close()
			if !proxy.fired.Load() {
				t.Fatalf("%s: it was never asked", name)
			}
			if err != nil && !errors.Is(err, sinks.ErrUnavailable) && !strings.Contains(err.Error(), "Memory limit") {
				t.Errorf("%s: %v", name, err)
			}
			if what == losesIt {
				if lost := cell(t, honest, fmt.Sprintf("SELECT count() > 0 FROM %s", twin)); lost != "1" && lost != "true" {
					t.Errorf("%s: nothing was lost", name)
				}
			}
			follow(t, clean)
			want := everything(t, clean)
			if err == nil && table != "manifests" { // a success without the last step shows the truth of before
				if got := everything(t, honest); got != want {
					t.Errorf("%s: after a success one sees\n%s", name, got)
				}
			}
			next := reopen(t, l, c, true, honest.db)
			follow(t, next)
			if got := everything(t, next); got != want {
				t.Fatalf("%s:\n%s\nwant:\n%s", name, got, want)
			}
			_ = next.Close()
		}
	}
	t.Logf("%d lies", n)
}
