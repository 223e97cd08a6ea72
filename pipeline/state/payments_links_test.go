package state

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// The first link for a payment is the only one: again it is recorded, another
// one is refused, and so is one for what is planned. At once, one wins.
func TestPaymentLinks(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		act := func(id string) Act { return Act{Actor: "farid", Action: "payment link", Subject: id} }
		first := PaymentLink{ID: "pl_1", Fingerprint: "aa"}
		if err := errors.Join(db.Payments().PutLink(t.Context(), first, act("pl_1")), open(t, o).Payments().PutLink(t.Context(), first, act("pl_1"))); err != nil {
			t.Fatal(err)
		}
		plan(t, db, paymentRow("pl_2", "draft"))
		for _, wrong := range []PaymentLink{{"pl_1", "bb"}, {"pl_2", "aa"}} {
			if err := db.Payments().PutLink(t.Context(), wrong, act(wrong.ID)); !errors.Is(err, ErrTaken) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
		if n := linkActs(t, db); n != 2 {
			t.Errorf("%d links are recorded", n)
		}
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 6 {
			one := open(t, o)
			all.Go(func() {
				err := one.Payments().PutLink(t.Context(), PaymentLink{"pl_3", fmt.Sprint(i)}, act("pl_3"))
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, ErrTaken):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := linkActs(t, db); won.Load() != 1 || n != 3 {
			t.Errorf("%d have won, %d links are recorded", won.Load(), n)
		}
	})
}

func linkActs(t *testing.T, db *DB) (n int) {
	t.Helper()
	list, err := db.Acts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if a.Action == "payment link" {
			n++
		}
	}
	return n
}
