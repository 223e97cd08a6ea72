package main

// The daily check: what the register says, what callbacks and status answers
// said, what the platform's own list has, and what the wallets' statements show.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/webhook"
)

const (
	differencesNote = "payments/differences" // in the state database: what the newest check found
	checkedNote     = "payments/checked"     // the day of the newest check of `up`
	checkEvery      = 15 * time.Minute       // `up` looks whether today's check was done
	mostListed      = 1_000_000
)

func (p *program) payCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check", Short: "Compare payments with the platform's own list; every difference has an age", Args: cobra.NoArgs,
		Long: `Compares the register of payments, which callbacks and status answers have moved,
with the operations that the Data API lists (as far as it has been read), and with
the statement rows of wallets that name a payment or its operation. paylake
up does it every day; differences are told to webhooks as reconciliation.failed.
Exit code 3: there are differences.`,
		Example: "  paylake run operations && paylake pay check\n  paylake pay check --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.payCheck(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) payCheck(ctx context.Context, asJSON bool) (err error) {
	d, err := p.openPayments(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	list, err := d.check(ctx)
	if err != nil {
		return err
	}
	d.told = d.told || len(list) > 0 // followers tell them
	if asJSON {
		err = p.json(map[string]any{"differences": list})
	} else {
		p.showDifferences(list)
	}
	if err == nil && len(list) > 0 {
		err = &failure{code: pipeline.CodeFinding, err: fmt.Errorf("%d differences", len(list)), said: true}
	}
	return err
}

func (p *program) showDifferences(list []gate.Difference) {
	if len(list) == 0 {
		fmt.Fprintln(p.stdout, "register and platform agree")
		return
	}
	rows := make([][]string, 0, len(list))
	for _, one := range list {
		rows = append(rows, []string{one.PaymentID, one.Source, one.Kind, p.now().Sub(one.Since).Truncate(time.Minute).String(), one.Detail})
	}
	p.grid([]string{"payment", "source", "difference", "age", "what"}, rows)
}

