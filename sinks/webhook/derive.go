package webhook

// From manifests to events: pure but for reading the rows.

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// Threshold is an amount of money below which a balance is low.
type Threshold struct {
	Minor    int64
	Currency string
}

// Rules are what the configuration says about events.
type Rules struct {
	// BalanceLow is by wallet. A wallet without one has no balance that is low.
	BalanceLow map[string]Threshold
}

// reading says which columns of a table make events, and how.
type reading struct {
	types   []Type
	columns []string
	events  func(r row, rules Rules) []Event
}

// readings are the tables whose rows are events.
var readings = map[string]reading{
	"ledger": {[]Type{PaymentSettled, PaymentDeclined, TransferReversed}, []string{"source", "wallet_id", "entry_id", "posted_at", "type", "amount_minor", "currency", "provider_code",
		"service_code", "channel", "counterparty", "status", "external_reference", "reversal_of", "reversal_code"}, ledgerEvents},
	"settlements": {[]Type{PaymentSettled}, []string{"source", "wallet_id", "idempotency_key", "event", "settled_at", "amount_minor", "currency", "provider_code", "external_reference"}, settlementEvents},
	"operations": {[]Type{PaymentSettled, PaymentDeclined}, []string{"source", "project_id", "operation_id", "payment_id", "type", "status", "created_at", "completed_at", "amount_minor",
		"currency", "provider_code", "code", "message"}, operationEvents},
	"providers":   {[]Type{ProviderChanged}, []string{"source", "provider_code", "name_az", "name_en", "name_ru", "category", "service_code", "status", "updated_at"}, providerEvents},
	"balances":    {[]Type{BalanceLow}, []string{"source", "wallet_id", "as_of", "business_date", "currency", "available_minor", "reserved_minor"}, balanceEvents},
	"chargebacks": {[]Type{ChargebackReceived}, []string{"source", "project_id", "chargeback_id", "payment_id", "operation_id", "type", "status", "created_at", "due_at", "amount_minor", "currency", "reason_code", "reason"}, chargebackEvents},
}

// eventsOf lists what a manifest brings, in the order of its parts and rows. The
// same manifest gives the same events at any time. Tables whose events nobody
// wants are not read.
func eventsOf(ctx context.Context, l Log, e lake.Entry, rules Rules, wanted func(Type) bool) ([]Event, error) {
	out := partEvents(e)
	r, ok := readings[e.Table]
	if !ok || e.Kind != lake.KindData || !anyOf(r.types, wanted) {
		return out, nil
	}
	t, ok := schemas.ByName(e.Table)
	if !ok {
		return out, nil // of a later version: its rows are nothing that this one knows
	}
	for _, o := range e.Objects {
		err := l.EachRow(ctx, t, o, r.columns, func(rec arrow.Record) error {
			rowsOf(rec, func(one row) { out = append(out, r.events(one, rules)...) })
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("events of manifest %d: %w", e.Sequence, err)
		}
	}
	return out, nil
}

func anyOf(types []Type, wanted func(Type) bool) bool {
	for _, t := range types {
		if wanted(t) {
			return true
		}
	}
	return false
}

// partEvents are what the manifest itself says: broken chains, and rows that
// went to quarantine.
func partEvents(e lake.Entry) (out []Event) {
	for _, p := range e.Parts {
		if p.Chain.State == sinks.ChainBroken {
			out = append(out, chainEvent(e, p))
		}
		if p.Quarantined.Rows > 0 {
			out = append(out, quarantineEvent(e, p))
		}
	}
	return out
}

func partFields(e lake.Entry, p lake.Part) Fields {
	f := Fields{}
	f.Text("source", e.Source)
	f.Text("table", e.Table)
	f.Text("wallet_id", p.WalletID)
	f.Instant("window_from", p.Window.From)
	f.Instant("window_to", p.Window.To)
	f.Number("snapshot", e.Sequence)
	return f
}

// chainEvent is told once for each set of breaks: a window that stays broken is
// read again and again, and is no news.
func chainEvent(e lake.Entry, p lake.Part) Event {
	refs := []string{e.Source, e.Table, p.WalletID, p.Window.String()}
	for _, b := range p.Chain.Breaks {
		refs = append(refs, b.After, b.Before, strconv.FormatInt(b.Missing, 10))
	}
	f := partFields(e, p)
	f.Number("breaks", int64(len(p.Chain.Breaks)))
	if len(p.Chain.Breaks) > 0 {
		b := p.Chain.Breaks[0]
		f.Text("after", b.After)
		f.Text("before", b.Before)
		f.Number("missing_minor", b.Missing)
	}
	return Event{ID: EventID(ChainBroken, refs...), Type: ChainBroken, At: e.CreatedAt, Data: f}
}

func quarantineEvent(e lake.Entry, p lake.Part) Event {
	f := partFields(e, p)
	f.Number("rows", p.Quarantined.Rows)
	refs := []string{e.Source, e.Table, p.WalletID, p.Window.String(), strconv.FormatInt(e.Sequence, 10)}
	if p.File != nil {
		refs = append(refs, p.File.Name)
		f.Text("file", p.File.Name)
	}
	return Event{ID: EventID(QuarantineAdded, refs...), Type: QuarantineAdded, At: e.CreatedAt, Data: f}
}

// Failure is a run that failed.
type Failure struct {
	RunID, Pipeline, Source, Table string
	Started, Finished              time.Time
	Code                           int
	Why                            string
}

// RunFailure is the event of a run that failed, told once for each run.
func RunFailure(r Failure) Event {
	f := Fields{}
	f.Text("run_id", r.RunID)
	f.Text("pipeline", r.Pipeline)
	f.Text("source", r.Source)
	f.Text("table", r.Table)
	f.Instant("started_at", r.Started)
	f.Number("exit_code", int64(r.Code))
	f.Text("error", r.Why)
	return Event{ID: EventID(RunFailed, r.RunID), Type: RunFailed, At: r.Finished, Data: f}
}

// ConsentEnding is the event of a consent that ends soon, told once for each
// end: a consent that is renewed and expires again is another event.
func ConsentEnding(id, source, wallet string, until time.Time, lead time.Duration) Event {
	f := Fields{}
	f.Text("consent_id", id)
	f.Text("source", source)
	f.Text("wallet_id", wallet)
	f.Instant("until", until)
	return Event{ID: EventID(ConsentExpiring, id, strconv.FormatInt(until.UnixMicro(), 10)), Type: ConsentExpiring, At: until.Add(-lead), Data: f}
}

// Reconciliation is the event of a finding of a reconciliation, told once for
// each finding. Whatever reconciles calls it.
func Reconciliation(finding, kind, period, detail string, at time.Time) Event {
	f := Fields{}
	f.Text("finding", finding)
	f.Text("kind", kind)
	f.Text("period", period)
	f.Text("detail", detail)
	return Event{ID: EventID(ReconciliationFailed, finding), Type: ReconciliationFailed, At: at, Data: f}
}
