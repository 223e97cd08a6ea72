package matching

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
)

var at = time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC)

func micros(after time.Duration) int64 { return at.Add(after).UnixMicro() }

func dayOf(after time.Duration) int32 { return int32(micros(after) / (24 * time.Hour).Microseconds()) }

func topup(id, wallet string, amount int64, after time.Duration) row {
	return row{"wallet_id": wallet, "entry_id": id, "posted_at": micros(after), "business_date": dayOf(after), "type": "topup", "channel": "card", "status": "posted", "currency": "AZN", "amount_minor": amount}
}

func payment(id, wallet string, amount int64, after time.Duration) row {
	return row{"wallet_id": wallet, "entry_id": id, "posted_at": micros(after), "business_date": dayOf(after), "type": "bill_pay", "channel": "card", "provider_code": "AZERSU_RES", "status": "posted", "currency": "AZN", "amount_minor": -amount}
}

func booked(id string, amount int64, after time.Duration, currency, merchant string) row {
	return row{"account_id": "AZ1", "entry_id": id, "booked_at": micros(after), "business_date": dayOf(after), "booking_date": dayOf(after), "status": "booked", "currency": currency, "amount_minor": amount, "provider_code": merchant}
}

// town is what two wallets, a bank and a platform hold.
func (h *house) town(t testing.TB) {
	t.Helper()
	some := func(table *schemas.Table, source string, rows ...row) {
		h.commit(t, table, source, len(rows), func(i int) row { return rows[i] })
	}
	some(schemas.Providers, "mpay", row{"provider_code": "AZERSU_RES", "name_en": "Azersu", "status": "active"})
	pending := payment("p9", "w1", 777, 0)
	pending["status"] = "pending"
	some(schemas.Ledger, "mpay", topup("t1", "w1", 2000, 0), topup("t2", "w2", 2000, time.Minute), topup("t3", "w1", 5000, 0), payment("p1", "w1", 3740, 0), payment("p2", "w1", 900, 0), pending)
	some(schemas.BankEntries, "bank", booked("b1", -2000, 2*time.Minute, "AZN", "MPAY TOPUP"), booked("b2", -5000, time.Minute, "AZN", "MPAY TOPUP"), booked("b3", -3740, 5*time.Hour, "AZN", "AZERSU_RES"),
		booked("b4", -500, 30*time.Hour, "AZN", "AZERSU_RES"), booked("b5", -400, 30*time.Hour, "AZN", "AZERSU_RES"), booked("b6", -900, 0, "USD", "OTHER"), booked("b7", -777, 0, "AZN", "OTHER"))
}

