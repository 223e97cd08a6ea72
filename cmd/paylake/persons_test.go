package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/pipeline/state"
)

// acts reads what was recorded.
func (g *playground) acts(t *testing.T) []state.Act {
	t.Helper()
	db, err := state.Open(t.Context(), state.Options{URL: "sqlite://" + filepath.Join(g.dir, sandboxData, "state.db"), Now: time.Now, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	acts, err := db.Acts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return acts
}

const somebody = "SELECT counterparty, any(counterparty_masked) FROM ledger WHERE startsWith(counterparty, 'p') GROUP BY 1 ORDER BY count() DESC, 1 LIMIT 1"

// A new key revises nothing that is read again, and rows from before and after
// it join; both names of a person can be revealed.
func TestRotatedPseudonymKey(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	g.holding(t)
	g.paylake(t, "run").want(t, 0)
	old, masked, _ := strings.Cut(g.ask(t, "auditor", somebody), ",")
	persons := g.ask(t, "auditor", "SELECT uniqExact(counterparty), countIf(startsWith(counterparty, 'p1_')) FROM ledger")
	g.paylake(t, "keys", "rotate", "pseudonym").want(t, 0).says(t, "version 2", "")
	g.paylake(t, "keys", "rotate", "everything").want(t, 2)
	for range 2 {
		r := g.paylake(t, "run", "--from", time.Now().AddDate(0, 0, -45).Format(time.DateOnly)).want(t, 0)
		if strings.Count(r.stdout, "0 rows moved")+strings.Count(r.stdout, " 0 revised") != strings.Count(r.stdout, "took ") || !strings.Contains(r.stdout, "0 rows moved") {
			t.Errorf("a rotation revised rows:\n%s", r.stdout)
		}
	}
	uniq, _, _ := strings.Cut(persons, ",")
	if got := g.ask(t, "auditor", "SELECT uniqExact(counterparty), countIf(startsWith(counterparty, 'p1_')) FROM ledger"); got != uniq+",0" {
		t.Errorf("persons after the rotation: %s, before it %s", got, persons)
	}
	young, again, _ := strings.Cut(g.ask(t, "auditor", somebody), ",")
	if !strings.HasPrefix(young, "p2_") || again != masked {
		t.Errorf("%s %s, formerly %s %s", young, again, old, masked)
	}
	a := g.paylake(t, "reveal", old, "--reason", "test").want(t, 0)
	b := g.paylake(t, "reveal", young, "--reason", "test").want(t, 0)
	if a.stdout != b.stdout || !strings.HasPrefix(a.stdout, masked[:6]) || !strings.HasSuffix(strings.TrimSpace(a.stdout), masked[len(masked)-2:]) {
		t.Errorf("%q and %q, masked %s", a.stdout, b.stdout, masked)
	}
	g.paylake(t, "verify").want(t, 0)

	t.Run("new rows join with old ones", func(t *testing.T) {
		number, day := strings.TrimSpace(a.stdout), time.Now().Format(time.DateOnly)
		g.intercept(oneTransfer(number, day))
		g.paylake(t, "run", "ledger").want(t, 0)
		g.before.Store(nil)
		if got := g.ask(t, "auditor", "SELECT count(), countIf(entry_id LIKE 'rotated-%') > 0 FROM ledger WHERE counterparty = '"+young+"'"); !strings.HasSuffix(got, ",1") || strings.HasPrefix(got, "1,") {
			t.Errorf("rows of the person, and the new one: %s", got)
		}
	})
	t.Run("another key in the configuration", func(t *testing.T) {
		g.edit(t, "pseudonym.key", "mpay-webhook.key")
		if r := g.paylake(t, "run").want(t, 2); !strings.Contains(r.stderr, "not the key that pseudonyms were made with") &&
			!strings.Contains(r.stderr, "at least 32") {
			t.Errorf("%s", r.stderr)
		}
	})
}

// oneTransfer answers every statement of a day with one transfer to a number.
func oneTransfer(number, day string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wallet/statement") || r.URL.Query().Get("from") != day {
			return false
		}
		token := r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"currency":"AZN","rows":[{"id":"rotated-` + token[len(token)-6:] + `","posted_at":"` + day +
			`T00:00:01+04:00","type":"transfer_out","amount":-5.00,"counterparty_msisdn":"` + number + `"}],"next_cursor":null}`))
		return true
	}
}

