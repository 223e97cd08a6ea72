// What a bank sees of the same people: cards that load wallets, cards that pay a
// bill which the wallet shows, too, and purchases past every wallet.

package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// merchants are the bank's words for providers. They stand in the crosswalk.
var merchants = map[string]string{
	"AZERSU_RES": "AZERSU ASC BAKI", "AZERIQAZ_RES": "AZERIQAZ IB", "AZERISHIQ_RES": "AZERISIQ ASC",
	"NET_CITYNET": "CITYNET MMC", "STORE_KONTAKT": "KONTAKT HOME MMC",
}

const (
	topupMerchant = "MPAY TOPUP"
	grocer        = "BRAVO SUPERMARKET" // no provider of the catalogue
	// aliasedLate is a provider whose merchant is known from a third of the history on.
	aliasedLate = "STORE_KONTAKT"

	purposeCard     uint64 = 2000
	purposePurchase uint64 = 2001
)

// Alias says which provider a merchant is.
type Alias struct {
	Source, ForeignCode, ProviderCode string
	ValidFrom                         string // YYYY-MM-DD; empty: always
}

// Aliases is the crosswalk that belongs to the exports.
func (w *World) Aliases() (out []Alias) {
	for code, merchant := range merchants {
		a := Alias{Source: SourceBank, ForeignCode: merchant, ProviderCode: code}
		if code == aliasedLate {
			a.ValidFrom = w.cal.start(w.cal.today / 3).Format(time.DateOnly)
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Alias) int { return strings.Compare(a.ForeignCode, b.ForeignCode) })
	return out
}

// AliasFile is the crosswalk as a file.
func (w *World) AliasFile() []byte {
	var b strings.Builder
	b.WriteString("source,foreign_code,provider_code,valid_from\n")
	for _, a := range w.Aliases() {
		fmt.Fprintf(&b, "%s,%s,%s,%s\n", a.Source, a.ForeignCode, a.ProviderCode, a.ValidFrom)
	}
	return []byte(b.String())
}

// resolve is the provider that a merchant means on a day; empty when nobody knows.
func (w *World) resolve(merchant, date string) string {
	for _, a := range w.Aliases() {
		if a.ForeignCode == merchant && date >= a.ValidFrom {
			return a.ProviderCode
		}
	}
	return ""
}

// byCard tells whether a bill was charged to a card of the bank; the wallet lists
// it as its own payment all the same.
func (w *World) byCard(b *walletBook, self ref, s *slot) bool {
	if s.biller == noBiller || merchants[billers[s.biller].code] == "" {
		return false
	}
	d := diceAt(w.seed, purposeCard, place(b.index, int(self.day), int(self.slot)))
	return d.below(100) < 15
}

// bankRow is a line of the bank's statement; a negative amount leaves it.
type bankRow struct {
	id, merchant, card, remark string
	at                         time.Time
	amount, fee                int64
}

// bankRows is the statement up to an instant.
func (w *World) bankRows(until time.Time) (out []bankRow) {
	for i, wallet := range w.Wallets() {
		for _, e := range w.FundingEvents(wallet.ID, w.Start(), until.Add(time.Second), until, 0, 1<<30) {
			if e.Method == "card" && e.Status == "completed" {
				out = append(out, bankRow{"BB-" + strings.TrimPrefix(e.ID, "fnd_"), topupMerchant, e.CardMask, "MPAY balans artımı; " + e.LedgerID,
					e.OccurredAt, -e.AmountMinor - e.FeeMinor, e.FeeMinor})
			}
		}
		n := 0
		for _, e := range w.Entries(wallet.ID, w.Start(), until.Add(time.Second), until, 0, 1<<30) {
			if e.Type != "bill_pay" || e.Channel != "card" {
				continue
			}
			n++
			d := diceAt(w.seed, purposeCard, place(100+i, 0, n))
			if at := e.PostedAt.Add(time.Duration(d.below(30*3600)) * time.Second); !at.After(until) {
				out = append(out, bankRow{"BC-" + strings.TrimPrefix(e.ID, "txn_"), merchants[e.ProviderCode], "416973******0001", "kommunal", at, e.AmountMinor, 0})
			}
		}
	}
	return append(out, w.purchases(until)...)
}

// purchases are what the card paid past the wallets; some come back.
func (w *World) purchases(until time.Time) (out []bankRow) {
	shops := []string{grocer, grocer}
	for _, code := range []string{"AZERSU_RES", "NET_CITYNET", aliasedLate} {
		shops = append(shops, merchants[code])
	}
	for day := 0; w.cal.start(day).Before(until) && day < w.cal.days(); day++ {
		d := diceAt(w.seed, purposePurchase, place(0, day, 0))
		for n := range d.below(4) {
			b := bankRow{id: fmt.Sprintf("BP-%d-%d", day, n), merchant: shops[d.below(int64(len(shops)))], card: "416973******0001", remark: "alış",
				at: w.cal.start(day).Add(time.Duration(9*3600+d.below(12*3600)) * time.Second), amount: -d.skewed(300, 40_000, 1)}
			back := b
			back.id, back.remark, back.at, back.amount = "BR-"+b.id, "qaytarma", b.at.Add(40*time.Hour), -b.amount
			if !b.at.After(until) {
				out = append(out, b)
			}
			if d.below(8) == 0 && !back.at.After(until) {
				out = append(out, back)
			}
		}
	}
	return out
}
