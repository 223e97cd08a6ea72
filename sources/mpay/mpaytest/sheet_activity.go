package mpaytest

import (
	"fmt"
	"time"
)

// Extra is what a Sheet knows beside statements, per wallet and in ascending
// order.
type Extra struct {
	Funding   map[string][]FundingEvent
	Assurance map[string][]AssuranceEvent
	Favourite map[string][]Template
	Flows     []Workflow
	Reserved  map[string]int64
}

// Balance implements Activity: the newest balance of the wallet's lines.
func (s *Sheet) Balance(wallet string, now time.Time) Balance {
	b := Balance{AsOf: now, ReservedMinor: s.Extra.Reserved[wallet]}
	for _, e := range s.Lines[wallet] {
		if e.BalanceAfterMinor != nil && !e.PostedAt.After(now) {
			b.AvailableMinor = *e.BalanceAfterMinor - b.ReservedMinor
		}
	}
	return b
}

// FundingEvents implements Activity.
func (s *Sheet) FundingEvents(wallet string, from, to, _ time.Time, skip, limit int) []FundingEvent {
	return between(s.Extra.Funding[wallet], func(e FundingEvent) time.Time { return e.OccurredAt }, from, to, skip, limit)
}

// AssuranceEvents implements Activity.
func (s *Sheet) AssuranceEvents(wallet string, from, to, _ time.Time, skip, limit int) []AssuranceEvent {
	return between(s.Extra.Assurance[wallet], func(e AssuranceEvent) time.Time { return e.OccurredAt }, from, to, skip, limit)
}

// Templates implements Activity.
func (s *Sheet) Templates(wallet string, _ time.Time) []Template { return s.Extra.Favourite[wallet] }

// Workflows implements WorkflowBook.
func (s *Sheet) Workflows(time.Time) []Workflow { return s.Extra.Flows }

func between[T any](all []T, at func(T) time.Time, from, to time.Time, skip, limit int) (out []T) {
	for _, e := range all {
		if at(e).Before(from) || !at(e).Before(to) {
			continue
		}
		if skip--; skip < 0 && len(out) < limit {
			out = append(out, e)
		}
	}
	return out
}

// AddActivity makes what goes with the lines of a sheet: an event for every
// top-up, a login every ten lines and a step-up for every transfer; four
// favourites per wallet and three workflows.
func (s *Sheet) AddActivity(from time.Time) {
	x := Extra{Funding: map[string][]FundingEvent{}, Assurance: map[string][]AssuranceEvent{}, Favourite: map[string][]Template{}, Reserved: map[string]int64{}}
	for _, card := range s.Cards {
		for i, e := range s.Lines[card.ID] {
			if e.Type == "topup" {
				x.Funding[card.ID] = append(x.Funding[card.ID], fundingOf(i, e))
			}
			x.Assurance[card.ID] = append(x.Assurance[card.ID], assuranceOf(i, e)...)
		}
		for i := range 4 {
			x.Favourite[card.ID] = append(x.Favourite[card.ID], Template{ID: fmt.Sprintf("tpl_%s_%d", card.ID[4:], i), Name: "Ev " + fmt.Sprint(i),
				ProviderCode: "AZERSU_RES", SubscriberRef: fmt.Sprintf("****%03d", i), UpdatedAt: from})
		}
		x.Reserved[card.ID] = 250
	}
	for i, p := range []string{"AZERIQAZ_RES", "AZERSU_RES", "AZERISHIQ_RES"} {
		x.Flows = append(x.Flows, Workflow{ID: fmt.Sprintf("nfc_%d", i), ProviderCode: p, Platform: "android", CardFamily: "mifare_classic",
			Steps: []string{"detect_card", "read_meter", "confirm_amount", "write_card"}, UpdatedAt: from})
	}
	s.Extra = x
}

func fundingOf(i int, e Entry) FundingEvent {
	f := FundingEvent{ID: "fnd_" + e.ID[4:], OccurredAt: e.PostedAt, Method: "card", CardMask: "416973******1234", FeeMinor: 25,
		AmountMinor: e.AmountMinor, Status: "completed", LedgerID: e.ID}
	if i%2 == 0 {
		f.Method, f.CardMask, f.TerminalID, f.TerminalNetwork, f.FeeMinor = "terminal", "", fmt.Sprintf("T-%05d", i), "eManat", 0
	}
	return f
}

func assuranceOf(i int, e Entry) (out []AssuranceEvent) {
	session := fmt.Sprintf("ses_%s_%d", e.ID[4:8], i/10)
	if i%10 == 0 {
		out = append(out, AssuranceEvent{ID: "asr_" + e.ID[4:] + "_otp", OccurredAt: e.PostedAt, SessionID: session, Event: "otp_verified", Method: "otp", AssuranceLevel: "A2"})
	}
	if e.Type == "transfer_out" {
		out = append(out, AssuranceEvent{ID: "asr_" + e.ID[4:] + "_done", OccurredAt: e.PostedAt, SessionID: session, Event: "step_up_completed",
			Method: "sima", AssuranceLevel: "A3", LedgerID: e.ID, AmountMinor: -e.AmountMinor})
	}
	return out
}
