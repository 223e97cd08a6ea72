package mpaytest

import (
	"fmt"
	"sort"
	"time"
)

// Sheet is a Book of rows in memory, for tests and benchmarks.
type Sheet struct {
	Cards     []Wallet
	Lines     map[string][]Entry // per wallet, ascending by PostedAt
	Hidden    map[string]time.Time
	Version   string
	Catalogue []Provider
	Extra     Extra
}

// Wallets implements Book.
func (s *Sheet) Wallets() []Wallet { return s.Cards }

// Entries implements Book. Hidden says from when on a row is shown, by id;
// every other row is shown at once, also one of the future.
func (s *Sheet) Entries(wallet string, from, to, now time.Time, skip, limit int) []Entry {
	lines := s.Lines[wallet]
	lo := sort.Search(len(lines), func(i int) bool { return !lines[i].PostedAt.Before(from) })
	hi := sort.Search(len(lines), func(i int) bool { return !lines[i].PostedAt.Before(to) })
	if len(s.Hidden) == 0 {
		lo = min(lo+skip, hi)
		return lines[lo:min(lo+limit, hi)]
	}
	var out []Entry
	for _, e := range lines[lo:hi] {
		if from, ok := s.Hidden[e.ID]; ok && now.Before(from) {
			continue
		}
		if skip--; skip < 0 && len(out) < limit {
			out = append(out, e)
		}
	}
	return out
}

// Providers implements Book.
func (s *Sheet) Providers(time.Time) (string, []Provider) { return s.Version, s.Catalogue }

// Generate returns a Sheet with n rows per wallet, spread evenly over [from,
// to), with a closed balance chain and a catalogue of three providers.
func Generate(wallets, n int, from, to time.Time) *Sheet {
	s := &Sheet{Lines: map[string][]Entry{}, Version: "2026-spring", Catalogue: []Provider{
		{Code: "AZERSU_RES", NameAZ: "Azərsu", NameEN: "Azersu", NameRU: "Азерсу", Category: "utilities", ServiceCode: "water", Status: "active", UpdatedAt: from},
		{Code: "MOB_AZERCELL", NameAZ: "Azercell", NameEN: "Azercell", NameRU: "Азерселл", Category: "mobile", ServiceCode: "topup", Status: "active", UpdatedAt: from},
		{Code: "NET_OLD", NameAZ: "Köhnə", NameEN: "Old", NameRU: "Старый", Category: "internet", Status: "retired", UpdatedAt: from},
	}}
	step := to.Sub(from) / time.Duration(max(n, 1))
	for w := range wallets {
		id := fmt.Sprintf("wlt_%04d", w)
		s.Cards = append(s.Cards, Wallet{ID: id, MSISDN: fmt.Sprintf("+99450%07d", 1000000+w)})
		s.Lines[id] = lines(id, n, from, step)
	}
	return s
}

func lines(wallet string, n int, from time.Time, step time.Duration) []Entry {
	out, balances, balance := make([]Entry, n), make([]int64, n), int64(100_000_00)
	for i := range out {
		e := Entry{ID: fmt.Sprintf("txn_%s_%07d", wallet[4:], i), PostedAt: from.Add(time.Duration(i) * step).Truncate(time.Second),
			Type: "bill_pay", AmountMinor: -int64(100 + i*37%9000), ProviderCode: "AZERSU_RES", Category: "utilities",
			Channel: "balance", SubscriberRef: fmt.Sprintf("****%03d", i%1000), Status: "posted"}
		switch i % 5 {
		case 1:
			e.Type, e.ProviderCode, e.Category, e.SubscriberRef = "transfer_out", "", "", ""
			e.Counterparty = fmt.Sprintf("+99455%07d", 2000000+i%500)
		case 3:
			e.Type, e.AmountMinor, e.ProviderCode, e.Category, e.SubscriberRef = "topup", 50_00, "", "", ""
			e.Channel = "card"
		}
		balance += e.AmountMinor
		balances[i] = balance
		e.BalanceAfterMinor = &balances[i]
		out[i] = e
	}
	return out
}
