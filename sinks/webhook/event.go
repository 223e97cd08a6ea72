package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// Type is what kind of thing happened.
type Type string

// The types of events. README and docs/webhooks.md say when each is sent.
const (
	PaymentSettled       Type = "payment.settled"
	PaymentDeclined      Type = "payment.declined"
	TransferReversed     Type = "transfer.reversed"
	ProviderChanged      Type = "provider.changed"
	BalanceLow           Type = "balance.low"
	ChargebackReceived   Type = "chargeback.received"
	ChainBroken          Type = "chain.broken"
	RunFailed            Type = "run.failed"
	QuarantineAdded      Type = "quarantine.added"
	ConsentExpiring      Type = "consent.expiring"
	ReconciliationFailed Type = "reconciliation.failed"
	ExportWritten        Type = "export.written"
	ExportFailed         Type = "export.failed"
)

// Types lists all of them.
func Types() []Type {
	return []Type{PaymentSettled, PaymentDeclined, TransferReversed, ProviderChanged, BalanceLow, ChargebackReceived,
		ChainBroken, RunFailed, QuarantineAdded, ConsentExpiring, ReconciliationFailed, ExportWritten, ExportFailed}
}

// Event is one thing that happened. Everything in it is a function of what
// happened: no clock, no random number, no number of a delivery.
type Event struct {
	ID   string // evt_ and 32 hexadecimal digits; the idempotency key
	Type Type
	At   time.Time // when it happened, as its source says
	Data Fields
}

// Fields are what is told about an event: names and JSON values.
type Fields map[string]jsontext.Value

// EventID is a function of the type and of references, in order.
func EventID(t Type, references ...string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", t)
	for _, r := range references {
		fmt.Fprintf(h, "%d:%s\n", len(r), r) // the length keeps one list from spelling another
	}
	return "evt_" + hex.EncodeToString(h.Sum(nil)[:16])
}

// Text adds a text; an empty one is left out.
func (f Fields) Text(name, value string) {
	if value != "" {
		f[name] = quoted(value)
	}
}

// Number adds a whole number.
func (f Fields) Number(name string, v int64) { f[name] = jsontext.Value(fmt.Sprint(v)) }

// Money adds an amount twice: name in major units, a JSON number with exactly
// the currency's digits, and name_minor in minor units, exact for readers to
// whom a number is a float. A currency that nobody knows has minor units alone.
func (f Fields) Money(name string, minor int64, currency string) {
	f[name+"_minor"] = jsontext.Value(fmt.Sprint(minor))
	if exp, err := schemas.Exponent(currency); err == nil {
		f[name] = jsontext.Value(schemas.FormatMinor(minor, exp))
	}
}

// Instant adds a time.
func (f Fields) Instant(name string, at time.Time) {
	if !at.IsZero() {
		f[name] = quoted(at.UTC().Format(time.RFC3339Nano))
	}
}

func quoted(s string) jsontext.Value {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil { // not UTF-8: its replacement is what a reader would see, too
		b, _ = jsontext.AppendQuote(nil, fmt.Sprintf("%q", s))
	}
	return b
}

// Body writes the message as an endpoint of this form gets it. The same event
// is the same bytes at every attempt.
//
//	standard: {"type", "timestamp", "idempotency_key", "data": {…}}
//	mpay:     {"event", "idempotency_key", "occurred_at", …}
func (e Event) Body(f Form) ([]byte, error) {
	if f == FormMPAY {
		flat := Fields{}
		for name, v := range e.Data {
			flat[name] = v
		}
		flat["event"], flat["idempotency_key"] = quoted(string(e.Type)), quoted(e.ID)
		flat.Instant("occurred_at", e.At)
		return json.Marshal(flat, json.Deterministic(true))
	}
	return json.Marshal(struct {
		Type Type      `json:"type"`
		At   time.Time `json:"timestamp"`
		ID   string    `json:"idempotency_key"`
		Data Fields    `json:"data"`
	}{e.Type, e.At.UTC(), e.ID, e.Data}, json.Deterministic(true))
}

// Wants reports whether a list of types names one; an empty list names all.
func Wants(types []Type, t Type) bool { return len(types) == 0 || slices.Contains(types, t) }
