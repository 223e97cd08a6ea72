package state

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAPIKeys(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		now := clock
		o.Now = func() time.Time { return now }
		db := open(t, o)
		keys, ctx := db.APIKeys(), t.Context()
		made, secret, err := keys.Add(ctx, APIKey{Name: "bi", Scopes: []string{"read", "export"}, Wallets: [][2]string{{"mpay", "w1"}}, By: "anna", Expires: now.Add(time.Hour)})
		if err != nil || !strings.HasPrefix(secret, "plk_") || len(secret) != 47 {
			t.Fatal(made, len(secret), err)
		}
		if _, _, err := keys.Add(ctx, APIKey{Name: "bi", Scopes: []string{"read"}}); !errors.Is(err, ErrTaken) {
			t.Errorf("the same name twice: %v", err)
		}
		found, err := keys.Find(ctx, secret)
		if err != nil || found.ID != made.ID || !slices.Equal(found.Scopes, made.Scopes) || found.Wallets[0] != [2]string{"mpay", "w1"} || !found.LastUsed.Equal(now) {
			t.Errorf("%+v %v", found, err)
		}
		if _, err := keys.Find(ctx, secret+"x"); !errors.Is(err, ErrAbsent) {
			t.Errorf("another secret: %v", err)
		}
		token, err := keys.OpenSession(ctx, made.ID, now.Add(30*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if k, err := keys.Session(ctx, token); err != nil || k.ID != made.ID {
			t.Errorf("%+v %v", k, err)
		}
		now = now.Add(31 * time.Minute)
		if _, err := keys.Session(ctx, token); !errors.Is(err, ErrAbsent) {
			t.Errorf("a session that is over: %v", err)
		}
		now = now.Add(30 * time.Minute)
		if _, err := keys.Find(ctx, secret); !errors.Is(err, ErrAbsent) {
			t.Errorf("a key that is over: %v", err)
		}
	})
}

func TestRevokedKeyEndsItsSessions(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		keys, ctx := db.APIKeys(), t.Context()
		made, secret, err := keys.Add(ctx, APIKey{Name: "till", Scopes: []string{"operate"}, By: "anna"})
		if err != nil {
			t.Fatal(err)
		}
		token, err := keys.OpenSession(ctx, made.ID, clock.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Revoke(ctx, "nobody", "anna"); !errors.Is(err, ErrAbsent) {
			t.Errorf("got %v", err)
		}
		for range 2 {
			if k, err := keys.Revoke(ctx, "till", "berta"); err != nil || k.Revoker != "berta" {
				t.Errorf("%+v %v", k, err)
			}
		}
		_, one := keys.Find(ctx, secret)
		_, two := keys.Session(ctx, token)
		if !errors.Is(one, ErrAbsent) || !errors.Is(two, ErrAbsent) {
			t.Errorf("after the revocation: %v, %v", one, two)
		}
		acts, err := db.Acts(ctx)
		if err != nil || len(acts) != 2 || acts[0].Action != "api key added" || acts[1].Actor != "berta" || acts[1].Subject != made.ID {
			t.Errorf("%+v %v", acts, err)
		}
		list, err := keys.List(ctx)
		if err != nil || len(list) != 1 || list[0].Revoked.IsZero() {
			t.Errorf("%+v %v", list, err)
		}
	})
}

// The database holds nothing that opens the API.
func TestAPISecretsAreNotStored(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db := open(t, o)
		_, secret, err := db.APIKeys().Add(t.Context(), APIKey{Name: "bi", Scopes: []string{"read"}})
		if err != nil {
			t.Fatal(err)
		}
		var id, name, scopes, wallets string
		var hash []byte
		if err := db.row(t.Context(), `SELECT id, name, scopes, wallets, hash FROM api_keys`).Scan(&id, &name, &scopes, &wallets, &hash); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(id+name+scopes+wallets, secret[4:12]) || bytes.Contains(hash, []byte(secret[4:12])) || len(hash) != 32 {
			t.Errorf("%s %s %s %s %x", id, name, scopes, wallets, hash)
		}
	})
}
