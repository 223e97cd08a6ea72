package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks"
)

func TestLease(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, b, ctx := open(t, o), open(t, o), t.Context()
		release, err := a.Lease(ctx, "pipeline/ledger")
		if err != nil {
			t.Fatal(err)
		}
		for _, db := range []*DB{a, b} {
			if _, err := db.Lease(ctx, "pipeline/ledger"); !errors.Is(err, sinks.ErrBusy) {
				t.Errorf("taken twice: %v", err)
			}
		}
		other, err := b.Lease(ctx, "pipeline/ledger ") // nearly the same name is another lease
		if err != nil {
			t.Fatal(err)
		}
		release()
		release()
		other()
		again, err := b.Lease(ctx, "pipeline/ledger")
		if err != nil {
			t.Fatal(err)
		}
		release() // an old release frees nothing
		if _, err := a.Lease(ctx, "pipeline/ledger"); !errors.Is(err, sinks.ErrBusy) {
			t.Errorf("taken twice: %v", err)
		}
		again()
	})
}

func TestManyLeasesAndWork(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		for i := range 40 { // more than the pool has connections
			release, err := db.Lease(t.Context(), fmt.Sprint("lease", i))
			if err != nil {
				t.Fatal(err)
			}
			defer release()
		}
		if err := db.Set(t.Context(), "a", "b"); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsLeases(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Lease(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, open(t, o), "x")
	})
}

func TestSessionLockWaits(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, b := open(t, o), open(t, o)
		unlock, err := a.Sessions().Lock(t.Context(), "mpay", "w1")
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := b.Sessions().Lock(short, "mpay", "w1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("did not wait: %v", err)
		}
		other, err := b.Sessions().Lock(t.Context(), "mpay", "w2")
		if err != nil {
			t.Fatal(err)
		}
		other()
		got := make(chan error, 1)
		go func() {
			unlock, err := b.Sessions().Lock(t.Context(), "mpay", "w1")
			if err == nil {
				unlock()
			}
			got <- err
		}()
		time.Sleep(100 * time.Millisecond)
		unlock()
		select {
		case err := <-got:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("still waiting")
		}
	})
}

// A process that is killed, without any chance to tidy up, leaves the lease
// free.
func TestLeaseEndsWithItsProcess(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		child := exec.Command(os.Args[0], "hold-lease", o.URL, o.LockDir, "pipeline/ledger")
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "held") {
			t.Fatalf("the other process says %q, %v", line, err)
		}
		if _, err := db.Lease(t.Context(), "pipeline/ledger"); !errors.Is(err, sinks.ErrBusy) {
			t.Fatalf("held by another process, and taken: %v", err)
		}
		if err := child.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		eventually(t, db, "pipeline/ledger")
	})
}

// eventually takes a lease within the moment that a server needs to notice a
// closed connection.
func eventually(t *testing.T, db *DB, name string) {
	t.Helper()
	var err error
	for range 100 {
		var release func()
		if release, err = db.Lease(t.Context(), name); err == nil {
			release()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("not free after five seconds: %v", err)
}

// holdLease is the other process of TestLeaseEndsWithItsProcess.
func holdLease(args []string) int {
	db, err := Open(context.Background(), Options{URL: args[0], LockDir: args[1], Now: time.Now})
	if err == nil {
		_, err = db.Lease(context.Background(), args[2])
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("held")
	time.Sleep(time.Minute)
	return 0
}
