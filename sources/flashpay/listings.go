package flashpay

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// What the platform serves beyond operations, read by intervals. No publication
// shows the rows of these lists in full: the spellings below are those of
// operations/get and the likely others. Two of them that name different money
// refuse the row; words that are not here are counted by name.

// fees are the financial report's operations.
var fees = &listing{
	of: reportGet, table: schemas.OperationFees, read: readFees,
	words: map[string][]string{
		"project_id":    {"project_id"},
		"operation_id":  {"operation_id", "id"},
		"payment_id":    {"payment_id"},
		"type":          {"operation_type", "type"},
		"status":        {"operation_status", "status"},
		"created_at":    {"operation_created_at", "created_at", "operation_date", "date"},
		"completed_at":  {"operation_completed_at", "completed_at"},
		"amount_minor":  {"sum_initial.amount", "sum.amount", "operation_amount", "amount"},
		"currency":      {"sum_initial.currency", "sum.currency", "operation_currency", "currency"},
		"fee_minor":     {"fee.amount", "sum_fee.amount", "fee_sum.amount", "commission.amount", "fee_amount", "fee", "commission"},
		"fee_currency":  {"fee.currency", "sum_fee.currency", "fee_sum.currency", "commission.currency", "fee_currency", "commission_currency"},
		"method":        {"payment_method", "payment_method_name", "method"},
		"provider_code": {},
	},
	spare: []string{"fees", "payment_type_id", "payment_type", "payment_status", "transaction_status", "provider_name", "provider_payment_id",
		"customer_id", "customer_ip", "account_number", "code", "message", "payment_provider_code", "payment_provider_message", "arn", "rrn",
		"sum_converted.amount", "sum_converted.currency",
		"payment_sum.amount", "payment_sum.currency", "payment_amount", "payment_currency"},
}

func readFees(s *sheet) *problem {
	for _, step := range []func() *problem{
		func() *problem { return s.identify("operation_id") },
		func() *problem { return s.sum("amount_minor", "currency", false) },
		s.fee,
		func() *problem { return s.instant("created_at") },
		func() *problem { return s.instant("completed_at") },
		func() *problem { return s.texts("payment_id", "type", "status") },
		s.method,
		s.kept,
	} {
		if p := step(); p != nil {
			return p
		}
	}
	s.dated()
	s.emit()
	return nil
}

// fee fills what an operation cost: its one fee, else the sum of its fees, else
// nothing, which is nothing in any currency.
func (s *sheet) fee() *problem {
	n, present, p := s.integer("fee_minor", true)
	if p != nil {
		return p
	}
	if present {
		s.cell("fee_minor").n = n
		return s.currency("fee_currency")
	}
	s.cell("fee_currency").text = s.cell("currency").text
	if v := s.cut.values["fees"]; !absent(v) {
		return s.fees(v)
	}
	return s.strangeFee()
}

// strangeFee refuses a row whose fee comes in a form that we do not know: taken
// for no fee at all it would be missing from every sum.
func (s *sheet) strangeFee() *problem {
	for _, path := range s.cut.paths {
		v := s.cut.values[path]
		if (strings.Contains(path, "fee") || strings.Contains(path, "commission")) && !absent(v) && string(v) != `""` {
			return &problem{schemas.ReasonType, plain(path)}
		}
	}
	return nil
}

// fees adds up a list of {amount, currency}. Fees in several currencies have no
// sum.
func (s *sheet) fees(list []byte) *problem {
	if list[0] != '[' {
		return &problem{schemas.ReasonType, "fees"}
	}
	dec := jsontext.NewDecoder(bytes.NewReader(list))
	_, _ = dec.ReadToken() // the bracket: the list was read before
	var one cutter
	for i := 0; dec.PeekKind() != jsontext.KindEndArray; i++ {
		raw, err := dec.ReadValue()
		if err != nil {
			return &problem{schemas.ReasonType, "fees"}
		}
		if p := one.cut(bytes.Clone(raw), false); p != nil {
			return &problem{p.reason, "fees"}
		}
		if p := s.addFee(one.values["amount"], one.values["currency"], i == 0); p != nil {
			return p
		}
	}
	return nil
}

func (s *sheet) addFee(amount, currency []byte, first bool) *problem {
	if absent(amount) || absent(currency) {
		return &problem{schemas.ReasonMissing, "fees"}
	}
	n, p := minor(amount, true)
	if p != nil {
		return &problem{p.reason, "fees"}
	}
	code, p := unquoted(currency, false)
	if p != nil {
		return &problem{p.reason, "fees"}
	}
	if _, err := schemas.Exponent(string(code)); err != nil {
		return &problem{schemas.ReasonCurrency, "fees"}
	}
	sum, of := s.cell("fee_minor"), s.cell("fee_currency")
	if !first && !bytes.Equal(of.text, code) {
		return &problem{schemas.ReasonConflict, "fees"}
	}
	of.text = code
	total, err := schemas.AddMinor(sum.n, n)
	if err != nil {
		return &problem{schemas.ReasonRange, "fees"}
	}
	sum.n = total
	return nil
}

// chargebacks are the disputes.
var chargebacks = &listing{
	of: chargebackList, table: schemas.Chargebacks, read: readChargeback,
	words: map[string][]string{
		"project_id":     {"project_id"},
		"chargeback_id":  {"chargeback_id", "id"},
		"payment_id":     {"payment_id"},
		"operation_id":   {"operation_id"},
		"type":           {"chargeback_type", "type"},
		"status":         {"chargeback_status", "status"},
		"created_at":     {"chargeback_created_at", "created_at", "chargeback_date", "date"},
		"updated_at":     {"chargeback_updated_at", "updated_at"},
		"due_at":         {"due_at", "due_date", "deadline"},
		"amount_minor":   {"chargeback_sum.amount", "sum.amount", "chargeback_amount", "amount"},
		"currency":       {"chargeback_sum.currency", "sum.currency", "chargeback_currency", "currency"},
		"method":         {"payment_method", "payment_method_name", "method"},
		"provider_code":  {},
		"reason_code":    {"reason_code", "chargeback_reason_code", "chargeback_code"},
		"reason":         {"reason", "chargeback_reason", "reason_description"},
		"customer_id":    {"customer_id", "customer.id"},
		"account_masked": {"account_number", "account.number", "card_number"},
		"arn":            {"arn"},
	},
	spare: []string{"rrn", "provider_name", "provider_payment_id", "customer_ip", "payment_status", "transaction_status"},
}

func readChargeback(s *sheet) *problem {
	for _, step := range []func() *problem{
		func() *problem { return s.identify("chargeback_id") },
		func() *problem { return s.sum("amount_minor", "currency", false) },
		func() *problem { return s.instant("created_at") },
		func() *problem { return s.instant("updated_at") },
		func() *problem { return s.instant("due_at") },
		func() *problem {
			return s.texts("payment_id", "operation_id", "type", "status", "reason_code", "reason", "arn")
		},
		s.method, s.people, s.kept,
	} {
		if p := step(); p != nil {
			return p
		}
	}
	s.dated()
	s.emit()
	return nil
}

// Fees is the project's financial report.
func (u *Upstream) Fees() sources.Source { return u.listed(fees) }

// Chargebacks is the project's list of chargebacks.
func (u *Upstream) Chargebacks() sources.Source { return u.listed(chargebacks) }

func (u *Upstream) listed(l *listing) sources.Source {
	table := l.table.Keep(u.cfg.Keep[l.table.Name]...)
	return &windowed{u, l.of, table, func() rowDecoder { return newSheet(l, table, &u.cfg, u.mem) }}
}
