package gate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
)

// An approval holds for one order, as it was signed, by somebody who may.
func TestApprovals(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	aysel, farid := newApprover(t, "aysel"), newApprover(t, "farid")
	keys := gate.Approvers{"aysel": aysel.verifier}
	it := aysel.approved(t, draft(order("k", 120_00), "farid"), now)
	if err := keys.Check(it); err != nil {
		t.Fatal(err)
	}
	edited := it
	edited.Order.AmountMinor++
	edited.Fingerprint = fingerprint(edited.Order)
	other := aysel.approved(t, draft(order("other", 120_00), "farid"), now)
	for name, c := range map[string]struct {
		keys   gate.Approvers
		change func(*gate.Intent)
	}{
		"nobody":             {keys, func(it *gate.Intent) { it.Approval = gate.Approval{} }},
		"its maker":          {keys, func(it *gate.Intent) { it.Maker = "aysel" }},
		"an edit":            {keys, func(it *gate.Intent) { *it = edited }},
		"another payment":    {keys, func(it *gate.Intent) { it.Approval = other.Approval }},
		"another batch":      {keys, func(it *gate.Intent) { it.Approval.Batch = "b_0" }},
		"a changed text":     {keys, func(it *gate.Intent) { it.Approval.Note = strings.Replace(it.Approval.Note, "120.00", "121.00", 1) }},
		"no signature":       {keys, func(it *gate.Intent) { it.Approval.Note, _, _ = strings.Cut(it.Approval.Note, "\n\n") }},
		"somebody unknown":   {gate.Approvers{"farid": farid.verifier}, func(*gate.Intent) {}},
		"another key":        {gate.Approvers{"aysel": newApprover(t, "aysel").verifier}, func(*gate.Intent) {}},
		"another's key":      {gate.Approvers{"aysel": farid.verifier}, func(*gate.Intent) {}},
		"a name of another":  {gate.Approvers{"aysel": aysel.verifier, "farid": farid.verifier}, func(it *gate.Intent) { it.Maker, it.Approval.By = "nigar", "farid" }},
		"a key that is none": {gate.Approvers{"aysel": "aysel+00000000+AAAA"}, func(*gate.Intent) {}},
	} {
		changed := it
		c.change(&changed)
		if err := c.keys.Check(changed); !errors.Is(err, gate.ErrApproval) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A batch is approved whole, as it was looked at, or not at all.
func TestBatches(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	aysel := newApprover(t, "aysel")
	keys := gate.Approvers{"aysel": aysel.verifier}
	a, b := draft(order("a", 120_00), "farid"), draft(order("b", 80_00), "farid")
	batch, err := gate.BatchOf([]gate.Intent{b, a})
	if err != nil || batch.Count != 2 || batch.TotalsText() != "200.00 KGS" {
		t.Fatalf("%+v %v", batch, err)
	}
	by, text, err := batch.Sign(aysel.key)
	if err != nil {
		t.Fatal(err)
	}
	ids, ap := []string{a.PaymentID, b.PaymentID}, gate.Approval{By: by, Batch: batch.ID, At: now, Note: text}
	view := func(list ...gate.Intent) gate.View {
		v := gate.View{Intents: map[string]gate.Intent{}}
		for _, it := range list {
			v.Intents[it.PaymentID] = it
		}
		return v
	}
	changes, err := gate.ApproveBatch(ids, ap, keys, now)(view(a, b))
	if err != nil || len(changes) != 2 || changes[1].Intent.Status != gate.Approved || changes[0].Line.By != "aysel" {
		t.Errorf("%+v %v", changes, err)
	}
	edited := draft(order("b", 81_00), "farid")
	mine := b
	mine.Maker = "aysel"
	sent := b
	sent.Status = gate.Accepted
	for name, c := range map[string]struct {
		v    gate.View
		want error
	}{"edited": {view(a, edited), gate.ErrBatch}, "gone": {view(a), gate.ErrAbsent}, "made by the checker": {view(a, mine), gate.ErrApproval}, "sent": {view(a, sent), gate.ErrState}} {
		if changes, err := gate.ApproveBatch(ids, ap, keys, now)(c.v); !errors.Is(err, c.want) || len(changes) != 0 {
			t.Errorf("%s: %+v %v", name, changes, err)
		}
	}
	if _, _, err := batch.Sign("PRIVATE+KEY+nonsense"); err == nil {
		t.Error("signed with nonsense")
	}
}
