package clickhouse

import (
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

func assuranceRow(id string, at time.Time, event, session, ledger, level string) row {
	return row{"source": "mpay", "wallet_id": "wlt_1", "event_id": id, "occurred_at": at, "business_date": at, "event": event,
		"session_id": session, "ledger_id": ledger, "assurance_level": level, "amount_minor": int64(0), "currency": "AZN"}
}

// A line knows what its payment proved: by its own events, else by those of its
// session up to then; never by those of another wallet, source or payment.
func TestLedgerKnowsItsAssurance(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, true)
	at := func(minute int) time.Time { return day0.Add(time.Duration(minute) * time.Minute) }
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1),
		ledgerRow("none", at(5), -1, nil), ledgerRow("unknown-session", at(5), -1, row{"session_id": "s0"}),
		ledgerRow("otp", at(10), -1, row{"session_id": "s1"}), ledgerRow("later", at(30), -1, row{"session_id": "s1"}),
		ledgerRow("signed", at(12), -1, row{"session_id": "s1"}), ledgerRow("signed-alone", at(12), -1, nil),
		ledgerRow("asked", at(13), -1, row{"session_id": "s1"}), ledgerRow("early", at(1), -1, row{"session_id": "s2"})))
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_2", days(0, 1), ledgerRow("signed", at(12), -1, row{"wallet_id": "wlt_2", "session_id": "s1"})))
	follow(t, w)
	const sql = "SELECT wallet_id, entry_id, step_up_required, assurance_level FROM ledger ORDER BY wallet_id, entry_id"
	plain := lines(ask(t, w, "SELECT count(), countIf(step_up_required), countIf(assurance_level != '') FROM ledger"))
	if plain != "9 | 0 | 0\n" {
		t.Errorf("without events: %s", plain)
	}
	commit(t, l, part(schemas.AssuranceEvents, "mpay", "wlt_1", days(0, 1),
		assuranceRow("1", at(2), "password", "s1", "", "A1"), assuranceRow("2", at(3), "otp_verified", "s1", "", "A2"),
		assuranceRow("3", at(20), "step_up_required", "s1", "", ""), assuranceRow("4", at(21), "step_up_completed", "s1", "", "A4"),
		assuranceRow("5", at(11), "step_up_required", "s1", "signed", ""), assuranceRow("6", at(11), "step_up_completed", "s1", "signed", "A3"),
		assuranceRow("7", at(11), "step_up_completed", "", "signed-alone", "A3"), assuranceRow("8", at(12), "step_up_required", "s1", "asked", ""),
		assuranceRow("9", at(2), "otp_verified", "s2", "", "A2")))
	follow(t, w)
	want := "wlt_1 | asked | true | A2\nwlt_1 | early | false | A2\nwlt_1 | later | true | A4\nwlt_1 | none | false | \nwlt_1 | otp | false | A2\n" +
		"wlt_1 | signed | true | A3\nwlt_1 | signed-alone | true | A3\nwlt_1 | unknown-session | false | \nwlt_2 | signed | false | \n"
	if got := lines(ask(t, w, sql)); got != want {
		t.Errorf("ledger:\n%s\nwant:\n%s", got, want)
	}
	if got := lines(ask(t, w, "SELECT countIf(step_up_required), countIf(assurance_level != '') FROM ledger_at(snapshot = 2)")); got != "0 | 0\n" {
		t.Errorf("as of snapshot 2: %s", got)
	}
	// A corrected event: the level it had counts no more.
	commit(t, l, part(schemas.AssuranceEvents, "mpay", "wlt_1", days(0, 1), assuranceRow("7", at(11), "step_up_completed", "", "signed-alone", "A9")))
	follow(t, w)
	if got := cell(t, w, "SELECT assurance_level FROM ledger WHERE entry_id = 'signed-alone'"); got != "A9" {
		t.Errorf("after a correction: %q", got)
	}
}

