package gate_test

// Guards that a second reading found missing: codes that are repeated, limits of
// what is sent again, callbacks of others, 3061 wherever it stands.

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
)

// A platform that repeats the payer's code in what it says of it: the code is
// kept nowhere, and what is said of one code is not said of the next.
func TestACodeThatIsRepeated(t *testing.T) {
	h := newHouse(t, gatetest.Options{})
	id, s := h.ready(t, "bill 1", 120_00), h.sender()
	if _, err := s.Send(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Minute)
	if _, err := s.Look(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	h.client.Through(direct{says(http.StatusBadRequest, `{"status":"error","code":2004,"message":"approval_code 482913 is wrong"}`)})
	it, err := s.Confirm(t.Context(), id, "482913")
	if err != nil || it.CodeState != gate.CodeRefused || strings.Contains(it.Reason+it.Code.Message, "482913") || it.Code.Number != "2004" || !strings.Contains(it.Reason, "2004 approval_code") {
		t.Errorf("%+v %v", it, err)
	}
	for _, l := range h.register.History(id) {
		if strings.Contains(l.Reason, "482913") {
			t.Errorf("%+v", l)
		}
	}
	h.client.Through(direct{h.gate})
	if it, err = s.Confirm(t.Context(), id, "4711"); err != nil || it.CodeState != gate.CodeTaken || it.Reason != "" {
		t.Errorf("%+v %v", it, err)
	}
}

// A platform that repeats the payer's code long after it was given, in callbacks
// and status answers: no number of four digits or more is kept of what it says
// for people, and its own codes are.
func TestACodeThatIsRepeatedLater(t *testing.T) {
	for name, text := range map[string]string{"plain": "code 4711 was used", "spaced": "code 47 11", "dashed": "4-7-1-1", "long": "in 9471108, twice"} {
		h := newHouse(t, gatetest.Options{})
		id, s := h.ready(t, "bill 1", 120_00), h.sender()
		_, err := s.Send(t.Context(), id, "")
		if err != nil {
			t.Fatal(err)
		}
		h.now = h.now.Add(time.Minute)
		_, asked := s.Look(t.Context(), id)
		_, given := s.Confirm(t.Context(), id, "4711")
		if err := errors.Join(asked, given); err != nil {
			t.Fatal(err)
		}
		h.now = h.now.Add(time.Minute)
		e := gate.Evidence{By: "callback", At: h.now, State: "held " + text, Code: gate.Code{Space: "operation", Number: "20101", Message: text}}
		if err := s.Hear(t.Context(), "psp", id, e); err != nil {
			t.Fatal(err)
		}
		it := h.load(t, id)
		all := fmt.Sprintf("%+v %+v", it, h.register.History(id))
		if it.Code.Number != "20101" || it.Code.Message == "" || strings.Contains(all, text) || strings.Contains(it.Code.Message+it.Told+it.Finding, "4711") {
			t.Errorf("%s: %s", name, all)
		}
		if again, _, changed := it.Observe(e, h.now); changed {
			t.Errorf("%s: the same again: %+v", name, again)
		}
	}
}

// Nobody's code was asked for yet: amounts in what the platform says stay.
func TestMessagesBeforeACode(t *testing.T) {
	h := newHouse(t, gatetest.Options{})
	id, s := h.ready(t, "bill 1", 120_00), h.sender()
	h.client.Through(direct{says(http.StatusBadRequest, `{"status":"error","code":2004,"message":"at most 5000"}`)})
	it, err := s.Send(t.Context(), id, "")
	if err != nil || it.Code.Message != "at most 5000" || !strings.Contains(it.Reason, "2004 at most 5000") {
		t.Errorf("%+v %v", it, err)
	}
}

// What was not let in is sent again within today's limits, not within those of
// the day on which it was tried first.
func TestAgainWithinLimits(t *testing.T) {
	h := newHouse(t, gatetest.Options{Behave: func(_ string, nth int) gatetest.Behaviour {
		if nth == 0 {
			return gatetest.Bar
		}
		return gatetest.Direct
	}})
	m := map[string]int64{"KGS": 200_00}
	h.limits = gate.Limits{Payment: m, Beneficiary: m, Day: m, Tenant: m}
	first, s := h.ready(t, "bill 1", 120_00), h.sender()
	if it, err := s.Send(t.Context(), first, ""); err != nil || it.Status != gate.Manual {
		t.Fatalf("%+v %v", it, err)
	}
	h.limits.Payment = map[string]int64{"KGS": 100_00}
	if it, err := s.Send(t.Context(), first, "aysel"); !errors.Is(err, gate.ErrLimit) || it.Status == gate.Sending || h.load(t, first).Status != gate.Manual {
		t.Errorf("above the limit of one payment: %+v %v", it, err)
	}
	h.limits.Payment = m
	h.now = h.now.Add(24 * time.Hour)
	second := h.ready(t, "bill 2", 120_00)
	if it, err := s.Send(t.Context(), second, ""); err != nil || it.Status != gate.Manual {
		t.Fatalf("%+v %v", it, err)
	}
	if _, err := s.Send(t.Context(), first, "aysel"); !errors.Is(err, gate.ErrLimit) {
		t.Errorf("above the limit of today: %v", err)
	}
	if it, err := s.Send(t.Context(), second, "aysel"); err != nil || it.Status != gate.Accepted {
		t.Errorf("its own money counts once: %+v %v", it, err)
	}
}

// A callback of one source says nothing about a payment of another one.
func TestACallbackOfAnotherSource(t *testing.T) {
	h := newHouse(t, gatetest.Options{Behave: func(string, int) gatetest.Behaviour { return gatetest.Silent }})
	id, s := h.ready(t, "bill 1", 120_00), h.sender()
	if _, err := s.Send(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	e := gate.Evidence{By: "callback", At: h.now, State: "success", AmountMinor: 120_00, Currency: "KGS"}
	if err := s.Hear(t.Context(), "another", id, e); err != nil || h.load(t, id).Status != gate.Accepted {
		t.Errorf("%+v %v", h.load(t, id), err)
	}
	if err := s.Hear(t.Context(), "psp", id, e); err != nil || h.load(t, id).Status != gate.Success {
		t.Errorf("%+v %v", h.load(t, id), err)
	}
}

// Not found is no decline, wherever the code stands.
func TestNotFoundInThePayment(t *testing.T) {
	for _, body := range []string{`{"project_id":210,"payment":{"id":"x","status":"error","code":"3061"}}`,
		`{"project_id":210,"payment":{"id":"x","status":"error"},"operations":[{"type":"sale","status":"error","code":"3061"}]}`} {
		c := clientOf("http://gate.test")
		signature, err := signer{}.Sign([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		c.Through(direct{says(http.StatusOK, strings.TrimSuffix(body, "}")+`,"signature":"`+signature+`"}`)})
		if _, err := c.Status(t.Context(), "x"); !errors.Is(err, gate.ErrNotFound) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Somebody who hands a code over is at it, for as long as he may be.
func TestWhoIsAtIt(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	it := draft(order("k", 120_00), "farid")
	it.Status, it.CodeState, it.CodeGiven = gate.Accepted, gate.CodeSending, now
	if !it.AtIt(now.Add(time.Minute)) || it.AtIt(now.Add(3*time.Minute)) {
		t.Error("a code on its way")
	}
	if it.CodeState = gate.CodeTaken; it.AtIt(now) {
		t.Error("a code that was taken")
	}
	if it.Status, it.Lease = gate.Sending, now.Add(time.Minute); !it.AtIt(now) || it.AtIt(now.Add(time.Minute)) {
		t.Error("a claim")
	}
}
