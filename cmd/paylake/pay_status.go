package main

// How payments stand, for people and programs.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/gate"
)

// payStatus is `pay status --json`. It holds no telephone number.
type payStatus struct {
	Killed   bool        `json:"killed"`
	KilledBy string      `json:"killed_by,omitempty"`
	Reason   string      `json:"killed_reason,omitempty"`
	Payments []payIntent `json:"payments"`
}

// payIntent is one payment of it.
type payIntent struct {
	PaymentID    string    `json:"payment_id"`
	Key          string    `json:"key"`
	Job          string    `json:"job"`
	Source       string    `json:"source"`
	ProviderCode string    `json:"provider_code"`
	AmountMinor  int64     `json:"amount_minor"`
	Currency     string    `json:"currency"`
	CustomerID   string    `json:"customer_id"`
	Account      string    `json:"account_masked"`
	Status       string    `json:"status"`
	Waits        string    `json:"waits_for,omitempty"` // what a person must do
	Maker        string    `json:"maker"`
	Checker      string    `json:"checker,omitempty"`
	Batch        string    `json:"batch,omitempty"`
	Fingerprint  string    `json:"fingerprint"`
	Told         string    `json:"told,omitempty"`
	Code         string    `json:"code,omitempty"`
	OperationID  string    `json:"operation_id,omitempty"`
	SentAt       time.Time `json:"sent_at,omitzero"`
	SettledAt    time.Time `json:"settled_at,omitzero"`
	Changed      time.Time `json:"changed_at"`
	Finding      string    `json:"finding,omitempty"`
	History      []payLine `json:"history,omitempty"`
}