// An erased person cannot be revealed, is "erased" in new rows, and takes the
// raw texts about them along; snapshots stay.
func TestErasedPerson(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	g.holding(t)
	g.paylake(t, "run").want(t, 0)
	pseudonym, _, _ := strings.Cut(g.ask(t, "auditor", somebody), ",")
	number := strings.TrimSpace(g.paylake(t, "reveal", pseudonym, "--reason", "before").want(t, 0).stdout)
	day := time.Now().Format(time.DateOnly)
	bad := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wallet/statement") || r.URL.Query().Get("from") != day {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"currency":"AZN","rows":[{"id":"bad-1","posted_at":"` + day + `T00:00:01+04:00","type":"transfer_out","amount":-5.001,"counterparty_msisdn":"` + number + `"}],"next_cursor":null}`))
		return true
	}
	g.intercept(bad)
	g.paylake(t, "run", "ledger").want(t, 3)
	var list []badRow
	g.paylake(t, "quarantine", "list", "--json").want(t, 0).json(t, &list)
	g.paylake(t, "quarantine", "show", list[0].ID, "--raw").want(t, 0).says(t, number, "")

	for _, args := range [][]string{{"erase", "--msisdn", number}, {"erase", "--reason", "x"}, {"erase", "--msisdn", "12", "--reason", "x"},
		{"erase", "--msisdn", number, "--reason", "forget " + number}, {"reveal", pseudonym}, {"reveal", number, "--reason", "x"}} {
		if r := g.paylake(t, args...).want(t, 2); strings.Contains(r.stderr, number) && args[0] == "erase" {
			t.Errorf("%v: the number is in %s", args, r.stderr)
		}
	}
	r := g.paylake(t, "erase", "--msisdn", number, "--reason", "request 12", "--by", "Branch 7").want(t, 0).says(t, pseudonym, "")
	if strings.Contains(r.stdout+r.stderr, number) {
		t.Error("the number is shown")
	}
	g.paylake(t, "reveal", pseudonym, "--reason", "after").want(t, 1).says(t, "", "this person was erased")
	if r := g.paylake(t, "quarantine", "show", list[0].ID, "--raw").want(t, 1); strings.Contains(r.stdout, number) || !strings.Contains(r.stderr, "erased") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	g.paylake(t, "verify").want(t, 0)
	if got := g.ask(t, "auditor", "SELECT count() > 0 FROM ledger WHERE counterparty = '"+pseudonym+"'"); got != "1" {
		t.Error("committed rows are gone")
	}
	g.intercept(oneTransfer(number, day))
	g.paylake(t, "run", "ledger").want(t, 0)
	if got := g.ask(t, "auditor", "SELECT DISTINCT counterparty, counterparty_masked FROM ledger WHERE entry_id LIKE 'rotated-%'"); got != "erased,erased" {
		t.Errorf("new rows carry %s", got)
	}
	g.paylake(t, "reveal", pseudonym, "--reason", "after a run").want(t, 1)
	acts := g.acts(t)
	if len(acts) != 4 || acts[1].Action != "erase" || acts[1].Actor != "Branch 7" || acts[1].Subject != pseudonym || acts[3].Reason != "after a run" {
		t.Errorf("%+v", acts)
	}
	for _, a := range acts {
		if strings.Contains(a.Actor+a.Subject+a.Reason, number) {
			t.Errorf("the number is in the record: %+v", a)
		}
	}
}