// check compares, and remembers what it found.
func (d *payDesk) check(ctx context.Context) ([]gate.Difference, error) {
	ch, err := d.currentWarehouse(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := d.payments.List(ctx, state.PaymentFilter{})
	if err != nil {
		return nil, err
	}
	intents := make([]gate.Intent, 0, len(rows))
	for _, r := range rows {
		it, err := intentOf(r)
		if err != nil {
			return nil, err
		}
		intents = append(intents, it)
	}
	listed, err := d.listedSales(ctx, ch)
	if err != nil {
		return nil, err
	}
	complete, err := completeSales(ctx, ch)
	if err != nil {
		return nil, err
	}
	linked, err := d.linked(ctx)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(gate.Differences(intents, listed, complete, d.h.p.now()), func(one gate.Difference) bool {
		return one.Kind == gate.NobodysIntent && linked[one.PaymentID]
	})
	charged, err := ledgerDifferences(ctx, ch)
	if err != nil {
		return nil, err
	}
	return d.remember(ctx, append(list, charged...))
}

// linked are the payments for which links were made: the payer initiates them.
func (d *payDesk) linked(ctx context.Context) (map[string]bool, error) {
	acts, err := d.h.state.Acts(ctx)
	out := map[string]bool{}
	for _, a := range acts {
		if a.Action == linkAct {
			out[a.Subject] = true
		}
	}
	return out, err
}

// remember keeps what was found with the hour at which it was first found.
func (d *payDesk) remember(ctx context.Context, list []gate.Difference) ([]gate.Difference, error) {
	known, err := differences(ctx, d.h.state)
	if err != nil {
		return nil, err
	}
	first := map[string]time.Time{}
	for _, one := range known {
		first[differenceID(one)] = one.FirstSeen
	}
	for i, one := range list {
		if list[i].FirstSeen = first[differenceID(one)]; list[i].FirstSeen.IsZero() {
			list[i].FirstSeen = d.h.p.now().UTC().Truncate(time.Microsecond)
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return list, d.h.state.Set(ctx, differencesNote, string(text))
}

func differenceID(d gate.Difference) string { return d.Source + " " + d.PaymentID + " " + d.Kind }

// differences are those that the newest check has found.
func differences(ctx context.Context, db *state.DB) (list []gate.Difference, err error) {
	text, err := db.Get(ctx, differencesNote)
	if err != nil || text == "" {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("what the check of payments has found cannot be read: %w", err)
	}
	return list, nil
}

// differenceEvents tells each of them once, and again when it comes back after it
// had gone.
func (h *house) differenceEvents(ctx context.Context) (out []webhook.Event, err error) {
	list, err := differences(ctx, h.state)
	for _, one := range list {
		out = append(out, webhook.Reconciliation(differenceID(one)+" "+instantText(one.FirstSeen), "payments: "+one.Kind, one.Since.UTC().Format("2006-01"), one.PaymentID+" of "+one.Source+": "+one.Detail, one.FirstSeen))
	}
	return out, err
}

// listedSales are the sales that may be ours, as callbacks or the list show them.
func (d *payDesk) listedSales(ctx context.Context, ch *clickhouse.Warehouse) (out []gate.Listed, err error) {
	noted, err := d.payments.Listings(ctx)
	if err != nil {
		return nil, err
	}
	byList := map[[2]string]string{} // the list's status of an operation
	for _, l := range noted {
		byList[[2]string{l.Source, l.OperationID}] = l.Status
	}
	got, err := ch.Select(ctx, `SELECT toString(source), payment_id, toString(status), toString(amount_minor), toString(currency), toString(toUnixTimestamp64Micro(coalesce(completed_at, created_at))), operation_id
		FROM operations WHERE type = 'sale' AND startsWith(payment_id, 'pl_')`, clickhouse.Selection{Rows: mostListed})
	if err != nil {
		return nil, err
	}
	for _, row := range got.Rows {
		text := texts(row)
		minor, err1 := schemas.ParseMinorInteger([]byte(text[3]))
		at, err2 := schemas.ParseMinorInteger([]byte(text[5]))
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("an operation of payment %s: %w", text[1], err)
		}
		out = append(out, gate.Listed{Source: text[0], PaymentID: text[1], Status: text[2], Minor: minor, Currency: text[4], At: time.UnixMicro(at).UTC(),
			ByList: byList[[2]string{text[0], text[6]}] == text[2]})
	}
	return out, nil
}

// completeSales says up to when each platform's list has been read.
func completeSales(ctx context.Context, ch *clickhouse.Warehouse) (map[string]time.Time, error) {
	got, err := ch.Select(ctx, "SELECT toString(source), toString(toUnixTimestamp(max(complete_through))) FROM completeness WHERE `table` = 'operations' GROUP BY source", clickhouse.Selection{Rows: 10_000})
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for _, row := range got.Rows {
		text := texts(row)
		at, err := schemas.ParseMinorInteger([]byte(text[1]))
		if err != nil {
			return nil, fmt.Errorf("completeness of %s: %w", text[0], err)
		}
		out[text[0]] = time.Unix(at, 0).UTC()
	}
	return out, nil
}

func texts(row []any) []string {
	out := make([]string, len(row))
	for i, v := range row {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// checkDaily compares once a day, in one of all the processes that are up.
func (d *payDesk) checkDaily(ctx context.Context) {
	release, err := d.h.state.Lease(ctx, "payments/check")
	if err != nil {
		return // somebody else is at it
	}
	defer release()
	today := d.h.p.now().UTC().Format(time.DateOnly)
	done, err := d.h.state.Get(ctx, checkedNote)
	if err != nil || done == today {
		return
	}
	// Also with a register that is empty: it may have been lost.
	if head, err := d.h.lake.Head(ctx); err != nil || head == 0 {
		return
	}
	list, err := d.check(ctx)
	if err == nil {
		err = d.h.state.Set(ctx, checkedNote, today)
	}
	if err != nil {
		if ctx.Err() == nil {
			d.h.p.log.Warn("payments not compared with the platform's list; tried again", "err", err)
		}
		return
	}
	if len(list) > 0 {
		d.h.p.log.Warn("payments differ from the platform's list; paylake pay check shows them", "findings", len(list))
	}
	d.followers.Nudge(ctx)
}
