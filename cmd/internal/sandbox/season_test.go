package sandbox

import (
	"testing"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

func catalogueAt(w *World, at time.Time) (string, map[string]mpaytest.Provider) {
	version, rows := w.Providers(at)
	byCode := map[string]mpaytest.Provider{}
	for _, p := range rows {
		byCode[p.Code] = p
	}
	return version, byCode
}

func TestTheCatalogueChangesAtItsInstants(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.season
	if !s.change.After(w.Start()) || !s.retire.After(s.change) || !s.retire.Before(noon) {
		t.Fatalf("changes at %s and %s", s.change, s.retire)
	}
	v1, before := catalogueAt(w, s.change.Add(-time.Second))
	v2, changed := catalogueAt(w, s.change)
	_, still := catalogueAt(w, s.retire.Add(-time.Second))
	v3, retired := catalogueAt(w, s.retire)
	if v1 == v2 || v2 == v3 {
		t.Error("a change kept its version", v1, v2, v3)
	}
	if _, ok := before[heating]; ok || changed[heating].UpdatedAt != s.change {
		t.Error("heating did not join with the season")
	}
	if before[renamed].NameAZ == changed[renamed].NameAZ || changed[renamed].UpdatedAt != s.change {
		t.Error("no new name")
	}
	if before[moved].Category != "internet" || changed[moved].Category != "tv" {
		t.Error("no new category")
	}
	if still[adsl].Status != "active" || retired[adsl].Status != "retired" || retired[adsl].UpdatedAt != s.retire {
		t.Error("nothing was retired")
	}
	if before["MOB_AZERCELL"] != retired["MOB_AZERCELL"] {
		t.Error("a row changed for nothing")
	}
}

func TestEveryCodeOfTheLedgerButOneIsListedAndNamed(t *testing.T) {
	w := newWorld(t, Options{Seed: 9})
	_, listed := catalogueAt(w, noon)
	for code, p := range listed {
		if p.NameAZ == "" || p.NameEN == "" || p.NameRU == "" || p.Category == "" || p.UpdatedAt.IsZero() {
			t.Errorf("%s: %+v", code, p)
		}
	}
	lacking := map[string]int{}
	for _, wallet := range w.Wallets() {
		for _, e := range all(w, wallet.ID, noon) {
			if _, ok := listed[e.ProviderCode]; !ok && e.ProviderCode != "" {
				lacking[e.ProviderCode]++
			}
			if e.Type == "bill_pay" && e.ProviderCode == heating && e.PostedAt.Before(w.season.change) {
				t.Errorf("%s was paid before it was listed", heating)
			}
			if e.Type == "bill_pay" && e.ProviderCode == adsl && e.PostedAt.After(w.season.retire) {
				t.Errorf("%s was paid after it was retired", adsl)
			}
		}
	}
	if len(lacking) != 1 || lacking[unlisted] == 0 {
		t.Errorf("not in the catalogue: %v", lacking)
	}
}
