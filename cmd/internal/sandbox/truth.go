// Truth: what a right reader of these upstreams must arrive at, computed from
// the books alone, with none of paylake's own code.

package sandbox

import (
	"cmp"
	"slices"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// Names of the sources in the sandbox's configuration.
const (
	SourceMPAY     = "mpay"
	SourceFlashpay = "psp"
)

// Truth is the state of the world at an instant. Amounts are minor units.
type Truth struct {
	Seed             uint64          `json:"seed"`
	Start            string          `json:"start"` // first day, YYYY-MM-DD
	Until            time.Time       `json:"until"`
	SpendByProvider  []Spend         `json:"spend_by_provider"`           // by source, provider, day and currency
	SpendByWallet    []Spend         `json:"spend_by_provider_by_wallet"` // the same, by wallet too
	SpendTotals      []Spend         `json:"spend_totals"`                // by source, provider and currency
	Rows             []RowCount      `json:"rows"`
	Balances         []Balance       `json:"balances"`
	Providers        []ProviderCount `json:"providers"`
	CatalogueVersion string          `json:"catalogue_version"`
	WalletTruth
	PSP   *PSPTruth   `json:"psp"`   // what the platform serves beside operations
	Files []FileTruth `json:"files"` // what the exports of --files hold
	// Callbacks is what the upstreams tell by themselves.
	Callbacks CallbackTruth `json:"callbacks"`
	// Tables is every table of the warehouse, line by line; see TableTruth.
	Tables []TableTruth `json:"tables"`
}

// Spend is a line of spend_by_provider: spend is bill_pay and fee rows with a
// negative amount, posted or reversed, and successful sales; refunds are refund
// and reversal rows with a positive amount, and successful refund and reversal
// operations. A row of status reversed to which no reversal row points counts
// as both. Entries is the number of rows behind the line, each once.
type Spend struct {
	Source       string `json:"source"`
	WalletID     string `json:"wallet_id,omitempty"`
	BusinessDate string `json:"business_date,omitempty"`
	ProviderCode string `json:"provider_code"`
	Currency     string `json:"currency"`
	Entries      int64  `json:"entries"`
	SpendMinor   int64  `json:"spend_minor"`
	RefundsMinor int64  `json:"refunds_minor"`
	NetMinor     int64  `json:"net_minor"`
}

// RowCount is the number of visible rows of a table, and their sum as sent
// (every status counted; operations are unsigned; zero for the catalogue).
type RowCount struct {
	Source      string `json:"source"`
	WalletID    string `json:"wallet_id,omitempty"`
	Table       string `json:"table"`
	Currency    string `json:"currency,omitempty"`
	Rows        int64  `json:"rows"`
	AmountMinor int64  `json:"amount_minor"`
}

// Balance is the balance after the last visible row that names one.
type Balance struct {
	Source       string    `json:"source"`
	WalletID     string    `json:"wallet_id"`
	Currency     string    `json:"currency"`
	AsOf         time.Time `json:"as_of"`
	BalanceMinor int64     `json:"balance_minor"`
}

// ProviderCount is the number of catalogue rows of a status.
type ProviderCount struct {
	Source string `json:"source"`
	Status string `json:"status"`
	Count  int64  `json:"count"`
}

// Truth reads the whole world as it stands at an instant, as its clients could
// have read it by then.
func (w *World) Truth(until time.Time) Truth {
	until = w.seen(until)
	t := Truth{Seed: w.seed, Start: w.Start().Format(time.DateOnly), Until: until.UTC()}
	sums, beside := ledgerSums{}, newWalletSums(w)
	for _, b := range w.wallets {
		rows, balance := w.walletTruth(b.who.id, until, sums, beside)
		t.Rows = append(t.Rows, rows)
		t.Balances = append(t.Balances, balance)
	}
	t.Rows = append(t.Rows, w.operationTruth(until, sums)...)
	t.PSP = w.pspTruth(until)
	_, t.Files = w.Files(until)
	bank := w.bankTruth(until, sums)
	if w.planted != nil { // the wallet's payment counts, the platform's is the same money
		sums.add(w.planted.sale(w), -1, -w.planted.amount, 0)
	}
	t.Callbacks = w.callbackTruth()
	version, catalogue := w.Providers(until)
	t.Rows = append(t.Rows, RowCount{Source: SourceMPAY, Table: "providers", Rows: int64(len(catalogue))})
	t.CatalogueVersion, t.Providers = version, countStatus(catalogue)
	t.WalletTruth = beside.result(until)
	t.Rows = append(t.Rows, t.rows(w.wallets)...)
	t.SpendByWallet = sums.lines(func(s Spend) Spend { return s })
	t.SpendByProvider = sums.lines(func(s Spend) Spend { s.WalletID = ""; return s })
	t.SpendTotals = sums.lines(func(s Spend) Spend { s.WalletID, s.BusinessDate = "", ""; return s })
	t.Tables = w.tables(until, &t, beside, bank)
	return t
}

// ledgerSums sums by everything that a line can have; the key is a line
// without its sums.
type ledgerSums map[Spend]*Spend

func (m ledgerSums) add(key Spend, entries, spend, refunds int64) {
	s := m[key]
	if s == nil {
		line := key
		s = &line
		m[key] = s
	}
	s.Entries += entries
	s.SpendMinor += spend
	s.RefundsMinor += refunds
	s.NetMinor += spend - refunds
}

// lines sums again under coarser keys and orders the result.
func (m ledgerSums) lines(coarser func(key Spend) Spend) []Spend {
	sums := ledgerSums{}
	for key, s := range m {
		sums.add(coarser(key), s.Entries, s.SpendMinor, s.RefundsMinor)
	}
	out := make([]Spend, 0, len(sums))
	for key, s := range sums {
		if *s != key { // what counts twice may take a line back altogether
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(a, b Spend) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.WalletID, b.WalletID), cmp.Compare(a.BusinessDate, b.BusinessDate),
			cmp.Compare(a.ProviderCode, b.ProviderCode), cmp.Compare(a.Currency, b.Currency))
	})
	return out
}