type payLine struct {
	Version int64     `json:"version"`
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Event   string    `json:"event"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
}

// statusFlags are those of `pay status`.
type statusFlags struct {
	states []string
	job    string
	poll   bool
	asJSON bool
}

func (p *program) payStatusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use: "status [PAYMENT]", Short: "How payments stand, what waits for a person, what looks wrong", Args: cobra.MaximumNArgs(1),
		Long: `Lists payments that are not over, or those of a state, or one with its history.
Exit code 4: something waits for a person; 3: there are findings. --poll asks the
platform first.`,
		Example: "  paylake pay status\n  paylake pay status --state success --state decline --json\n  paylake pay status pl_0123… --poll",
		RunE:    func(cmd *cobra.Command, args []string) error { return p.payStatus(cmd.Context(), args, f) },
	}
	var names []string
	for _, s := range gate.Statuses() {
		names = append(names, string(s))
	}
	cmd.Flags().StringArrayVar(&f.states, "state", nil, "payments of this `STATE`; may be repeated (those that are not over)")
	cmd.Flags().StringVar(&f.job, "job", "", "payments of this `JOB`")
	cmd.Flags().BoolVar(&f.poll, "poll", false, "ask the platform about what is undecided")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (p *program) payStatus(ctx context.Context, args []string, f statusFlags) (err error) {
	for _, s := range f.states {
		if !isStatus(s) {
			return usagef("payments have no state %q; they have %v", s, gate.Statuses())
		}
	}
	d, err := p.openPayments(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	list, err := d.chosen(ctx, args, f)
	if err != nil {
		return err
	}
	if f.poll {
		if list, err = p.poll(ctx, d, list); err != nil {
			return err
		}
	}
	out, err := d.status(ctx, list, len(args) > 0)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = p.json(out)
	} else {
		err = p.showPayments(out)
	}
	if err != nil {
		return err
	}
	return concludePayments(out)
}

func isStatus(text string) bool {
	for _, s := range gate.Statuses() {
		if string(s) == text {
			return true
		}
	}
	return false
}

// chosen are the intents that a status is about.
func (d *payDesk) chosen(ctx context.Context, args []string, f statusFlags) (list []gate.Intent, err error) {
	if len(args) > 0 {
		return d.named(ctx, args, "")
	}
	statuses := f.states
	if len(statuses) == 0 {
		for _, s := range gate.Statuses() {
			statuses = append(statuses, string(s))
		}
	}
	rows, err := d.payments.List(ctx, state.PaymentFilter{Statuses: statuses, Job: f.job})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		it, err := intentOf(r)
		if err != nil {
			return nil, err
		}
		if len(f.states) == 0 && it.Status.Final() && it.Finding == "" {
			continue
		}
		list = append(list, it)
	}
	return list, nil
}

// poll asks the platform about what is undecided, and gives up on senders that
// died.
func (p *program) poll(ctx context.Context, d *payDesk, list []gate.Intent) ([]gate.Intent, error) {
	sender := d.sender()
	for i, it := range list {
		now, err := sender.Look(ctx, it.PaymentID)
		if err != nil {
			return nil, err
		}
		d.told = d.told || now != it
		list[i] = now
	}
	return list, nil
}

func (d *payDesk) status(ctx context.Context, list []gate.Intent, history bool) (out payStatus, err error) {
	s, err := d.payments.Switch(ctx)
	if err != nil {
		return out, err
	}
	out.Killed = s.Killed || d.halted()
	if s.Killed { // otherwise they are those of whoever let them go on
		out.KilledBy, out.Reason = s.By, s.Reason
	}
	out.Payments = []payIntent{}
	for _, it := range list {
		one := payIntentOf(it, d.h.p.now())
		if history {
			lines, err := d.payments.History(ctx, it.PaymentID)
			if err != nil {
				return out, err
			}
			for _, l := range lines {
				one.History = append(one.History, payLine{l.Version, l.At, l.From, l.To, l.Event, l.By, l.Reason})
			}
		}
		out.Payments = append(out.Payments, one)
	}
	return out, nil
}

func payIntentOf(it gate.Intent, now time.Time) payIntent {
	o := it.Order
	return payIntent{PaymentID: it.PaymentID, Key: o.Key, Job: o.Job, Source: o.Source, ProviderCode: o.ProviderCode, AmountMinor: o.AmountMinor, Currency: o.Currency,
		CustomerID: shownCustomer(o), Account: maskedAccount(o), Status: string(it.Status), Waits: waitsFor(it, now), Maker: it.Maker, Checker: it.Approval.By,
		Batch: it.Approval.Batch, Fingerprint: it.Fingerprint, Told: it.Told, Code: it.Code.Number, OperationID: it.Operation, SentAt: it.SentAt, SettledAt: it.Settled,
		Changed: it.Changed, Finding: it.Finding}
}

// maskedAccount is the payer's number for people; empty once it was erased.
func maskedAccount(o gate.Order) string {
	if o.Account == "" {
		return ""
	}
	return schemas.MaskPhone("+" + o.Account)
}

// shownCustomer is the payer's id for people: some projects take telephone
// numbers for ids.
func shownCustomer(o gate.Order) string { return schemas.MaskNumbers(o.CustomerID, "KG") }

// waitsFor says what a person must do, if anybody must.
func waitsFor(it gate.Intent, now time.Time) string {
	switch {
	case it.Status == gate.Draft:
		return "approval"
	case it.Status == gate.Approved:
		return "sending"
	case it.Status == gate.Manual:
		return "a decision"
	case it.Again:
		return "a decision to send again"
	case it.WantsCode(now):
		return "the payer's code"
	}
	return ""
}

// showPayments writes the list for people.
func (p *program) showPayments(s payStatus) error {
	if s.Killed {
		fmt.Fprintf(p.stdout, "payments are stopped by %s: %s\n", cmp.Or(s.KilledBy, "the file payments.killed"), cmp.Or(s.Reason, "no reason is given"))
	}
	if len(s.Payments) == 0 {
		fmt.Fprintln(p.stdout, "no payments")
		return nil
	}
	rows := make([][]string, 0, len(s.Payments))
	for _, i := range s.Payments {
		rows = append(rows, []string{i.PaymentID, i.Key, i.ProviderCode, gate.FormatAmount(i.AmountMinor, i.Currency), i.CustomerID, i.Account, i.Status, i.Waits, i.Finding})
	}
	p.grid([]string{"payment", "key", "provider", "amount", "customer", "account", "state", "waits for", "finding"}, rows)
	for _, i := range s.Payments {
		for _, l := range i.History {
			fmt.Fprintf(p.stdout, "%3d  %s  %-16s %s → %s  by %s  %s\n", l.Version, l.At.UTC().Format(time.RFC3339), l.Event, cmp.Or(l.From, "nothing"), l.To, l.By, l.Reason)
		}
	}
	return nil
}

// showIntents writes a list of drafts or of what is sent.
func (p *program) showIntents(list []gate.Intent) {
	rows := make([][]string, 0, len(list))
	for _, it := range list {
		o := it.Order
		rows = append(rows, []string{it.PaymentID, o.Key, o.ProviderCode, o.Amount(), shownCustomer(o), maskedAccount(o), string(it.Status), it.Maker})
	}
	p.grid([]string{"payment", "key", "provider", "amount", "customer", "account", "state", "planned by"}, rows)
}

// concludePayments is the exit code of a status.
func concludePayments(s payStatus) error {
	waiting, findings := 0, 0
	for _, i := range s.Payments {
		if i.Waits != "" {
			waiting++
		}
		if i.Finding != "" {
			findings++
		}
	}
	switch {
	case waiting > 0:
		return &failure{code: pipeline.CodePerson, err: fmt.Errorf("%d payments wait for a person", waiting), said: true}
	case findings > 0:
		return &failure{code: pipeline.CodeFinding, err: fmt.Errorf("%d payments have findings", findings), said: true}
	}
	return nil
}
