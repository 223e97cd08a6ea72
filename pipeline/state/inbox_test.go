package state

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestInbox(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		at := clock.Add(-time.Minute)
		d := func(source, body string) Delivery {
			return Delivery{Source: source, Kind: "operation", Variant: "natural", ReceivedAt: at, Body: []byte(body)}
		}
		put := func(want []bool, list ...Delivery) {
			t.Helper()
			fresh, err := db.Inbox().Put(t.Context(), list)
			if err != nil || len(fresh) != len(want) {
				t.Fatalf("%v %v", fresh, err)
			}
			for i := range want {
				if fresh[i] != want[i] {
					t.Errorf("delivery %d: fresh %v", i, fresh[i])
				}
			}
		}
		put([]bool{true, true, false}, d("psp", "canary-one"), d("psp", "two"), d("psp", "canary-one"))
		put([]bool{false, true}, d("psp", "two"), d("other", "two")) // one source's body is not another's
		waiting, err := db.Inbox().Waiting(t.Context(), []string{"psp"}, 2)
		if err != nil || len(waiting) != 2 || string(waiting[0].Body) != "canary-one" || string(waiting[1].Body) != "two" ||
			waiting[0].Variant != "natural" || !waiting[0].ReceivedAt.Equal(at) {
			t.Fatalf("%+v %v", waiting, err)
		}
		var stored []byte
		if err := db.row(t.Context(), `SELECT body FROM inbox WHERE id = ?`, waiting[0].ID).Scan(&stored); err != nil || bytes.Contains(stored, []byte("canary")) {
			t.Errorf("stored %q %v", stored, err)
		}
		if c, err := db.Inbox().Counts(t.Context()); err != nil || c.Waiting != 3 || c.Settled != 0 || !c.Oldest.Equal(at) {
			t.Errorf("%+v %v", c, err)
		}
		if err := db.Inbox().Settle(t.Context(), []int64{waiting[0].ID, waiting[1].ID}, "in the lake"); err != nil {
			t.Fatal(err)
		}
		put([]bool{false}, d("psp", "canary-one")) // known still
		if rest, err := db.Inbox().Waiting(t.Context(), []string{"other", "psp"}, 10); err != nil || len(rest) != 1 || rest[0].Source != "other" {
			t.Errorf("%+v %v", rest, err)
		}
		var body []byte
		if err := db.row(t.Context(), `SELECT body FROM inbox WHERE id = ?`, waiting[0].ID).Scan(&body); err != nil || body != nil {
			t.Errorf("a settled body stays: %q %v", body, err)
		}
		if err := db.Inbox().Prune(t.Context(), clock.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if c, err := db.Inbox().Counts(t.Context()); err != nil || c.Waiting != 1 || c.Settled != 0 {
			t.Errorf("%+v %v", c, err)
		}
	})
}

// A body that was moved to another row, or that nothing can seal, is refused.
func TestInboxIsSealed(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		list := []Delivery{{Source: "psp", Kind: "operation", Body: []byte("a")}, {Source: "psp", Kind: "operation", Body: []byte("b")}}
		if _, err := db.Inbox().Put(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		if err := db.exec(t.Context(), `UPDATE inbox SET body = (SELECT body FROM inbox WHERE digest = ?) WHERE digest = ?`, digestOf([]byte("a")), digestOf([]byte("b"))); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Inbox().Waiting(t.Context(), []string{"other", "psp"}, 10); !errors.Is(err, ErrSealed) {
			t.Errorf("got %v", err)
		}
		o.Keeper = nil
		bare := open(t, o)
		if _, err := bare.Inbox().Put(t.Context(), list); !errors.Is(err, ErrNoKeeper) {
			t.Errorf("got %v", err)
		}
	})
}
