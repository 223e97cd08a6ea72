package state

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

func consentOf(wallet string, days int, purposes ...string) Consent {
	return Consent{Source: "mpay", Wallet: wallet, Subject: "p1_0", Purposes: purposes, Until: clock.AddDate(0, 0, days), GrantedBy: "tester"}
}

func TestConsents(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		now := clock
		o.Now = func() time.Time { return now }
		db, ctx := open(t, o), t.Context()
		c := db.Consents()
		made, err := c.Grant(ctx, []Consent{consentOf("w1", 90, "analytics"), consentOf("w2", 10, "accounting", "spend")})
		if err != nil || len(made) != 2 || made[0].ID == made[1].ID || !strings.HasPrefix(made[0].ID, "cns_") {
			t.Fatalf("%+v, %v", made, err)
		}
		live, err := c.Standing(ctx, "mpay")
		if err != nil || len(live) != 2 {
			t.Fatalf("%+v, %v", live, err)
		}
		if other, err := c.Standing(ctx, "other"); err != nil || len(other) != 0 {
			t.Errorf("%+v, %v", other, err)
		}

		now = now.AddDate(0, 0, 10) // the second one ends at this very instant
		if live, err = c.Standing(ctx, "mpay"); err != nil || len(live) != 1 || live[0].Wallet != "w1" {
			t.Fatalf("%+v, %v", live, err)
		}
		if hidden, err := c.Withdrawn(ctx); err != nil || len(hidden) != 0 {
			t.Errorf("an end hides nothing: %+v, %v", hidden, err)
		}
		before, _ := c.Changes(ctx)
		if _, err := c.Revoke(ctx, "mpay", "w1", "tester", "asked by its owner"); err != nil {
			t.Fatal(err)
		}
		if after, _ := c.Changes(ctx); after != before+1 {
			t.Errorf("changes %d, then %d", before, after)
		}
		if _, err := c.Revoke(ctx, "", "w1", "tester", "again"); !errors.Is(err, ErrAbsent) {
			t.Error(err)
		}
		if live, err = c.Standing(ctx, "mpay"); err != nil || len(live) != 0 {
			t.Fatalf("%+v, %v", live, err)
		}
		if hidden, err := c.Withdrawn(ctx); err != nil || len(hidden) != 1 || hidden[0].Wallet != "w1" {
			t.Errorf("%+v, %v", hidden, err)
		}
		now = now.Add(time.Hour)
		again := consentOf("w1", 60, "analytics")
		if _, err := c.Grant(ctx, []Consent{again}); err != nil {
			t.Fatal(err)
		}
		if hidden, err := c.Withdrawn(ctx); err != nil || len(hidden) != 0 {
			t.Errorf("consented again: %+v, %v", hidden, err)
		}
		receipts, err := c.Receipts(ctx)
		if err != nil || len(receipts) != 4 || receipts[2].Kind != Revoked || receipts[2].Detail != "asked by its owner" || receipts[2].Actor != "tester" {
			t.Errorf("%+v, %v", receipts, err)
		}
	})
}

// The same terms renew; anything else beside a live consent is refused, and
// then nothing of the grant is recorded.
func TestOverlappingConsents(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		c := db.Consents()
		first, err := c.Grant(ctx, []Consent{consentOf("w1", 30, "analytics")})
		if err != nil {
			t.Fatal(err)
		}
		renewed, err := c.Grant(ctx, []Consent{consentOf("w1", 60, "analytics")})
		if err != nil || renewed[0].ID != first[0].ID || !renewed[0].Until.Equal(clock.AddDate(0, 0, 60)) {
			t.Fatalf("%+v, %v", renewed, err)
		}
		later := consentOf("w1", 60, "analytics")
		later.From = clock.AddDate(0, 0, -3)
		for what, g := range map[string]Consent{"purposes": consentOf("w1", 90, "spend"), "an earlier end": consentOf("w1", 59, "analytics"), "a beginning": later} {
			_, err := c.Grant(ctx, []Consent{consentOf("w9", 10, "analytics"), g})
			if !errors.Is(err, ErrOverlap) || !strings.Contains(err.Error(), first[0].ID) || !strings.Contains(err.Error(), "wallet w1 of mpay") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if all, err := c.List(ctx); err != nil || len(all) != 1 {
			t.Errorf("%+v, %v", all, err)
		}
		if receipts, err := c.Receipts(ctx); err != nil || len(receipts) != 2 || receipts[1].Kind != Renewed {
			t.Errorf("%+v, %v", receipts, err)
		}
	})
}

func TestConsentsFromManySides(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		a, b := open(t, o), open(t, o)
		var all sync.WaitGroup
		var mu sync.Mutex
		granted := 0
		for i := range 6 {
			db, purpose := []*DB{a, b}[i%2], []string{"analytics", "spend"}[i%2]
			all.Go(func() {
				_, err := db.Consents().Grant(t.Context(), []Consent{consentOf("w1", 30, purpose)})
				if err != nil && !errors.Is(err, ErrOverlap) {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					granted++
				}
			})
		}
		all.Wait()
		if list, err := a.Consents().List(t.Context()); err != nil || len(list) != 1 || granted != 3 {
			t.Errorf("%d granted, %+v, %v", granted, list, err)
		}
	})
}

func TestReceiptsAndAuditStay(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		if _, err := db.Consents().Grant(ctx, []Consent{consentOf("w1", 30, "analytics")}); err != nil {
			t.Fatal(err)
		}
		if err := db.Audit(ctx, Act{Actor: "tester", Action: "reveal", Subject: "p1_0", Reason: "court order"}); err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{`UPDATE consent_events SET actor = 'x'`, `DELETE FROM consent_events`, `UPDATE audit SET actor = 'x'`, `DELETE FROM audit`} {
			if err := db.exec(ctx, query); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", query, err)
			}
		}
		if acts, err := db.Acts(ctx); err != nil || len(acts) != 1 || acts[0].Reason != "court order" || !acts[0].At.Equal(clock) {
			t.Errorf("%+v, %v", acts, err)
		}
	})
}
