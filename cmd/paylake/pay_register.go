package main

// The register of payments, as package gate sees it: intents are sealed rows of
// the state database, and every step of one is told to the lake by the inbox.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/gate"
)

// payRegister implements gate.Register.
type payRegister struct {
	payments state.Payments
	person   func(e164 string) (pseudonym, masked string)
}

var _ gate.Register = payRegister{}

// Decide implements gate.Register.
func (r payRegister) Decide(ctx context.Context, ask gate.Ask, decide func(gate.View) ([]gate.Change, error)) error {
	return r.payments.Decide(ctx, ask.IDs, ask.Since, func(v state.PaymentView) ([]state.PaymentChange, error) {
		view := gate.View{Intents: make(map[string]gate.Intent, len(v.Rows)), Killed: v.Killed}
		for id, row := range v.Rows {
			it, err := intentOf(row)
			if err != nil {
				return nil, err
			}
			view.Intents[id] = it
		}
		for _, u := range v.Used {
			view.Used = append(view.Used, gate.Used{Tenant: u.Tenant, Job: u.Job, ProviderCode: u.Provider, Currency: u.Currency, Minor: u.Minor})
		}
		changes, err := decide(view)
		if err != nil {
			return nil, err
		}
		out := make([]state.PaymentChange, 0, len(changes))
		for _, c := range changes {
			one, err := r.change(c, v.Rows[c.Intent.PaymentID].Version+1)
			if err != nil {
				return nil, err
			}
			out = append(out, one)
		}
		return out, nil
	})
}

// change is a change as the state database stores it.
func (r payRegister) change(c gate.Change, version int64) (state.PaymentChange, error) {
	c.Intent.Version, c.Line.Version, c.Line.PaymentID = version, version, c.Intent.PaymentID
	body, err := json.Marshal(c.Intent)
	if err != nil {
		return state.PaymentChange{}, fmt.Errorf("%s: %w", c.Intent.PaymentID, err)
	}
	notice, err := json.Marshal(r.notice(c.Intent, c.Line))
	if err != nil {
		return state.PaymentChange{}, fmt.Errorf("%s: %w", c.Intent.PaymentID, err)
	}
	it, o, l := c.Intent, c.Intent.Order, c.Line
	return state.PaymentChange{Wake: c.Wake,
		Row: state.PaymentRow{ID: it.PaymentID, Tenant: o.Tenant, Key: o.Key, Source: o.Source, Job: o.Job, Provider: o.ProviderCode, Currency: o.Currency,
			Minor: o.AmountMinor, Status: string(it.Status), Committed: it.Status.Committed(), SentAt: it.SentAt, NextAt: it.NextAt, Version: version, Body: body},
		Line: state.PaymentLine{ID: l.PaymentID, Version: version, At: l.At, From: string(l.From), To: string(l.To), Event: l.Event, By: l.By, Reason: l.Reason, Notice: notice},
	}, nil
}

// payNotice is one step as the lake is told: the payer is a pseudonym.
type payNotice struct {
	PaymentID     string `json:"payment_id"`
	Version       int64  `json:"version"`
	At            string `json:"at"`
	From          string `json:"from"`
	To            string `json:"to"`
	Event         string `json:"event"`
	By            string `json:"by"`
	Reason        string `json:"reason"`
	Tenant        string `json:"tenant"`
	Job           string `json:"job"`
	Key           string `json:"key"`
	ProjectID     int64  `json:"project_id"`
	Method        string `json:"method"`
	Operation     string `json:"operation"`
	ProviderCode  string `json:"provider_code"`
	AmountMinor   int64  `json:"amount_minor"`
	Currency      string `json:"currency"`
	CustomerID    string `json:"customer_id"`
	Account       string `json:"account"`
	AccountMasked string `json:"account_masked"`
	Fingerprint   string `json:"fingerprint"`
	Maker         string `json:"maker"`
	Checker       string `json:"checker"`
	Batch         string `json:"batch"`
	Attempt       int64  `json:"attempt"`
	SentAt        string `json:"sent_at"`
	AcceptedAt    string `json:"accepted_at"`
	SettledAt     string `json:"settled_at"`
	Told          string `json:"told"`
	OperationID   string `json:"operation_id"`
	RequestID     string `json:"request_id"`
	CodeSpace     string `json:"code_space"`
	Code          string `json:"code"`
	CodeMessage   string `json:"code_message"`
	Finding       string `json:"finding"`
}

func (r payRegister) notice(it gate.Intent, l gate.Transition) payNotice {
	o := it.Order
	account, masked := schemas.Erased, schemas.Erased
	if o.Account != "" {
		account, masked = r.person("+" + o.Account)
	}
	return payNotice{PaymentID: it.PaymentID, Version: l.Version, At: instantText(l.At), From: string(l.From), To: string(l.To), Event: l.Event, By: l.By, Reason: l.Reason,
		Tenant: o.Tenant, Job: o.Job, Key: o.Key, ProjectID: o.ProjectID, Method: o.Method, Operation: o.Operation, ProviderCode: o.ProviderCode,
		AmountMinor: o.AmountMinor, Currency: o.Currency, CustomerID: o.CustomerID, Account: account, AccountMasked: masked, Fingerprint: it.Fingerprint,
		Maker: it.Maker, Checker: it.Approval.By, Batch: it.Approval.Batch, Attempt: it.Fence, SentAt: instantText(it.SentAt), AcceptedAt: instantText(it.Accepted),
		SettledAt: instantText(it.Settled), Told: it.Told, OperationID: it.Operation, RequestID: it.Request, CodeSpace: it.Code.Space, Code: it.Code.Number, CodeMessage: it.Code.Message, Finding: it.Finding}
}

// instantText writes an instant to the microsecond, in UTC; empty for none.
func instantText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}

// Load implements gate.Register.
func (r payRegister) Load(ctx context.Context, id string) (gate.Intent, error) {
	row, err := r.payments.Load(ctx, id)
	if errors.Is(err, state.ErrAbsent) {
		return gate.Intent{}, fmt.Errorf("%s: %w; see: paylake pay status", id, gate.ErrAbsent)
	}
	if err != nil {
		return gate.Intent{}, err
	}
	return intentOf(row)
}

// Killed implements gate.Register.
func (r payRegister) Killed(ctx context.Context) (bool, error) {
	s, err := r.payments.Switch(ctx)
	return s.Killed || err != nil, err
}

// intentOf reads a stored intent.
func intentOf(row state.PaymentRow) (it gate.Intent, err error) {
	if err := json.Unmarshal(row.Body, &it); err != nil {
		return it, fmt.Errorf("payment %s: what is stored cannot be read: %w", row.ID, err)
	}
	it.Version = row.Version
	return it, nil
}
