package clickhouse

import (
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

func operationRow(id string, at time.Time, amount int64, more row) row {
	r := row{"source": "psp", "project_id": int64(210), "operation_id": id, "payment_id": "pay_" + id, "type": "sale", "status": "success",
		"created_at": at, "completed_at": at, "business_date": at, "amount_minor": amount, "currency": "AZN", "provider_code": "terminal", "method": "terminal"}
	for k, v := range more {
		r[k] = v
	}
	return r
}

func bankRow(id string, at time.Time, amount int64, merchant string) row {
	return row{"source": "bank", "account_id": "AZ•1", "entry_id": id, "booked_at": at, "business_date": at, "booking_date": at,
		"amount_minor": amount, "currency": "AZN", "provider_code": merchant, "status": "booked"}
}

// crossLake: a wallet, a payment platform and a bank that pay the same
// providers and call them by other names.
func crossLake(t *testing.T, l *lake.Lake) {
	t.Helper()
	at := day0.Add(10 * time.Hour)
	catalogue := part(schemas.Providers, "mpay", "", schemas.Window{},
		row{"source": "mpay", "provider_code": "AZERSU_RES", "name_en": "Azersu", "category": "utilities", "status": "active"},
		row{"source": "mpay", "provider_code": "MOB_NAR", "name_en": "Nar", "category": "mobile", "status": "active"})
	commit(t, l, catalogue)
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 3),
		ledgerRow("l1", at, -3740, row{"provider_code": "AZERSU_RES", "channel": "card"}),
		ledgerRow("l2", at, -3740, row{"provider_code": "AZERSU_RES"}),
		ledgerRow("l3", at, -500, row{"provider_code": "MOB_NAR", "external_reference": "pay_o2"}),
		ledgerRow("l4", at, -900, row{"provider_code": "AZERSU_REZ"})))
	commit(t, l, part(schemas.Operations, "psp", "", days(0, 3),
		operationRow("o1", at, 1100, nil), operationRow("o2", at, 500, nil), operationRow("o3", at.AddDate(0, 0, 1), 700, nil)))
	commit(t, l, part(schemas.BankEntries, "bank", "", days(0, 3),
		bankRow("b1", at.AddDate(0, 0, 1), -3740, "AZERSU ASC BAKI"), // the card behind l1
		bankRow("b2", at.AddDate(0, 0, 1), -1200, "AZERSU ASC BAKI"), // paid past the wallet
		bankRow("b3", at, 200, "AZERSU ASC BAKI"), bankRow("b4", at, -9900, "GROCER")))
}

// Every name becomes one provider_code on reading, from its day on, and a
// payment that two systems report counts once. The lake and the rollups keep
// each source's own words, so a corrected crosswalk rewrites nothing.
func TestOneVocabulary(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	crossLake(t, l)
	w := open(t, l, c, false)
	follow(t, w)
	const spend = "SELECT provider_code, provider_name, category, source, sum(entries), sum(spend_minor), sum(refunds_minor) FROM spend_by_provider GROUP BY ALL ORDER BY ALL"
	plain := lines(ask(t, w, spend))
	if want := "AZERSU_RES | Azersu | utilities | mpay | 2 | 7480 | 0\nAZERSU_REZ | AZERSU_REZ |  | mpay | 1 | 900 | 0\nMOB_NAR | Nar | mobile | mpay | 1 | 500 | 0\n" +
		"terminal | terminal |  | psp | 2 | 1800 | 0\n"; plain != want {
		t.Errorf("without a crosswalk:\n%s", plain)
	}
	if err := w.SetAliases(t.Context(), []Alias{
		{Source: "psp", ForeignCode: "terminal", ProviderCode: "MOB_NAR", ValidFrom: day0.AddDate(0, 0, 1)},
		{Source: "bank", ForeignCode: "AZERSU ASC BAKI", ProviderCode: "AZERSU_RES"},
	}); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		spend: "AZERSU_RES | Azersu | utilities | bank | 2 | 1200 | 200\nAZERSU_RES | Azersu | utilities | mpay | 2 | 7480 | 0\nAZERSU_REZ | AZERSU_REZ |  | mpay | 1 | 900 | 0\n" +
			"MOB_NAR | Nar | mobile | mpay | 1 | 500 | 0\nMOB_NAR | Nar | mobile | psp | 1 | 700 | 0\nterminal | terminal |  | psp | 1 | 1100 | 0\n",
		"SELECT operation_id, provider_code, method FROM operations ORDER BY ALL":                                                    "o1 | terminal | terminal\no2 | terminal | terminal\no3 | MOB_NAR | terminal\n",
		"SELECT entry_id, provider_code, foreign_code FROM bank_entries ORDER BY ALL":                                                "b1 | AZERSU_RES | AZERSU ASC BAKI\nb2 | AZERSU_RES | AZERSU ASC BAKI\nb3 | AZERSU_RES | AZERSU ASC BAKI\nb4 | GROCER | GROCER\n",
		"SELECT reason, score, counted_id, excluded_table, excluded_id, provider_code, amount_minor FROM double_counts ORDER BY ALL": "card statement | 0.8 | l1 | bank_entries | b1 | AZERSU_RES | 3740\nsame reference | 1 | l3 | operations | o2 | terminal | 500\n",
		"SELECT `table`, source, foreign_code, rows, amount_minor, suggestion FROM unknown_providers ORDER BY ALL":                   "bank_entries | bank | GROCER | 1 | 9900 | \nledger | mpay | AZERSU_REZ | 1 | 900 | AZERSU_RES\noperations | psp | terminal | 2 | 1600 | \n",
		"SELECT source, foreign_code, provider_code, valid_from FROM provider_aliases ORDER BY ALL":                                  "bank | AZERSU ASC BAKI | AZERSU_RES | \\N\npsp | terminal | MOB_NAR | 2026-03-31\n",
		"SELECT provider_code, sum(spend_minor) FROM spend_by_provider_at(snapshot = 2) GROUP BY ALL ORDER BY ALL":                   "AZERSU_RES | 7480\nAZERSU_REZ | 900\nMOB_NAR | 500\n",
		"SELECT count() FROM loads": "4\n",
	} {
		if got := lines(ask(t, w, sql)); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", sql, got, want)
		}
	}
	// Taken back, everything is as it was; and a rebuild keeps the crosswalk.
	if err := w.SetAliases(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := lines(ask(t, w, spend)); got != plain {
		t.Errorf("crosswalk taken back:\n%s", got)
	}
}

