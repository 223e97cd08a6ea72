// Callbacks: what the upstreams tell by themselves, as a function of the seed
// and the day, so that telling it again is telling the same.

package sandbox

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// Kinds of callbacks.
const (
	CallbackOperation  = "operation"       // signed, about one operation of the platform
	CallbackSettlement = "payment.settled" // signed in its header, about one payment of a wallet
	CallbackHint       = "chargeback"      // unsigned
)

// Callback is one delivery.
type Callback struct {
	Kind string
	Path string // where paylake receives it
	Body []byte
}

const (
	settledPerWallet = 4 // the newest bill payments of each wallet
	retold           = 8 // the newest operations of the platform's list
	hinted           = 4 // the newest chargebacks of its list; receivers take ten notices a minute
)

// Callbacks lists all deliveries in the order in which they go out: everything
// that happened just before the world's day. Some come twice or late.
func (w *World) Callbacks() []Callback {
	var out []Callback
	for _, s := range w.settlements() {
		out = append(out, s.callback())
	}
	for _, o := range w.toldOperations() {
		begun := o
		begun.Status, begun.CompletedAt = "processing", time.Time{}
		begun.Code, begun.Message = fates[fateProcessing].code, fates[fateProcessing].message
		out = append(out, operationCallback(&o), operationCallback(&begun), operationCallback(&o)) // the first one late, the last one twice
	}
	for _, h := range w.hints() {
		out = append(out, Callback{CallbackHint, "/callbacks/flashpay/" + SourceFlashpay, text(map[string]any{
			"project_id": ProjectID, "payment": map[string]any{"id": h.payment}, "operation": map[string]any{"id": h.operation},
			"chargeback": map[string]any{"amount": h.amount, "currency": "KGS"}})})
	}
	return out
}

// eve is the beginning of the world's day: callbacks are about what was before.
func (w *World) eve() time.Time { return w.cal.start(w.cal.today) }

// settlement is one notice and the statement row that it announces, if any.
type settlement struct {
	key, wallet, provider, reference, entry string
	amount                                  int64
}

// settlements are those of each wallet's newest bill payments, and of one that
// the statement does not have yet.
func (w *World) settlements() (out []settlement) {
	for i, b := range w.wallets {
		var bills []mpaytest.Entry
		for _, e := range w.Entries(b.who.id, w.eve().AddDate(0, 0, -31), w.eve(), w.eve(), 0, 1<<30) {
			if e.Type == "bill_pay" && e.Status == "posted" && e.ExternalReference != "" {
				bills = append(bills, e)
			}
		}
		for _, e := range bills[max(len(bills)-settledPerWallet, 0):] {
			out = append(out, settlement{"idem_" + e.ID, b.who.id, e.ProviderCode, e.ExternalReference, e.ID, e.AmountMinor})
		}
		if i == 0 {
			d := diceAt(w.seed, purposeCallback, place(i, w.cal.today, 0))
			out = append(out, settlement{"idem_" + coded("", hexDigits, d.next(), 8), b.who.id, rewarded, reference("acr", d.next()), "", -d.between(200, 3000)})
		}
	}
	return out
}

// callback is in the shape of the seed: a signed amount in major units.
func (s *settlement) callback() Callback {
	return Callback{CallbackSettlement, "/callbacks/mpay/" + SourceMPAY, text(map[string]any{
		"event": CallbackSettlement, "idempotency_key": s.key, "wallet_id": s.wallet, "amount": json.Number(signed2(s.amount)),
		"currency": "AZN", "provider_code": s.provider, "external_reference": s.reference})}
}

// toldOperations are the newest ones of the platform's list, which a callback
// tells once more, and those that callbacks alone have told so far.
func (w *World) toldOperations() (out []flashpaytest.Operation) {
	for i := range w.ops.ops {
		if o := &w.ops.ops[i]; o.last() <= w.eve().Unix() && o.kind != cardRefund {
			out = append(out, w.ops.show(int32(i), w.eve().Unix()))
		}
	}
	return append(out[max(len(out)-retold, 0):], w.unlistedOperations()...)
}

// unlistedOperations are purchases that the platform's list does not have yet.
// One of them is the sample of its documentation: the payment's sum is ten times
// the operation's.
func (w *World) unlistedOperations() (out []flashpaytest.Operation) {
	for i, f := range []uint8{fateSuccess, fateSuccess, firstDecline, fateProcessing, fateSuccess} {
		d := diceAt(w.seed, purposeCallback, place(200, w.cal.today, i))
		at := w.eve().Add(time.Duration(i-6) * 10 * time.Minute)
		amount := saleAmount(&d)
		o := flashpaytest.Operation{
			ID: strconv.FormatUint(6_700_000_000_000+uint64(i)*1009, 10), PaymentID: "sandbox_told_" + strconv.Itoa(i),
			Type: "sale", Status: fates[f].status, Code: fates[f].code, Message: fates[f].message, PaymentStatus: fates[f].status,
			CreatedAt: at, UpdatedAt: at, PaymentMethod: "mbank", ProjectID: ProjectID, AmountMinor: amount, Currency: "KGS",
			ConvertedMinor: amount, ConvertedCurrency: "KGS", PaymentSumMinor: amount, ProviderPaymentID: uuid(&d), CustomerID: customer(&d),
			AccountNumber: "996******" + strconv.FormatInt(d.between(100, 999), 10),
		}
		if f != fateProcessing {
			o.UpdatedAt = at.Add(time.Duration(d.between(20, 180)) * time.Second)
			o.CompletedAt = o.UpdatedAt
		}
		if i == 4 {
			o.AmountMinor, o.ConvertedMinor, o.PaymentSumMinor = 5000, 5000, 50000
		}
		out = append(out, o)
	}
	return out
}