// Transfers are edges by person and day, with what that person moved elsewhere.
func TestTransfers(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, false)
	to := func(id, kind, person string, amount int64, more row) row {
		r := ledgerRow(id, day0.Add(time.Hour), amount, row{"type": kind, "provider_code": "", "counterparty": person, "counterparty_masked": "+994•" + person})
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 2), to("1", "transfer_out", "p1_a", -500, row{"fee_minor": int64(5)}), to("2", "transfer_out", "p1_a", -700, nil),
		to("3", "transfer_in", "p1_a", 300, nil), to("4", "transfer_out", "p1_b", -100, row{"status": "reversed", "reversal_code": "TIMEOUT"}),
		to("5", "transfer_out", "p1_a", -900, row{"status": "pending"}), to("6", "transfer_out", "", -10, row{"counterparty_masked": "***1"}), to("7", "transfer_out", "", -20, row{"counterparty_masked": "***2"}),
		ledgerRow("8", day0, -1, nil)))
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_2", days(0, 2), to("1", "transfer_out", "p1_a", -50, row{"wallet_id": "wlt_2"})))
	follow(t, w)
	want := "wlt_1 |  | ***1 | out | 1 | 10 | 0.1 | 0 | 0 | 0 | [] | 2 | 30 | 1\nwlt_1 |  | ***2 | out | 1 | 20 | 0.2 | 0 | 0 | 0 | [] | 2 | 30 | 1\n" +
		"wlt_1 | p1_a | +994•p1_a | in | 1 | 300 | 3 | 0 | 0 | 0 | [] | 1 | 300 | 1\nwlt_1 | p1_a | +994•p1_a | out | 2 | 1200 | 12 | 5 | 1 | 0 | [] | 3 | 1250 | 2\n" +
		"wlt_1 | p1_b | +994•p1_b | out | 1 | 100 | 1 | 0 | 0 | 100 | ['TIMEOUT'] | 1 | 100 | 1\nwlt_2 | p1_a | +994•p1_a | out | 1 | 50 | 0.5 | 0 | 0 | 0 | [] | 3 | 1250 | 2\n"
	if got := lines(ask(t, w, "SELECT wallet_id, counterparty, counterparty_masked, direction, entries, amount_minor, amount, fee_minor, pending_entries, reversed_minor, reversal_codes, person_entries, person_minor, person_wallets FROM transfers ORDER BY 1, 2, 3, 4")); got != want {
		t.Errorf("transfers:\n%s\nwant:\n%s", got, want)
	}
	if got := cell(t, w, "SELECT count() FROM transfers_at(snapshot = 1)"); got != "5" {
		t.Errorf("as of snapshot 1: %s", got)
	}
}