// A bank that writes the catalogue's own code needs no crosswalk: its entry is
// spend, once, also where a wallet reports the same payment.
func TestBankInTheCataloguesWords(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	at := day0.Add(10 * time.Hour)
	commit(t, l, part(schemas.Providers, "mpay", "", schemas.Window{}, row{"source": "mpay", "provider_code": "AZERSU_RES", "name_en": "Azersu", "status": "active"}))
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 3), ledgerRow("l1", at, -3740, row{"provider_code": "AZERSU_RES", "channel": "card"})))
	commit(t, l, part(schemas.BankEntries, "bank", "", days(0, 3), bankRow("b1", at, -3740, "AZERSU_RES"), bankRow("b2", at, -1200, "AZERSU_RES"),
		bankRow("b3", at, 200, "AZERSU_RES"), bankRow("b4", at, -9900, "GROCER"), bankRow("b5", at, -100, "")))
	w := open(t, l, c, false)
	follow(t, w)
	for _, aliases := range [][]Alias{nil, {{Source: "bank", ForeignCode: "AZERSU_RES", ProviderCode: "AZERSU_RES"}}} {
		if err := w.SetAliases(t.Context(), aliases); err != nil {
			t.Fatal(err)
		}
		for sql, want := range map[string]string{
			"SELECT provider_code, source, sum(entries), sum(spend_minor), sum(refunds_minor) FROM spend_by_provider GROUP BY ALL ORDER BY ALL": "AZERSU_RES | bank | 2 | 1200 | 200\nAZERSU_RES | mpay | 1 | 3740 | 0\n",
			"SELECT excluded_id, amount_minor FROM double_counts":                                                                               "b1 | 3740\n",
			"SELECT foreign_code, amount_minor FROM unknown_providers":                                                                          "GROCER | 9900\n",
			"SELECT sum(spend_minor) FROM spend_by_provider_at(snapshot = 3)":                                                                   "4940\n",
		} {
			if got := lines(ask(t, w, sql)); got != want {
				t.Errorf("with %d aliases, %s:\n%s\nwant:\n%s", len(aliases), sql, got, want)
			}
		}
	}
}

// One operation that the platform's API and a report of its dashboard hold
// counts once, whether a wallet reports the payment, too, or not.
func TestOperationOfTwoSources(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	at := day0.Add(10 * time.Hour)
	report := func(id string, amount int64, more row) row {
		r := operationRow(id, at, amount, more)
		r["source"], r["provider_code"] = "report", "Terminal"
		return r
	}
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 3), ledgerRow("l1", at, -500, row{"provider_code": "MOB_NAR", "external_reference": "pay_o2"})))
	commit(t, l, part(schemas.Operations, "psp", "", days(0, 3), operationRow("o1", at, 1100, nil), operationRow("o2", at, 500, nil),
		operationRow("o3", at, 300, row{"type": "refund"}), operationRow("o4", at, 40, nil), operationRow("o5", at, 7, row{"status": "decline"})))
	commit(t, l, part(schemas.Operations, "report", "", days(0, 3), report("o1", 1100, nil), report("o2", 500, nil), report("o3", 300, row{"type": "refund"}),
		report("o4", 41, nil), report("o5", 7, row{"status": "decline"}), report("o6", 9, nil)))
	w := open(t, l, c, false)
	follow(t, w)
	for sql, want := range map[string]string{
		"SELECT source, sum(entries), sum(spend_minor), sum(refunds_minor) FROM spend_by_provider GROUP BY ALL ORDER BY ALL": "mpay | 1 | 500 | 0\npsp | 3 | 1140 | 300\nreport | 2 | 50 | 0\n",
		"SELECT sum(spend_minor - refunds_minor) FROM spend_by_provider_at(snapshot = 2)":                                    "1340\n",
		"SELECT reason, counted_source, excluded_source, excluded_id, amount_minor FROM double_counts ORDER BY ALL": "same operation | psp | report | o1 | 1100\nsame operation | psp | report | o3 | -300\n" +
			"same reference | mpay | psp | o2 | 500\nsame reference | mpay | report | o2 | 500\n",
	} {
		if got := lines(ask(t, w, sql)); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", sql, got, want)
		}
	}
}
