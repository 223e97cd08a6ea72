// Words and amounts for operations.

package sandbox

import (
	"strconv"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// fate is what the platform says about an operation, in its own codes.
type fate struct{ status, code, message string }

const (
	fateProcessing = iota
	fateSuccess
	fateTimeout
	fateUnconfirmed
	firstDecline
)

var fates = []fate{
	{"processing", "9999", "Awaiting processing"},
	{"success", "0", "Success"},
	{"decline", "20602", "Time-out"},
	{"processing", "20802", "The payment provider did not confirm neither successful nor negative status of the payment transaction"},
	{"decline", "20000", "General decline"},
	{"decline", "20101", "Decline due to amount or frequency limit"},
	{"decline", "20105", "Insufficient funds on customer account"},
	{"decline", "20105", "Insufficient funds on customer account"},
	{"decline", "20301", "Account owner cancelled operation"},
	{"decline", "20302", "Unacceptable password"},
	{"decline", "20402", "Suspicious operation"},
}

// minSale and maxSale bound an Mbank purchase: 50.00 to 50,000.00 KGS.
const (
	minSale = 5_000
	maxSale = 5_000_000
)

// show is an operation as it stands at an instant.
func (b *operationBook) show(i int32, now int64) flashpaytest.Operation {
	o := &b.ops[i]
	t, _ := o.state(now)
	f := fates[t.fate]
	d := diceAt(b.seed, purposeText, place(201, 0, int(i)))
	amount := saleAmount(&d)
	if o.kind == cardRefund {
		return b.refund(i, t)
	}
	op := flashpaytest.Operation{
		ID:        operationID(i),
		PaymentID: "sandbox_" + strconv.Itoa(100_000+int(i)),
		Type:      "sale", Status: f.status, PaymentStatus: f.status, Code: f.code, Message: f.message,
		CreatedAt: b.instant(o.created()), UpdatedAt: b.instant(t.at),
		PaymentMethod: "mbank", PaymentTypeID: 3, ProjectID: ProjectID,
		AmountMinor: amount, Currency: "KGS", ConvertedMinor: amount, ConvertedCurrency: "KGS", PaymentSumMinor: amount,
		ProviderName: "Mbank", ProviderPaymentID: uuid(&d),
		CustomerID: customer(&d), CustomerIP: "192.0.2." + strconv.FormatInt(d.between(1, 254), 10),
		AccountNumber: "996******" + strconv.FormatInt(d.between(100, 999), 10),
	}
	b.planted.spoil(i, &op)
	if o.kind == cardSale {
		op.PaymentMethod, op.ProviderName = "card", "Card acquirer"
		op.AccountNumber = "427611******" + strconv.FormatInt(d.between(1000, 9999), 10)
	}
	if f.status != "processing" {
		op.CompletedAt = b.instant(t.at)
	}
	return op
}

func (b *operationBook) instant(unix int64) time.Time { return time.Unix(unix, 0).In(b.cal.zone) }

// saleAmount draws whole soms mostly, and both limits now and then.
func saleAmount(d *dice) int64 {
	switch p := d.below(100); {
	case p == 0:
		return minSale
	case p == 1:
		return maxSale
	case p < 75:
		return d.skewed(minSale, maxSale, 1000)
	default:
		return d.skewed(minSale, maxSale, 1)
	}
}

// customer is the merchant's own number for somebody, or a telephone number.
func customer(d *dice) string {
	if d.below(3) > 0 {
		return "customer" + strconv.FormatInt(d.skewed(1, 900, 1), 10)
	}
	return "+99655" + strconv.FormatInt(5_000_000+d.skewed(1, 400, 1), 10)
}

// uuid is in the form of the platform's provider references (version 7).
func uuid(d *dice) string {
	x, y := d.next(), d.next()
	h := coded("", hexDigits, x, 15) + coded("", hexDigits, y, 15)
	return h[:8] + "-" + h[8:12] + "-7" + h[12:15] + "-a" + h[15:18] + "-" + h[18:30]
}