// Every other table as it is shown: decimals, names, marks.
func TestWalletViews(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, true)
	whole := schemas.Window{}
	commit(t, l, part(schemas.Providers, "mpay", "", whole, row{"source": "mpay", "provider_code": "azersu", "name_en": "Azersu", "status": "active"}))
	observed := func(hour int, available int64) row {
		at := day0.Add(time.Duration(hour) * time.Hour)
		return row{"source": "mpay", "wallet_id": "wlt_1", "as_of": at, "as_of_offset_s": 14400, "business_date": at, "currency": "AZN", "available_minor": available, "reserved_minor": int64(50)}
	}
	commit(t, l, part(schemas.Balances, "mpay", "wlt_1", whole, observed(1, 1000)))
	commit(t, l, part(schemas.Balances, "mpay", "wlt_1", whole, observed(2, 1000)))
	again := commit(t, l, part(schemas.Balances, "mpay", "wlt_1", whole, observed(2, 1000)))
	commit(t, l, part(schemas.Balances, "mpay", "wlt_1", whole, observed(24*20, 999)))
	if again.Sequence != 0 || again.Duplicates != 1 {
		t.Errorf("the same observation again: %+v", again)
	}
	commit(t, l, part(schemas.FundingEvents, "mpay", "wlt_1", days(0, 1), row{"source": "mpay", "wallet_id": "wlt_1", "event_id": "f", "occurred_at": day0, "business_date": day0, "method": "card",
		"card_mask": "416973••••••1234", "amount_minor": int64(2000), "currency": "AZN", "fee_minor": int64(10), "status": "completed", "ledger_id": "txn_1"}))
	commit(t, l, part(schemas.Templates, "mpay", "wlt_1", whole, row{"source": "mpay", "wallet_id": "wlt_1", "template_id": "t", "name": "Anam", "provider_code": "azersu", "status": "active"}))
	commit(t, l, part(schemas.NFCWorkflows, "mpay", "", whole,
		row{"source": "mpay", "workflow_id": "a", "provider_code": "azersu", "platform": "android", "steps": `[{"seq":1,"name":"detect"},{"seq":2,"name":"write"}]`, "status": "active"},
		row{"source": "mpay", "workflow_id": "i", "provider_code": "zz", "platform": "ios", "steps": `[]`, "status": "active"},
		row{"source": "mpay", "workflow_id": "w", "provider_code": "zz", "platform": "wearos", "steps": `[]`, "status": "active"}))
	follow(t, w)
	for sql, want := range map[string]string{
		"SELECT as_of, currency, available_minor, reserved_minor, available, reserved, business_date, revision FROM balances ORDER BY as_of": "2026-03-30 01:00:00.000000 | AZN | 1000 | 50 | 10 | 0.5 | 2026-03-30 | 1\n" +
			"2026-03-30 02:00:00.000000 | AZN | 1000 | 50 | 10 | 0.5 | 2026-03-30 | 1\n2026-04-19 00:00:00.000000 | AZN | 999 | 50 | 9.99 | 0.5 | 2026-04-19 | 1\n",
		"SELECT count() FROM balances_at(snapshot = 2)":                                                                         "1\n",
		"SELECT event_id, method, card_mask, amount, fee, ledger_id FROM funding_events":                                        "f | card | 416973••••••1234 | 20 | 0.1 | txn_1\n",
		"SELECT template_id, name, provider_code, provider_name, status FROM templates":                                         "t | Anam | azersu | Azersu | active\n",
		"SELECT workflow_id, provider_name, platform, supported, step_list.name FROM nfc_workflows ORDER BY 1":                  "a | Azersu | android | true | ['detect','write']\ni | zz | ios | false | []\nw | zz | wearos | false | []\n",
		"SELECT count() FROM assurance_events":                                                                                  "0\n",
		"SELECT count() FROM completeness":                                                                                      "5\n", // one with windows, four without
		"SELECT (SELECT count() FROM templates_at(snapshot = 5)), (SELECT count() FROM nfc_workflows_at(snapshot = 7))":         "0 | 3\n",
		"SELECT (SELECT count() FROM funding_events_at(snapshot = 4)), (SELECT count() FROM assurance_events_at(snapshot = 7))": "0 | 0\n",
	} {
		if got := lines(ask(t, w, sql)); got != want {
			t.Errorf("%s:\n%swant:\n%s", sql, got, want)
		}
	}
	if s, err := w.Status(t.Context()); err != nil || s.Doubles != 0 {
		t.Errorf("status %+v, %v", s, err)
	}
}

