// Favourites of wallets, and the NFC workflows of the utilities' meter cards.

package sandbox

import (
	"fmt"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// Templates implements mpaytest.Activity: the bills that a wallet pays most,
// under the names that its owner gave them. With the season one is renamed and
// one is added.
func (w *World) Templates(wallet string, now time.Time) (out []mpaytest.Template) {
	b, ok := w.byID[wallet]
	if !ok {
		return nil
	}
	now = w.seen(now)
	d, n := diceAt(w.seed, purposeTemplate, place(b.index, 0, 0)), 0
	for i := range billers {
		bl := &billers[i]
		if b.who.bills[bl.class] == 0 || bl.code == unlisted || bl.code == heating || d.below(10) < 5 {
			continue
		}
		sub := diceAt(w.seed, purposePeer, place(b.index, i+1, 0)) // the first subscriber that the wallet pays for
		t := mpaytest.Template{
			ID: w.eventID("tpl_", purposeTemplate, b.index, 0, i), ProviderCode: bl.code, Name: favouriteName(bl, b, i),
			SubscriberRef: fmt.Sprintf("****%d", sub.between(100, 999)), UpdatedAt: w.season.published.Add(time.Duration(i) * time.Hour),
		}
		n++
		if n == 1 && !now.Before(w.season.change) {
			t.Name, t.UpdatedAt = t.Name+" (yeni)", w.season.change
		}
		if n == 3 && now.Before(w.season.retire) {
			continue // not a favourite yet
		}
		out = append(out, t)
	}
	return out
}

// favouriteName is what people write: places, people, sometimes their number.
func favouriteName(bl *biller, b *walletBook, i int) string {
	switch bl.class {
	case "mobile":
		return fmt.Sprintf("%s nömrəm %s", bl.az, b.who.msisdn)
	case "office":
		return fmt.Sprintf("Ofis %d, %s", i%4+1, bl.az)
	case "home":
		return "Ev, " + bl.az
	}
	return bl.az
}

// workflows are data; the names of the steps are made up.
var workflows = []mpaytest.Workflow{
	{ID: "nfc_azeriqaz_smart", ProviderCode: "AZERIQAZ_RES", Platform: "android", CardFamily: "mifare_classic_1k",
		Steps: []string{"detect_card", "read_meter_id", "query_tariff", "confirm_amount", "debit_wallet", "write_credit", "verify_card"}},
	{ID: "nfc_azersu_smart", ProviderCode: "AZERSU_RES", Platform: "android", CardFamily: "mifare_desfire",
		Steps: []string{"detect_card", "authenticate_card", "read_meter_id", "confirm_amount", "debit_wallet", "write_credit", "verify_card"}},
	{ID: "nfc_azerishiq_smart", ProviderCode: "AZERISHIQ_RES", Platform: "android", CardFamily: "mifare_classic_4k",
		Steps: []string{"detect_card", "read_meter_id", "confirm_amount", "debit_wallet", "write_token", "verify_card"}},
	{ID: "nfc_azerishiq_com", ProviderCode: "AZERISHIQ_COM", Platform: "android", CardFamily: "mifare_classic_4k",
		Steps: []string{"detect_card", "read_meter_id", "read_contract", "confirm_amount", "debit_wallet", "write_token", "verify_card"}},
	{ID: "nfc_azersu_ios", ProviderCode: "AZERSU_RES", Platform: "ios", CardFamily: "mifare_desfire"},
}

// Workflows implements mpaytest.WorkflowBook. With the season Azeriqaz's cards
// need one step more.
func (w *World) Workflows(now time.Time) (out []mpaytest.Workflow) {
	changed := !w.seen(now).Before(w.season.change)
	for i, f := range workflows {
		f.UpdatedAt = w.season.published
		if i == 0 && changed {
			f.Steps, f.UpdatedAt = append(f.Steps[:len(f.Steps):len(f.Steps)], "print_receipt"), w.season.change
		}
		out = append(out, f)
	}
	return out
}
