package state

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gocloud.dev/secrets/localsecrets"
)

// keepPaying makes and approves payments for ever, and says which are stored.
func keepPaying(args []string) int {
	key, err := localsecrets.Base64Key(args[2])
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ctx := context.Background()
	db, err := Open(ctx, Options{URL: args[0], LockDir: args[1], Keeper: localsecrets.NewKeeper(key), Now: time.Now})
	for i := 0; err == nil; i++ {
		id := fmt.Sprint(args[3], "-", i/2)
		err = decideOne(ctx, db.Payments(), id, func(was PaymentRow) PaymentChange {
			c := to(was, paymentRow(id, []string{"draft", "approved"}[i%2]), "event", "aysel")
			c.Wake = true
			return c
		})
		if err == nil {
			fmt.Println(id, i%2+1)
		}
	}
	fmt.Println(err)
	return 1
}

// paidUntil runs a process that makes payments, kills it when it has said that n
// changes are stored, and returns all that it said, by id.
func paidUntil(t *testing.T, n int, args ...string) map[string]int64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"keep-paying"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := map[string]int64{}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		var id string
		var version int64
		if _, err := fmt.Sscan(lines.Text(), &id, &version); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		said[id] = version
		if i == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait() // killed
	if len(said) == 0 {
		t.Fatal("the other process stored nothing")
	}
	return said
}

// What a killed process had stored is there, with everything that belongs to it,
// and what it had not is not there in part.
func TestPaymentsOfTheKilled(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret)
		key, err := localsecrets.Base64Key(base64.URLEncoding.EncodeToString(secret))
		if err != nil {
			t.Fatal(err)
		}
		o.Keeper = localsecrets.NewKeeper(key)
		defer o.Keeper.Close()
		db, ctx := open(t, o), t.Context()
		for i := range histories(4) {
			said := paidUntil(t, 3+7*(i%11), o.URL, o.LockDir, base64.URLEncoding.EncodeToString(secret), fmt.Sprint("r", i))
			for id, version := range said {
				if r, err := db.Payments().Load(ctx, id); err != nil || r.Version < version {
					t.Errorf("%s is lost, or at version %d of %d: %v", id, r.Version, version, err)
				}
			}
		}
		killed(t, db.Payments()) // a turn later than what the server may still be at
		var versions int64
		list, err := db.Payments().List(ctx, PaymentFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			versions += r.Version
			if lines, err := db.Payments().History(ctx, r.ID); err != nil || int64(len(lines)) != r.Version || lines[r.Version-1].To != r.Status {
				t.Errorf("%s %s: %+v, %v", r.ID, r.Status, lines, err)
			}
		}
		if got, want := stored(t, db), [5]int64{int64(len(list)), versions, versions, versions, versions}; got != want {
			t.Errorf("rows, lines, deliveries, acts, steps: %v, want %v", got, want)
		}
	})
}

// A transaction that the database gave up is made again, and not for ever; an
// error of the decision is its own, whatever it looks like.
func TestPaymentsCollide(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		p := open(t, o).Payments()
		for _, code := range []string{"40001", "40P01"} {
			for fails, want := range map[int]int{3: 4, 1000: turnsMax + 1} {
				times := 0
				err := p.inTurn(t.Context(), func(context.Context, *sql.Tx, bool) error {
					if times++; times <= fails {
						return fmt.Errorf("step: %w", &pgconn.PgError{Code: code})
					}
					return nil
				})
				if times != want || (err == nil) != (fails == 3) {
					t.Errorf("%s: %d times, %v", code, times, err)
				}
			}
		}
		times, own := 0, &pgconn.PgError{Code: "40001"}
		err := p.Decide(t.Context(), nil, time.Time{}, func(PaymentView) ([]PaymentChange, error) {
			times++
			return nil, own
		})
		if !errors.Is(err, own) || times != 1 {
			t.Errorf("%d times, %v", times, err)
		}
	})
}

// A row that is not as the decision saw it is not written over, even if the
// turns failed to keep others out.
func TestPaymentsChangedMeanwhile(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		plan(t, db, paymentRow("pl_1", "draft"))
		vault, err := db.vaultKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d := decision{Payments: db.Payments(), vault: vault, ids: []string{"pl_1"}}
		for version, there := range map[int64]bool{0: false, 2: true} {
			was := paymentRow("pl_1", "draft")
			was.Version = version
			were := map[string]PaymentRow{"pl_1": was}
			if !there {
				was, were = PaymentRow{}, nil
			}
			err := db.transact(t.Context(), func(tx *sql.Tx) error {
				return d.store(t.Context(), tx, were, to(was, paymentRow("pl_1", "approved"), "approved", "sender"))
			})
			if err == nil {
				t.Errorf("version %d was written over", version)
			}
		}
		if r, err := db.Payments().Load(t.Context(), "pl_1"); err != nil || r.Status != "draft" {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