// A retired row of the catalogue stays, and one that is no longer listed is
// retired; its names in three languages are part of its history, and so is that
// it came back.
func TestProvidersAreKept(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, false)
	p := func(code, status string, day int) row {
		return row{"source": "mpay", "provider_code": code, "name_az": "Köhnə", "name_en": "Old", "name_ru": "Старый", "status": status, "updated_at": day0.AddDate(0, 0, day)}
	}
	listed := func(rows ...row) sinks.Receipt {
		return commit(t, l, part(schemas.Providers, "mpay", "", schemas.Window{}, rows...))
	}
	seen := func() string { return cell(t, w, "SELECT max(created_at) FROM snapshots") }
	listed(p("a", "active", 0), p("b", "active", 0))
	if r := listed(p("a", "retired", 5)); r.Inserted != 2 || r.Retracted != 2 {
		t.Errorf("a revised, b no longer listed: %+v", r)
	}
	if r := listed(p("a", "retired", 5)); r.Sequence != 0 {
		t.Errorf("the same listing again: %+v", r)
	}
	follow(t, w)
	gone := seen()
	if got := lines(ask(t, w, "SELECT provider_code, status FROM providers ORDER BY 1")); got != "a | retired\nb | retired\n" {
		t.Errorf("providers:\n%s", got)
	}
	listed(p("a", "retired", 5), p("b", "active", 0))
	follow(t, w)
	back := seen()
	const words = " | Köhnə | Old | Старый | "
	want := "a" + words + "active | 2026-03-30 00:00:00.000000 | 2026-04-04 00:00:00.000000\na" + words + "retired | 2026-04-04 00:00:00.000000 | \\N\n" +
		"b" + words + "active | 2026-03-30 00:00:00.000000 | " + gone + "\nb" + words + "retired | " + gone + " | " + back + "\nb" + words + "active | " + back + " | \\N\n"
	if got := lines(ask(t, w, "SELECT provider_code, name_az, name_en, name_ru, status, valid_from, valid_to FROM providers_history ORDER BY 1, valid_from")); got != want {
		t.Errorf("history:\n%swant:\n%s", got, want)
	}
}

// A favourite that its owner deleted and a workflow that was withdrawn are
// retired; another wallet's list says nothing about them, and neither does one
// of which a row was rejected, nor a catalogue without a row.
func TestUnlistedRowsAreRetired(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, true)
	list := func(wallet string, ids ...string) sinks.Part {
		var rows []row
		for _, id := range ids {
			rows = append(rows, row{"source": "mpay", "wallet_id": wallet, "template_id": id, "name": "Ev", "status": "active", "updated_at": day0})
		}
		return part(schemas.Templates, "mpay", wallet, schemas.Window{}, rows...)
	}
	flow := func(ids ...string) sinks.Part {
		var rows []row
		for _, id := range ids {
			rows = append(rows, row{"source": "mpay", "workflow_id": id, "platform": "android", "steps": "[]", "status": "active"})
		}
		return part(schemas.NFCWorkflows, "mpay", "", schemas.Window{}, rows...)
	}
	commit(t, l, list("w1", "1", "2"), list("w2", "1", "2"))
	commit(t, l, flow("a", "b"))
	commit(t, l, list("w1"), list("w2", "2"))
	doubtful := flow("a")
	doubtful.Rejects = []schemas.Reject{{RowID: "b", Reason: schemas.ReasonMissing, Raw: []byte("b")}}
	commit(t, l, doubtful)
	commit(t, l, flow())
	follow(t, w)
	for sql, want := range map[string]string{
		"SELECT wallet_id, template_id, status FROM templates ORDER BY ALL":                                 "w1 | 1 | retired\nw1 | 2 | retired\nw2 | 1 | retired\nw2 | 2 | active\n",
		"SELECT wallet_id, countIf(valid_to IS NULL), count() FROM templates_history GROUP BY 1 ORDER BY 1": "w1 | 2 | 4\nw2 | 2 | 3\n",
		"SELECT workflow_id, status FROM nfc_workflows ORDER BY ALL":                                        "a | active\nb | active\n",
		"SELECT countIf(status = 'active') FROM templates_at(snapshot = 1)":                                 "4\n",
	} {
		if got := lines(ask(t, w, sql)); got != want {
			t.Errorf("%s:\n%swant:\n%s", sql, got, want)
		}
	}
	commit(t, l, flow("a"))
	follow(t, w)
	if got := lines(ask(t, w, "SELECT workflow_id, status, valid_from < valid_to, valid_to IS NULL FROM nfc_workflows_history ORDER BY 1, valid_from")); got !=
		"a | active | \\N | 1\nb | active | 1 | 0\nb | retired | \\N | 1\n" {
		t.Errorf("history:\n%s", got)
	}
}