// chunk is how many rows are read at a time.
const chunk = 20_000

func (w *World) walletTruth(wallet string, until time.Time, sums ledgerSums, beside *walletSums) (RowCount, Balance) {
	rows := RowCount{Source: SourceMPAY, WalletID: wallet, Table: "ledger", Currency: "AZN"}
	balance := Balance{Source: SourceMPAY, WalletID: wallet, Currency: "AZN"}
	pointed := map[string]bool{}         // rows that a visible reversal row reverses
	reversed := map[string]reversedRow{} // spend of status reversed
	for skip := 0; ; skip += chunk {
		page, _ := w.read(wallet, w.Start(), until.Add(time.Second), until, skip, chunk)
		for i := range page {
			e := &page[i]
			rows.Rows++
			rows.AmountMinor += e.AmountMinor
			if e.BalanceAfterMinor != nil {
				balance.AsOf, balance.BalanceMinor = e.PostedAt.UTC(), *e.BalanceAfterMinor
			}
			if e.ReversalOf != "" {
				pointed[e.ReversalOf] = true
			}
			w.addEntry(wallet, e, sums, reversed)
			beside.entry(wallet, e)
		}
		if len(page) < chunk {
			break
		}
	}
	for id, r := range reversed {
		if !pointed[id] {
			sums.add(r.key, 0, 0, r.spend)
		}
	}
	return rows, balance
}

type reversedRow struct {
	key   Spend
	spend int64
}

// addEntry counts one statement row, if it is spend or a refund.
func (w *World) addEntry(wallet string, e *mpaytest.Entry, sums ledgerSums, reversed map[string]reversedRow) {
	key := Spend{
		Source: SourceMPAY, WalletID: wallet, BusinessDate: e.PostedAt.In(w.cal.zone).Format(time.DateOnly),
		ProviderCode: e.ProviderCode, Currency: "AZN",
	}
	switch {
	case (e.Type == "bill_pay" || e.Type == "fee") && e.AmountMinor < 0 && (e.Status == "posted" || e.Status == "reversed"):
		sums.add(key, 1, -e.AmountMinor, 0)
		if e.Status == "reversed" {
			reversed[e.ID] = reversedRow{key, -e.AmountMinor}
		}
	case (e.Type == "refund" || e.Type == "reversal") && e.AmountMinor > 0:
		sums.add(key, 1, 0, e.AmountMinor)
	}
}

func (w *World) operationTruth(until time.Time, sums ledgerSums) []RowCount {
	all := []RowCount{{Source: SourceFlashpay, Table: "operations", Currency: "KGS"}}
	if w.planted != nil {
		all = append(all, RowCount{Source: SourceFlashpay, Table: "operations", Currency: w.planted.sale(w).Currency})
	}
	count := func(o *flashpaytest.Operation) {
		rows := &all[slices.IndexFunc(all, func(r RowCount) bool { return r.Currency == o.Currency })]
		rows.Rows++
		rows.AmountMinor += o.AmountMinor
		key := Spend{
			Source: SourceFlashpay, BusinessDate: o.CreatedAt.In(w.ops.cal.zone).Format(time.DateOnly),
			ProviderCode: o.PaymentMethod, Currency: o.Currency,
		}
		switch {
		case o.Type == "sale" && o.Status == "success":
			sums.add(key, 1, o.AmountMinor, 0)
		case (o.Type == "refund" || o.Type == "reversal") && o.Status == "success":
			sums.add(key, 1, 0, o.AmountMinor)
		}
	}
	for _, o := range w.beyondList(until) {
		count(&o)
	}
	for skip := 0; ; skip += chunk {
		page := w.Operations(ProjectID, w.Start().AddDate(0, 0, -1), until, until, skip, chunk)
		for i := range page {
			count(&page[i])
		}
		if len(page) < chunk {
			return all
		}
	}
}

func countStatus(catalogue []mpaytest.Provider) []ProviderCount {
	counts := map[string]int64{}
	for _, p := range catalogue {
		counts[p.Status]++
	}
	var out []ProviderCount
	for status, n := range counts {
		out = append(out, ProviderCount{SourceMPAY, status, n})
	}
	slices.SortFunc(out, func(a, b ProviderCount) int { return cmp.Compare(a.Status, b.Status) })
	return out
}
