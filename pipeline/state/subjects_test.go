package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSubjects(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		s := db.Subjects()
		people := map[string]string{"p1_a": "+994501112233", "p1_b": "+994504445566"}
		for range 2 {
			if err := s.Keep(ctx, people); err != nil {
				t.Fatal(err)
			}
		}
		other := open(t, o) // another process has the same keys
		for id, number := range people {
			if got, err := other.Subjects().Number(ctx, id); got != number || err != nil {
				t.Errorf("%s: %q, %v", id, got, err)
			}
		}
		if _, err := s.Number(ctx, "p1_c"); !errors.Is(err, ErrAbsent) {
			t.Error(err)
		}
		var keys, numbers []byte
		if err := db.row(ctx, `SELECT key_sealed, sealed FROM subjects WHERE id = 'p1_a'`).Scan(&keys, &numbers); err != nil || bytes.Contains(numbers, []byte("99450")) {
			t.Errorf("%q %v", numbers, err)
		}
		if err := db.exec(ctx, `UPDATE subjects SET key_sealed = ?, sealed = ? WHERE id = 'p1_b'`, keys, numbers); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Number(ctx, "p1_b"); !errors.Is(err, ErrSealed) {
			t.Errorf("another person's key opened: %q, %v", got, err)
		}
	})
}

func TestErase(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		s, v := db.Subjects(), db.Vault()
		if err := s.Keep(ctx, map[string]string{"p1_a": "+994501112233", "p1_b": "+994504445566"}); err != nil {
			t.Fatal(err)
		}
		raw := []byte(`{"counterparty_msisdn":"+994501112233"}`)
		for id, subjects := range map[string][]string{"both": {"p1_b", "p1_a"}, "only b": {"p1_b"}, "nobody": nil} {
			if err := v.Put(ctx, id, raw, subjects...); err != nil {
				t.Fatal(err)
			}
			if got, err := v.Get(ctx, id); err != nil || !bytes.Equal(got, raw) {
				t.Errorf("%s: %q %v", id, got, err)
			}
		}
		if err := v.Put(ctx, "unknown", raw, "p1_x"); !errors.Is(err, ErrAbsent) {
			t.Error(err)
		}
		var sealed []byte
		if err := db.row(ctx, `SELECT key_sealed FROM subjects WHERE id = 'p1_a'`).Scan(&sealed); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Erase(ctx, "p1_a", Act{Actor: "tester", Action: "erase", Reason: "asked"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Erase(ctx, "p1_new", Act{Actor: "tester", Action: "erase", Reason: "asked"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Keep(ctx, map[string]string{"p1_a": "+994501112233", "p1_new": "+994507778899"}); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"p1_a", "p1_new"} {
			if got, err := s.Number(ctx, id); !errors.Is(err, ErrErased) {
				t.Errorf("%s: %q %v", id, got, err)
			}
		}
		for id, want := range map[string]error{"both": ErrErased, "only b": nil, "nobody": nil} {
			if _, err := v.Get(ctx, id); !errors.Is(err, want) {
				t.Errorf("%s: %v", id, err)
			}
		}
		if err := v.Put(ctx, "later", raw, "p1_b", "p1_a"); err != nil {
			t.Error(err)
		}
		if _, err := v.Get(ctx, "later"); !errors.Is(err, ErrAbsent) {
			t.Errorf("a text about an erased person was stored: %v", err)
		}
		gone, err := s.Suppressed(ctx)
		if acts, aerr := db.Acts(ctx); err != nil || aerr != nil || len(gone) != 2 || !gone["p1_a"] || len(acts) != 3 || acts[0].Subject != "p1_a" {
			t.Errorf("%v %v %v %v", gone, acts, err, aerr)
		}
		seen := map[string]string{}
		if _, err := s.Each(ctx, 0, func(id, number string) error { seen[id] = number; return nil }); err != nil || len(seen) != 1 || seen["p1_b"] != "+994504445566" {
			t.Errorf("%v %v", seen, err)
		}
		if path, ok := strings.CutPrefix(o.URL, "sqlite://"); ok {
			noBytes(t, filepath.Dir(strings.NewReplacer("%20", " ", "%3f", "?", "%23", "#", "%25", "%").Replace(path)), sealed)
		}
	})
}

// noBytes fails if any file of a folder holds them.
func noBytes(t *testing.T, dir string, gone []byte) {
	t.Helper()
	files, err := filepath.Glob(strings.NewReplacer("?", "\\?").Replace(dir) + "/state.db*")
	if err != nil || len(files) == 0 {
		t.Fatal(dir, files, err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err != nil || bytes.Contains(text, gone) {
			t.Errorf("the destroyed key is still in %s (%v)", f, err)
		}
	}
}

func TestPseudonymKeys(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		db, ctx := open(t, o), t.Context()
		if list, err := db.PseudonymKeys(ctx); err != nil || len(list) != 0 {
			t.Fatal(list, err)
		}
		proof := func(key []byte) string { return fmt.Sprintf("proof of %x", key[:2]) }
		for want := 2; want <= 3; want++ {
			if v, err := db.RotatePseudonymKey(ctx, "first", proof, Act{Actor: "tester", Action: "rotate"}); v != want || err != nil {
				t.Fatal(v, err)
			}
		}
		list, err := open(t, o).PseudonymKeys(ctx)
		if err != nil || len(list) != 3 || list[0].Proof != "first" || list[0].Key != nil || len(list[1].Key) != 32 ||
			bytes.Equal(list[1].Key, list[2].Key) || list[2].Proof != proof(list[2].Key) {
			t.Errorf("%+v %v", list, err)
		}
	})
}