func operationCallback(o *flashpaytest.Operation) Callback {
	sum := func(minor int64, currency string) map[string]any {
		return map[string]any{"amount": minor, "currency": currency}
	}
	const layout = "2006-01-02T15:04:05-0700"
	operation := map[string]any{"id": json.Number(o.ID), "type": o.Type, "status": o.Status, "created_date": o.CreatedAt.UTC().Format(layout),
		"sum_initial": sum(o.AmountMinor, o.Currency), "sum_converted": sum(o.ConvertedMinor, o.ConvertedCurrency), "code": o.Code, "message": o.Message,
		"provider": map[string]any{"id": 17101, "payment_id": o.ProviderPaymentID, "auth_code": ""}}
	payment := map[string]any{"id": o.PaymentID, "type": "purchase", "status": o.Status, "method": o.PaymentMethod,
		"sum": sum(cmp.Or(o.PaymentSumMinor, o.AmountMinor), o.Currency), "description": o.PaymentID}
	if !o.CompletedAt.IsZero() {
		operation["date"] = o.CompletedAt.UTC().Format(layout)
		payment["date"] = operation["date"]
	}
	body := map[string]any{"project_id": o.ProjectID, "customer": map[string]any{"id": o.CustomerID}, "account": map[string]any{"number": o.AccountNumber},
		"payment": payment, "operation": operation}
	signature, err := flashpay.Sign(text(body), []byte(FlashpaySecret))
	if err != nil {
		panic("sandbox: its own callback: " + err.Error()) // every body is made above
	}
	body["signature"] = signature
	return Callback{CallbackOperation, "/callbacks/flashpay/" + SourceFlashpay, text(body)}
}

// hint is an unsigned notice of a chargeback.
type hint struct {
	payment, operation string
	amount             int64
	listed             bool
}

// hints are of the newest chargebacks of the list, and of one that it does not
// have: anybody can send such a notice.
func (w *World) hints() (out []hint) {
	list := w.ops.disputes(w.Start().AddDate(0, 0, -2), w.eve(), w.eve())
	for _, c := range list[max(len(list)-hinted, 0):] {
		out = append(out, hint{c.PaymentID, c.OperationID, c.AmountMinor, true})
	}
	told := w.unlistedOperations()[0]
	return append(out, hint{told.PaymentID, told.ID, told.AmountMinor, false})
}

// text is compact JSON, keys in order.
func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("sandbox: its own callback: " + err.Error())
	}
	return b
}

// CallbackTruth says what the callbacks of a world are, and whether they have
// been delivered: until then nobody can know what they alone say.
type CallbackTruth struct {
	Told        bool  `json:"told"`
	Deliveries  int   `json:"deliveries"` // some of them say what another one has said
	Settlements int64 `json:"settlements"`
	Operations  int64 `json:"operations"` // that the platform's list does not have
	Hints       int64 `json:"hints"`
}

func (w *World) callbackTruth() CallbackTruth {
	return CallbackTruth{w.told.Load(), len(w.Callbacks()), int64(len(w.settlements())), int64(len(w.unlistedOperations())), int64(len(w.hints()))}
}

// beyondList are the operations that callbacks alone have told by an instant.
func (w *World) beyondList(until time.Time) (list []flashpaytest.Operation) {
	if w.told.Load() {
		list = w.unlistedOperations()
	}
	if d := w.gate.Load(); d != nil {
		list = append(list, d.operations()...)
	}
	return slices.DeleteFunc(list, func(o flashpaytest.Operation) bool { return o.CreatedAt.After(until) })
}

// callbackTables are the tables that callbacks alone fill.
func (w *World) callbackTables() []TableTruth {
	settled := table("settlements", "source; wallet_id; event; provider_code; currency; external_reference; entry_id", "count(); sum(amount_minor)")
	hints := table("chargeback_hints", "source; project_id; payment_id; operation_id; confirmed", "count()")
	if w.told.Load() {
		for _, s := range w.settlements() {
			settled.add(1, "AZN", s.amount, SourceMPAY, s.wallet, CallbackSettlement, s.provider, "AZN", s.reference, s.entry, 1, s.amount)
		}
		for _, h := range w.hints() {
			hints.add(1, "", 0, SourceFlashpay, ProjectID, h.payment, h.operation, yes(h.listed), 1)
		}
	}
	return []TableTruth{settled, hints}
}

// alarmTable is what the checks that hold for every user find: operations that
// are told in two units, and a balance that does not follow from the one before.
func (w *World) alarmTable(until time.Time) TableTruth {
	alarms := table("alarms", "source; table; check_name; severity", "count()")
	sums := alarms.summed()
	for _, o := range append(w.beyondList(until), w.planted.scaledOperations(w, until)...) {
		if o.PaymentSumMinor != o.AmountMinor {
			sums.add([]any{SourceFlashpay, "operations", "amount_scale", "warn"}, 1)
		}
	}
	if w.planted != nil {
		sums.add([]any{SourceMPAY, "ledger", "balance_chain", "warn"}, 1)
	}
	sums.done(-1, 0)
	return alarms
}
