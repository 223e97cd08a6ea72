package webhook

import (
	"strconv"
	"strings"
)

// settledID names a payment of a wallet by the provider's reference, so that
// the wallet's notice and the statement row that it announces are one event. The
// amount is part of it: a reference that a provider gives twice must not hide
// the second payment. Without a reference the row's own id has to do.
func settledID(r row, own string) string {
	ref := r.text("external_reference")
	if ref == "" {
		return EventID(PaymentSettled, r.text("source"), r.text("wallet_id"), "own", own)
	}
	return EventID(PaymentSettled, r.text("source"), r.text("wallet_id"), "reference", r.text("provider_code"), ref,
		strconv.FormatInt(r.number("amount_minor"), 10), r.text("currency"))
}

// paymentFields are those that a notice and a statement row share: whichever
// comes first, receivers find the same names.
func paymentFields(r row) Fields {
	f := Fields{}
	for _, name := range []string{"source", "wallet_id", "currency", "provider_code", "external_reference"} {
		f.Text(name, r.text(name))
	}
	f.Money("amount", r.number("amount_minor"), r.text("currency"))
	return f
}

// ledgerEvents: a bill payment that is posted is settled; one that the wallet
// takes back is declined; a transfer that is taken back is reversed. Rows that
// are pending say nothing yet.
func ledgerEvents(r row, _ Rules) []Event {
	kind, status := r.text("type"), r.text("status")
	f := paymentFields(r)
	for _, name := range []string{"entry_id", "service_code", "channel", "status", "reversal_code"} {
		f.Text(name, r.text(name))
	}
	at := r.instant("posted_at")
	entry := func(t Type, id string) []Event {
		return []Event{{ID: EventID(t, r.text("source"), r.text("wallet_id"), id), Type: t, At: at, Data: f}}
	}
	switch {
	case kind == "bill_pay" && status == "posted":
		return []Event{{ID: settledID(r, r.text("entry_id")), Type: PaymentSettled, At: at, Data: f}}
	case kind == "bill_pay" && status == "reversed":
		return entry(PaymentDeclined, r.text("entry_id"))
	case strings.HasPrefix(kind, "transfer_") && status == "reversed":
		f.Text("counterparty", r.text("counterparty"))
		return entry(TransferReversed, r.text("entry_id"))
	case kind == "reversal" && r.text("counterparty") != "" && status != "pending":
		f.Text("counterparty", r.text("counterparty"))
		f.Text("reversal_of", r.text("reversal_of"))
		if of := r.text("reversal_of"); of != "" {
			return entry(TransferReversed, of) // the same event as the transfer's own row
		}
		return entry(TransferReversed, r.text("entry_id"))
	}
	return nil
}

func settlementEvents(r row, _ Rules) []Event {
	if r.text("event") != string(PaymentSettled) {
		return nil
	}
	f := paymentFields(r)
	f.Text("upstream_key", r.text("idempotency_key"))
	return []Event{{ID: settledID(r, "notice/"+r.text("idempotency_key")), Type: PaymentSettled, At: r.instant("settled_at"), Data: f}}
}

// paid are the operations of a platform that move money for somebody who waits.
var paid = map[string]bool{"sale": true, "payout": true, "recurring": true, "capture": true}

func operationEvents(r row, _ Rules) []Event {
	var t Type
	switch status := r.text("status"); {
	case !paid[r.text("type")]:
		return nil
	case status == "success":
		t = PaymentSettled
	case status == "decline":
		t = PaymentDeclined
	default:
		return nil
	}
	f := Fields{}
	for _, name := range []string{"source", "operation_id", "payment_id", "type", "status", "currency", "provider_code", "code", "message"} {
		f.Text(name, r.text(name))
	}
	f.Number("project_id", r.number("project_id"))
	f.Money("amount", r.number("amount_minor"), r.text("currency"))
	at := r.instant("completed_at")
	if at.IsZero() {
		at = r.instant("created_at")
	}
	return []Event{{ID: EventID(t, r.text("source"), strconv.FormatInt(r.number("project_id"), 10), r.text("operation_id")), Type: t, At: at, Data: f}}
}

// providerEvents: every revision of a catalogue row, the first one included.
func providerEvents(r row, _ Rules) []Event {
	f := Fields{}
	for _, name := range []string{"source", "provider_code", "name_az", "name_en", "name_ru", "category", "service_code", "status"} {
		f.Text(name, r.text(name))
	}
	revision := r.number("revision")
	f.Number("revision", revision)
	change := "changed"
	switch {
	case r.text("status") == "retired":
		change = "retired"
	case revision == 1:
		change = "added"
	}
	f.Text("change", change)
	return []Event{{ID: EventID(ProviderChanged, r.text("source"), r.text("provider_code"), strconv.FormatInt(revision, 10)),
		Type: ProviderChanged, At: r.instant("updated_at"), Data: f}}
}

// balanceEvents: told once a day for each wallet and threshold, by the first
// observation below it.
func balanceEvents(r row, rules Rules) []Event {
	limit, ok := rules.BalanceLow[r.text("wallet_id")]
	available, currency := r.number("available_minor"), r.text("currency")
	if !ok || limit.Currency != currency || available >= limit.Minor {
		return nil
	}
	f := Fields{}
	for _, name := range []string{"source", "wallet_id", "currency"} {
		f.Text(name, r.text(name))
	}
	f.Money("available", available, currency)
	f.Money("reserved", r.number("reserved_minor"), currency)
	f.Money("threshold", limit.Minor, currency)
	return []Event{{ID: EventID(BalanceLow, r.text("source"), r.text("wallet_id"), currency, strconv.FormatInt(limit.Minor, 10), strconv.FormatInt(r.number("business_date"), 10)),
		Type: BalanceLow, At: r.instant("as_of"), Data: f}}
}

// chargebackEvents: the first time that the platform lists a dispute. What
// becomes of it is in the warehouse.
func chargebackEvents(r row, _ Rules) []Event {
	if r.number("revision") != 1 {
		return nil
	}
	f := Fields{}
	for _, name := range []string{"source", "chargeback_id", "payment_id", "operation_id", "type", "status", "currency", "reason_code", "reason"} {
		f.Text(name, r.text(name))
	}
	f.Number("project_id", r.number("project_id"))
	f.Money("amount", r.number("amount_minor"), r.text("currency"))
	f.Instant("due_at", r.instant("due_at"))
	return []Event{{ID: EventID(ChargebackReceived, r.text("source"), strconv.FormatInt(r.number("project_id"), 10), r.text("chargeback_id")),
		Type: ChargebackReceived, At: r.instant("created_at"), Data: f}}
}
