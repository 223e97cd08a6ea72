package gatetest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/paylake/paylake/schemas"
)

// paid is a payment that the fake has taken, or was asked for.
type paid struct {
	id, customer, account string
	amount                int64
	status                string // in the platform's words; empty: not taken
	behaviour             Behaviour
	operation             int64
	request               string
	created, decided      time.Time
	bodies                []string // of every sale that was asked for
	asked, looked         int
	executed              int // how often the money has moved
	wrong                 int // codes
	confirmed             []time.Time
}

// firstOperation is below every operation_id.
const firstOperation = 6_000_000_000

// wrongCodes are refused before a payment is declined.
const wrongCodes = 3

// threshold is when the platform declines by itself.
const threshold = time.Hour

// take notes a sale, as its behaviour has it. A nil payment was not taken;
// fresh is false for one that was there. tell is what the platform tells of it.
func (g *Gate) take(q request, body []byte) (p *paid, behaviour Behaviour, tell map[string]any, fresh bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p = g.payments[q.General.PaymentID]
	if p == nil {
		p = &paid{id: q.General.PaymentID, customer: q.Customer.ID, account: schemas.MaskAccount(q.Account.Number), amount: q.Payment.Amount}
		g.payments[p.id] = p
		g.order = append(g.order, p.id)
	}
	behaviour = g.o.Behave(p.id, p.asked)
	p.asked++
	p.bodies = append(p.bodies, string(body))
	if p.status != "" && !g.o.Twice {
		return p, behaviour, nil, false
	}
	switch behaviour {
	case Refuse, Bar, HangBefore:
		return nil, behaviour, nil, false
	}
	if p.status != "" { // asked twice of a platform that pays twice
		p.executed++
		return p, behaviour, nil, true
	}
	g.serial++
	p.operation, p.request, p.created, p.behaviour = firstOperation+g.serial, fmt.Sprintf("r%08d-%08x", g.serial, g.serial*2654435761), g.o.Now(), behaviour
	p.status = "awaiting clarification"
	switch behaviour {
	case DeclineIt:
		p.decide("decline", g.o.Now())
	case Accept:
	case Silent:
		p.status = "processing"
	default:
		p.executed++
		p.decide("success", g.o.Now())
	}
	return p, behaviour, g.words(*p), true
}

func (p *paid) decide(status string, now time.Time) { p.status, p.decided = status, now }

// enter takes the payer's code.
func (g *Gate) enter(id, code string) (found, right bool, tell map[string]any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.payments[id]
	if p == nil || p.status == "" {
		return false, false, nil
	}
	g.age(p)
	if p.status != "awaiting clarification" {
		return true, false, nil
	}
	if code != g.o.Code {
		if p.wrong++; p.wrong >= wrongCodes {
			p.decide("decline", g.o.Now())
			tell = g.words(*p)
		}
		return true, false, tell
	}
	p.executed++
	p.decide("success", g.o.Now())
	p.confirmed = append(p.confirmed, g.o.Now())
	return true, true, g.words(*p)
}

// age declines what nobody confirmed in time.
func (g *Gate) age(p *paid) {
	if p.status == "awaiting clarification" && g.o.Now().Sub(p.created) >= threshold {
		p.decide("decline", g.o.Now())
	}
}

func (g *Gate) look(id string) (*paid, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.payments[id]
	if p == nil {
		return nil, 0
	}
	g.age(p)
	p.looked++
	if p.status == "" {
		return nil, p.looked - 1
	}
	seen := *p
	return &seen, p.looked - 1
}

// CodeOf is the result code of an operation of a state.
func CodeOf(status string) (code, message string) {
	switch status {
	case "decline":
		return "20000", "General decline"
	case "awaiting clarification", "processing":
		return "9999", "Awaiting processing"
	}
	return "0", "Success"
}

// words are a payment as callbacks and status answers tell it.
func (g *Gate) words(p paid) map[string]any {
	sum := map[string]any{"amount": p.amount, "currency": "KGS"}
	code, message := CodeOf(p.status)
	at := p.created
	if !p.decided.IsZero() {
		at = p.decided
	}
	const layout = "2006-01-02T15:04:05-0700"
	op := map[string]any{"id": p.operation, "type": "sale", "status": p.status, "date": at.Format(layout), "created_date": p.created.Format(layout),
		"request_id": p.request, "sum_initial": sum, "sum_converted": sum, "code": code, "message": message,
		"provider": map[string]any{"id": 17101, "payment_id": "mb-" + strconv.FormatInt(p.operation, 10), "auth_code": ""}}
	v := map[string]any{"project_id": g.o.ProjectID, "customer": map[string]any{"id": p.customer}, "account": map[string]any{"number": p.account},
		"payment":   map[string]any{"id": p.id, "type": "purchase", "status": p.status, "date": at.Format(layout), "method": "mbank", "sum": sum, "description": p.id},
		"operation": op}
	if p.status == "awaiting clarification" {
		v["clarification_fields"] = map[string]any{"approval_code": map[string]any{"type": "string"}}
	}
	return v
}

// Executed says how often the money of a payment has moved.
func (g *Gate) Executed(id string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.payments[id]; p != nil {
		return p.executed
	}
	return 0
}

// Asked returns the bodies of every sale that was asked for under an id.
func (g *Gate) Asked(id string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.payments[id]; p != nil {
		return append([]string{}, p.bodies...)
	}
	return nil
}
