package sandbox

import (
	"strings"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// yes and no are booleans as SQL writes them.
func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// unknownSum is what a wallet paid to providers that the catalogue lacks.
type unknownSum struct{ rows, amount int64 }

// note counts a statement row of a provider that is not in the catalogue.
func (x *walletSums) note(e *mpaytest.Entry) {
	if e.ProviderCode == unlisted {
		x.unknown.rows++
		x.unknown.amount += max(e.AmountMinor, -e.AmountMinor)
	}
}

func (w *World) walletTables(t *Truth, beside *walletSums) []TableTruth {
	ledger := table("ledger", "wallet_id; business_date; type; status; channel; provider_code; currency", "count(); sum(amount_minor); sum(fee_minor)")
	for _, l := range beside.ledger {
		ledger.add(l.rows, "AZN", l.amount, l.wallet, l.date, l.kind, l.status, l.channel, l.provider, "AZN", l.rows, l.amount, l.fee)
	}
	proved := table("ledger", "wallet_id; business_date; step_up_required; assurance_level", "count(); sum(amount_minor)")
	proved.About = "assurance"
	for _, l := range t.LedgerAssurance {
		proved.add(l.Rows, "AZN", l.AmountMinor, l.WalletID, l.BusinessDate, yes(l.StepUpRequired), l.AssuranceLevel, l.Rows, l.AmountMinor)
	}
	transfers := table("transfers", "wallet_id; business_date; direction; currency", "count(); sum(entries); sum(amount_minor)")
	for _, d := range t.TransferDays {
		transfers.add(d.Counterparties, d.Currency, d.AmountMinor, d.WalletID, d.BusinessDate, d.Direction, d.Currency, d.Counterparties, d.Entries, d.AmountMinor)
	}
	balances := table("balances", "source; wallet_id; currency; toUnixTimestamp(as_of)", "count(); sum(available_minor); sum(reserved_minor)")
	for _, o := range t.Observed {
		balances.add(1, o.Currency, o.AvailableMinor+o.ReservedMinor, o.Source, o.WalletID, o.Currency, o.AsOf.Unix(), 1, o.AvailableMinor, o.ReservedMinor)
	}
	events := table("assurance_events", "source; wallet_id; business_date; event; assurance_level", "count(); sum(amount_minor)")
	for _, a := range t.Assurance {
		events.add(a.Events, "AZN", a.AmountMinor, a.Source, a.WalletID, a.BusinessDate, a.Event, a.AssuranceLevel, a.Events, a.AmountMinor)
	}
	out := []TableTruth{ledger, proved, transfers, balances, events, w.fundingTable(t)}
	return out
}

// fundingTable is what wallets say of top-ups and, where exports are read, what
// the terminals' network says of its own.
func (w *World) fundingTable(t *Truth) TableTruth {
	funding := table("funding_events", "source; wallet_id; business_date; method; terminal_network; status; currency", "count(); countIf(ledger_id != ''); sum(amount_minor); sum(fee_minor)")
	sums := funding.summed()
	for _, f := range t.Funding {
		sums.add([]any{f.Source, f.WalletID, f.BusinessDate, f.Method, f.TerminalNetwork, f.Status, f.Currency}, f.Events, f.WithLedger, f.AmountMinor, f.FeeMinor)
		if w.files && f.Method == "terminal" { // the terminals' report holds their side of the same
			sums.add([]any{SourceTerminal, f.WalletID, f.BusinessDate, "terminal", "emanat", f.Status, f.Currency}, f.Events, f.WithLedger, f.AmountMinor, f.FeeMinor)
		}
	}
	sums.done(6, 2)
	return funding
}

func (w *World) catalogueTables(t *Truth, until time.Time) []TableTruth {
	providers := table("providers", "source; provider_code; name_az; name_en; name_ru; category; service_code; status", "count()")
	history := table("providers_history", "source; provider_code; category; status; toUnixTimestamp(valid_from); valid_to IS NULL", "count()")
	_, catalogue := w.Providers(until)
	for _, p := range catalogue {
		providers.add(1, "", 0, SourceMPAY, p.Code, p.NameAZ, p.NameEN, p.NameRU, p.Category, p.ServiceCode, p.Status, 1)
		history.add(1, "", 0, SourceMPAY, p.Code, p.Category, p.Status, p.UpdatedAt.Unix(), 1, 1)
	}
	templates := table("templates", "source; wallet_id; template_id; provider_code; status", "count()")
	for _, f := range t.Templates {
		templates.add(1, "", 0, f.Source, f.WalletID, f.TemplateID, f.ProviderCode, "active", 1)
	}
	flows := table("nfc_workflows", "source; workflow_id; provider_code; platform; supported; arrayStringConcat(step_list.name, '>'); status", "count()")
	for _, f := range t.Workflows {
		flows.add(1, "", 0, f.Source, f.WorkflowID, f.ProviderCode, f.Platform, yes(f.Supported), strings.Join(f.Steps, ">"), "active", 1)
	}
	return []TableTruth{providers, history, templates, flows}
}

// fileTables are the tables that exports alone fill.
func (w *World) fileTables(until time.Time, bank bankSums) []TableTruth {
	entries := table("bank_entries", "source; business_date; provider_code; foreign_code; currency; credit_debit", "count(); sum(amount_minor); sum(fee_minor)")
	sums := entries.summed()
	for i := range bank.rows {
		b := &bank.rows[i]
		date, direction := w.dateOf(b.at), "debit"
		code := w.resolve(b.merchant, date)
		if code == "" {
			code = b.merchant
		}
		if b.amount > 0 {
			direction = "credit"
		}
		sums.add([]any{SourceBank, date, code, b.merchant, "AZN", direction}, 1, b.amount, b.fee)
	}
	sums.done(4, 1)
	loyalty := table("loyalty_entries", "source; business_date; type; provider_code; currency", "count(); sum(amount_minor); sum(points_centi)")
	points := loyalty.summed()
	for _, wallet := range w.Wallets() {
		for _, e := range w.Entries(wallet.ID, w.Start(), until.Add(time.Second), until, 0, 1<<30) {
			if e.Type == "bill_pay" && e.Status == "posted" && e.ProviderCode == rewarded {
				points.add([]any{SourceRewards, w.dateOf(e.PostedAt), "earn", e.ProviderCode, "AZN"}, 1, -e.AmountMinor, -e.AmountMinor)
			}
		}
	}
	points.done(4, 1)
	return []TableTruth{entries, loyalty}
}
