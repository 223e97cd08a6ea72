package state

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// A session of the façade: both tokens are replaced when it is renewed, a refresh
// token serves once, and it ends with its key.
func TestFacadeSessions(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		f, ctx := db.Facade(), t.Context()
		key, _, err := db.APIKeys().Add(ctx, APIKey{Name: "erp", Scopes: []string{"read"}, By: "anna"})
		if err != nil {
			t.Fatal(err)
		}
		terms := Terms{Access: clock.Add(time.Minute), End: clock.Add(time.Hour)}
		one, err := f.Open(ctx, FacadeSession{Key: key, Source: "mpay", Wallet: "wlt_1", Assurance: "A2"}, terms)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := f.Find(ctx, one.Access); err != nil || s.Wallet != "wlt_1" || s.Assurance != "A2" || s.Key.Name != "erp" {
			t.Errorf("%+v %v", s, err)
		}
		two, _, err := f.Renew(ctx, one.Refresh, clock.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		_, _, again := f.Renew(ctx, one.Refresh, clock.Add(time.Minute))
		_, old := f.Find(ctx, one.Access)
		_, swapped := f.Find(ctx, two.Refresh)
		if !errors.Is(again, ErrAbsent) || !errors.Is(old, ErrAbsent) || !errors.Is(swapped, ErrAbsent) {
			t.Errorf("old tokens open: %v, %v; a refresh token reads: %v", again, old, swapped)
		}
		if _, err := f.Open(ctx, FacadeSession{Key: key, Source: "mpay", Wallet: "wlt_2"}, Terms{Access: clock, End: clock.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.APIKeys().Revoke(ctx, "erp", "anna"); err != nil {
			t.Fatal(err)
		}
		_, read := f.Find(ctx, two.Access)
		_, _, renewed := f.Renew(ctx, two.Refresh, clock.Add(time.Minute))
		if !errors.Is(read, ErrAbsent) || !errors.Is(renewed, ErrAbsent) {
			t.Errorf("after the revocation: %v, %v", read, renewed)
		}
	})
}

// A challenge is known until it is over, by nobody who reads the database.
func TestFacadeChallenges(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		f, ctx := db.Facade(), t.Context()
		for id, until := range map[string]time.Time{"ch_live": clock.Add(time.Minute), "ch_over": clock} {
			if err := f.KeepChallenge(ctx, id, "mpay", "wlt_1", until); err != nil {
				t.Fatal(err)
			}
		}
		if source, wallet, err := f.Challenge(ctx, "ch_live"); err != nil || source != "mpay" || wallet != "wlt_1" {
			t.Errorf("%s %s %v", source, wallet, err)
		}
		for _, id := range []string{"ch_over", "ch_none", ""} {
			if _, _, err := f.Challenge(ctx, id); !errors.Is(err, ErrAbsent) {
				t.Errorf("%q: %v", id, err)
			}
		}
		if file, ok := strings.CutPrefix(o.URL, "sqlite://"); ok {
			for _, name := range []string{file, file + "-wal"} {
				if data, err := os.ReadFile(name); err == nil && bytes.Contains(data, []byte("ch_live")) {
					t.Error("the database holds the challenge itself")
				}
			}
		}
	})
}
