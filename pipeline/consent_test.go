package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// registry is a registry of consents in memory.
type registry struct {
	mu    sync.Mutex
	by    map[string]Consent
	asked int
	err   error
}

func consented(from, until time.Time, purposes string, wallets ...string) *registry {
	r := &registry{by: map[string]Consent{}}
	for _, w := range wallets {
		r.by[w] = Consent{ID: "cns_" + w, From: from, Until: until, Purposes: strings.Fields(purposes)}
	}
	return r
}

func (r *registry) Standing(context.Context, string) (map[string]Consent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	out := map[string]Consent{}
	for w, c := range r.by {
		out[w] = c
	}
	return out, r.err
}

func (r *registry) revoke(wallet string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, wallet)
}

var noon = epoch.Add(60 * time.Hour) // of the third day

// Nothing is asked of a wallet without a live consent; the others are read.
func TestNoConsentNoRequest(t *testing.T) {
	for what, consents := range map[string]*registry{
		"none":    consented(time.Time{}, noon.Add(time.Hour), "analytics", "b"),
		"ended":   {by: map[string]Consent{"a": {ID: "x", Until: noon, Purposes: []string{"analytics"}}, "b": {ID: "cns_b", Until: noon.Add(1), Purposes: []string{"analytics"}}}},
		"later":   {by: map[string]Consent{"a": {ID: "x", From: noon.Add(1), Until: noon.Add(time.Hour), Purposes: []string{"analytics"}}, "b": {ID: "cns_b", Until: noon.Add(1), Purposes: []string{"analytics"}}}},
		"purpose": {by: map[string]Consent{"a": {ID: "x", Until: noon.Add(1), Purposes: []string{"balance"}}, "b": {ID: "cns_b", Until: noon.Add(1), Purposes: []string{"analytics"}}}},
	} {
		t.Run(what, func(t *testing.T) {
			s, alloc := newStore(), checked(t)
			a, b := wallet(alloc, "a"), wallet(alloc, "b")
			a.before = func(context.Context, schemas.Window, time.Time) error { t.Error("wallet a was asked"); return nil }
			j := job(s, noon, a, b)
			j.Consents = consents
			report, err := Run(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			v := report.Verdict()
			if v.Code != CodePerson || len(v.Why) != 1 || !strings.Contains(v.Why[0], "wallet a of src") ||
				what != "purpose" && !strings.Contains(v.Why[0], "paylake consent grant --wallet a") {
				t.Errorf("%+v", v)
			}
			s.holds(t, epoch, noon, "b")
			for _, p := range s.parts() {
				if p.ConsentID != "cns_b" {
					t.Errorf("consent %q of %s", p.ConsentID, p.Stream)
				}
			}
		})
	}
}

// Very many wallets without a consent are counted, not listed, and cost one
// question.
func TestManyWithoutConsent(t *testing.T) {
	var streams []sources.Source
	for i := range 500 {
		streams = append(streams, wallet(checked(t), fmt.Sprint("w", i)))
	}
	j, consents := job(newStore(), noon, streams...), consented(time.Time{}, noon, "analytics")
	j.Consents = consents
	report, _ := Run(t.Context(), j)
	if v := report.Verdict(); len(v.Why) != maxSkipped+1 || !strings.Contains(v.Why[maxSkipped], "490 wallets more") || v.Code != CodePerson {
		t.Errorf("%d %d %v", v.Code, len(v.Why), v.Why)
	}
	if consents.asked != 1 {
		t.Errorf("the registry was asked %d times", consents.asked)
	}
}

// Sources without wallets need no consent.
func TestConsentGovernsWallets(t *testing.T) {
	s, h := newStore(), wallet(checked(t), "")
	j := job(s, noon, h)
	j.Consents = consented(time.Time{}, noon, "analytics")
	if report, err := Run(t.Context(), j); err != nil || report.Verdict().Code != CodeDone {
		t.Errorf("%+v %v", report.Verdict(), err)
	}
	s.holds(t, epoch, noon, "")
}

func TestWindowsAreClippedToTheConsent(t *testing.T) {
	s := newStore()
	from := epoch.Add(30 * time.Hour)
	j := job(s, noon, wallet(checked(t), "a"))
	j.Consents = consented(from, noon.Add(time.Hour), "analytics", "a")
	for range 2 { // the second time nothing is missing any more
		if _, err := Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	s.holds(t, from, noon, "a")
	if first := s.parts()[0]; !first.Window.From.Equal(from) || !first.Final {
		t.Errorf("%+v", first.Window)
	}
	planner := NewPlanner(j.Spec, noon.AddDate(0, 0, 30))
	done := sinks.Done{Complete: []schemas.Window{{From: from, To: epoch.AddDate(0, 0, 2)}}}
	var owed []Owed
	for o := range planner.Within(done, from, epoch.Add(80*time.Hour)) {
		owed = append(owed, o)
	}
	if len(owed) != 2 || !owed[1].Final || !owed[1].Window.To.Equal(epoch.Add(80*time.Hour)) {
		t.Errorf("%+v", owed)
	}
}

// A consent that is revoked between two pages: the second is not asked for,
// and what was read but not committed is dropped.
func TestRevokedWhileItIsRead(t *testing.T) {
	for _, when := range []string{"reading", "asking", "committing"} {
		t.Run(when, func(t *testing.T) {
			s, alloc := newStore(), checked(t)
			consents := consented(time.Time{}, noon.Add(time.Hour), "analytics", "a", "b")
			a := wallet(alloc, "a")
			pages := 0
			a.before = func(_ context.Context, w schemas.Window, hour time.Time) error {
				if w.From.After(epoch) {
					if pages++; pages == 2 || hour.After(w.From.Add(6*time.Hour)) {
						t.Errorf("page %d was asked for after the consent had gone", pages)
					}
					consents.revoke("a")
				}
				return nil
			}
			j := job(s, noon, a, wallet(alloc, "b"))
			if when == "asking" { // the source sees it first, and knows less about it
				a.before = func(_ context.Context, w schemas.Window, _ time.Time) error {
					if !w.From.After(epoch) {
						return nil
					}
					consents.revoke("a")
					return NoConsent(schemas.Stream{Source: "mpay", Wallet: "a"})
				}
			}
			if when == "committing" { // everything is read in one page and waits
				a.perPage = 24
				a.before = func(_ context.Context, w schemas.Window, _ time.Time) error { return nil }
				s.fault = func(n int, when string) error { t.Error("something was committed for a"); return nil }
				j.Streams = j.Streams[:1]
				j.Now = func() time.Time {
					if s := consents; s.asked >= 6 { // plan, and two for each window: now comes the commit
						return noon.Add(2 * time.Hour)
					}
					return noon
				}
			}
			j.Consents, j.Limits.Parallel = consents, 1
			report, err := Run(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			v := report.Verdict()
			if v.Code != CodePerson || !strings.Contains(strings.Join(v.Why, "\n"), "dropped") || !strings.Contains(v.Why[0], "cns_a") {
				t.Errorf("%+v", v)
			}
			for id := range s.rows {
				if strings.HasPrefix(id, "a/") && (when == "committing" || !strings.HasPrefix(id, "a/0301")) {
					t.Fatalf("%s was committed", id)
				}
			}
			if report.Streams[0].Err == nil || !errors.Is(report.Streams[0].Err, sources.ErrConsent) {
				t.Errorf("%v", report.Streams[0].Err)
			}
		})
	}
}

func TestRegistryOutOfReachStopsTheRun(t *testing.T) {
	s := newStore()
	j := job(s, noon, wallet(checked(t), "a"))
	consents := consented(time.Time{}, noon.Add(time.Hour), "analytics", "a")
	j.Consents, consents.err = consents, errBoom
	if _, err := Run(t.Context(), j); !errors.Is(err, errBoom) || s.commits() != 0 {
		t.Errorf("%v, %d commits", err, s.commits())
	}
}

// Fields outside the purposes are empty before anything is kept, and the raw
// text of a reject, which holds every field, is not kept at all.
func TestFieldsOutsideThePurposes(t *testing.T) {
	s, h := newStore(), wallet(checked(t), "a")
	amount := int64(100)
	h.reject = func(time.Time) []schemas.Reject {
		return []schemas.Reject{{RowID: "r", Reason: schemas.ReasonTime, Amount: &amount, Currency: "AZN", Raw: []byte(`{"secret": 1}`)}}
	}
	kept := &keepRows{store: s}
	sealed := &rawTexts{}
	j := job(kept, noon, h)
	j.Vault, j.Consents = sealed, consented(time.Time{}, noon.Add(time.Hour), "spend", "a")
	if _, err := Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if len(kept.providers) == 0 || kept.balances != 0 || sealed.n != 0 {
		t.Errorf("providers %d, balances %d, raw texts %d", len(kept.providers), kept.balances, sealed.n)
	}
	j.Consents = consented(time.Time{}, noon.Add(time.Hour), "analytics", "a")
	if _, err := Run(t.Context(), j); err != nil || kept.balances == 0 || sealed.n == 0 {
		t.Errorf("with everything allowed: balances %d, raw texts %d, %v", kept.balances, sealed.n, err)
	}
}

// keepRows looks at what arrives.
type keepRows struct {
	*store
	providers map[string]bool
	balances  int
}

func (k *keepRows) Commit(ctx context.Context, b sinks.Batch) (sinks.Receipt, error) {
	if k.providers == nil {
		k.providers = map[string]bool{}
	}
	for _, p := range b.Parts {
		for rec, err := range p.Rows.All() {
			if err != nil {
				return sinks.Receipt{}, err
			}
			balance := rec.Column(schemas.Ledger.Index("balance_after_minor"))
			k.balances += balance.Len() - balance.NullN()
			for i := range balance.Len() {
				k.providers[strings.Clone(rec.Column(schemas.Ledger.Index("provider_code")).(*array.String).Value(i))] = true
			}
		}
	}
	return k.store.Commit(ctx, b)
}

type rawTexts struct{ n int }

func (r *rawTexts) Put(context.Context, schemas.Stream, string, []byte) error { r.n++; return nil }