func (h *house) step(t testing.TB) Outcome {
	t.Helper()
	so, err := decisions.Read(t.Context(), h.lake)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Step(t.Context(), Input{Warehouse: h.ch, Snapshot: h.follow(t), Lake: h.lake, Decisions: so, Rules: Defaults(), TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h.follow(t)
	return out
}

func key(t testing.TB, text string) match.Key {
	t.Helper()
	k, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const pairsOf = "SELECT concat(if(state = 'matched', '', if(state = 'ambiguous', '?', '!')), toString(rule), ' ', left_id, '~', right_id) AS p FROM matches ORDER BY p"

func (h *house) pairs(t testing.TB, want ...string) {
	t.Helper()
	if got := h.texts(t, pairsOf, 0); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("pairs\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// decide says that rows belong together, or not; want is a piece of the refusal.
func (h *house) decide(t testing.TB, kind decisions.Kind, want string, names ...string) {
	t.Helper()
	desk := Desk{Warehouse: h.ch, Query: clickhouse.Query{Snapshot: h.follow(t), User: "auditor"}, By: "Aysel", Reason: "receipt 7"}
	var keys []match.Key
	for _, n := range names {
		keys = append(keys, key(t, n))
	}
	_, err := decisions.Record(t.Context(), h.lake, func() time.Time { return h.now }, func(so *decisions.Ledger, _ int64) ([]decisions.Decision, error) {
		if kind == decisions.Match {
			return desk.Match(t.Context(), so, keys[0], keys[1:])
		}
		return desk.Unmatch(t.Context(), so, keys[0], keys[1])
	})
	switch {
	case want == "" && err != nil:
		t.Errorf("%s %v: %v", kind, names, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrRefused) && !errors.Is(err, ErrMoney)):
		t.Errorf("%s %v: %v, want %q", kind, names, err, want)
	}
	h.follow(t)
}

// What people decide beats the rules, is remembered, and cannot be what no money
// can be; what counts twice follows; and every snapshot keeps what counted in it.
func TestPeopleDecideAboutRows(t *testing.T) {
	h := newHouse(t)
	h.town(t)
	const l, b = "ledger:mpay:", "bank_entries:bank:AZ1:"
	h.step(t)
	h.pairs(t, "?topup_card t1~b1", "?topup_card t2~b1", "payment_card p1~b3", "topup_card t3~b2")
	const spend = "SELECT concat(toString(source), ' ', toString(sum(spend_minor))) FROM spend_by_provider GROUP BY source ORDER BY source"
	wantSpend := func(what string, snapshot int64, bank string) {
		t.Helper()
		if got := strings.Join(h.texts(t, spend, snapshot), ", "); got != bank+"mpay 4640" {
			t.Errorf("%s: %s", what, got)
		}
	}
	wantSpend("by the rules", 0, "bank 900, ")

	// An ambiguous top-up is decided, and stays so.
	h.decide(t, decisions.Match, "", b+"b1", l+"w2:t2") // in either order
	h.step(t)
	h.pairs(t, "manual t2~b1", "payment_card p1~b3", "topup_card t3~b2")
	if out := h.step(t); out.Manifest != 0 {
		t.Errorf("again, something was committed: %+v", out)
	}
	// What cannot be.
	h.decide(t, decisions.Match, "take them apart first", l+"w1:t1", b+"b1")
	h.decide(t, decisions.Match, "is in AZN", l+"w1:p2", b+"b6")
	h.decide(t, decisions.Match, "900 on the one side and 500 on the other", l+"w1:p2", b+"b4")
	h.decide(t, decisions.Match, "moved no money", l+"w1:p9", b+"b7")
	h.decide(t, decisions.Match, "there is no row", l+"w1:p2", b+"b99")
	h.decide(t, decisions.Match, "named twice", l+"w1:p2", b+"b4", b+"b4")
	h.decide(t, decisions.Match, "one system does not tell one payment twice", l+"w1:t1", l+"w2:t2")
	h.decide(t, decisions.Unmatch, "are not matched", l+"w1:p2", b+"b4")

	// A payment that the bank booked in two parts: neither counts beside it.
	before := h.follow(t)
	h.decide(t, decisions.Match, "", l+"w1:p2", b+"b4", b+"b5")
	h.step(t)
	h.pairs(t, "manual p2~b4", "manual p2~b5", "manual t2~b1", "payment_card p1~b3", "topup_card t3~b2")
	wantSpend("two parts", 0, "")
	wantSpend("as of before", before, "bank 900, ")

	// A pair of the rules is taken apart: both count, and no run makes it again.
	h.decide(t, decisions.Unmatch, "", l+"w1:p1", b+"b3")
	h.step(t)
	h.step(t)
	h.pairs(t, "!manual p1~b3", "manual p2~b4", "manual p2~b5", "manual t2~b1", "topup_card t3~b2")
	wantSpend("taken apart", 0, "bank 3740, ")
	h.decide(t, decisions.Match, "", l+"w1:p1", b+"b3")
	h.step(t)
	h.pairs(t, "manual p1~b3", "manual p2~b4", "manual p2~b5", "manual t2~b1", "topup_card t3~b2")
	wantSpend("made again", 0, "")
	if got := h.texts(t, "SELECT concat(reasons, ' ', toString(score), ' ', counted) FROM matches WHERE left_id = 'p1'", 0); len(got) != 1 || got[0] != "Aysel: receipt 7 100 left" {
		t.Error(got)
	}

	// One of the rows is withdrawn: its match goes with it, and comes back with it.
	h.restate(t, "2", booked("b1", -2000, 2*time.Minute, "AZN", "MPAY TOPUP"), booked("b2", -5000, time.Minute, "AZN", "MPAY TOPUP"))
	h.step(t)
	h.pairs(t, "manual t2~b1", "topup_card t3~b2")
	h.restate(t, "3", booked("b1", -2000, 2*time.Minute, "AZN", "MPAY TOPUP"), booked("b3", -3740, 5*time.Hour, "AZN", "AZERSU_RES"))
	h.step(t)
	h.pairs(t, "manual p1~b3", "manual t2~b1")
}
