package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/paylake/paylake/schemas"
)

// Order says what is to be paid, completely: nothing outside it goes into the
// request. It is a value; an edit makes another one.
type Order struct {
	Tenant       string `json:"tenant"`        // whose money it is
	Job          string `json:"job"`           // the job that planned it
	Key          string `json:"key"`           // what the payment is for, unique in the tenant: invoice, bill and month
	Source       string `json:"source"`        // the configured platform
	ProjectID    int64  `json:"project_id"`    // of the platform
	Method       string `json:"method"`        // of payment: mbank
	Operation    string `json:"operation"`     // sale
	ProviderCode string `json:"provider_code"` // the beneficiary
	AmountMinor  int64  `json:"amount_minor"`  // minor units, positive
	Currency     string `json:"currency"`      // ISO 4217
	CustomerID   string `json:"customer_id"`   // the payer, in the project
	CustomerIP   string `json:"customer_ip"`   // of the payer
	Account      string `json:"account"`       // the payer's telephone number, digits alone; leaves the process only in the request
	Description  string `json:"description,omitempty"`
}

const (
	maxText      = 255                // of ids, as the platform has it
	maxAmount    = 10_000_000_000_000 // minor units, the platform's bound for any method
	maxProjectID = 4_294_967_295
	idPrefix     = schemas.InitiatedPrefix
)

// PaymentID names the payment at the platform: a function of tenant and key, so
// that whoever plans the same thing again plans the same payment.
func (o Order) PaymentID() string { return PaymentID(o.Tenant, o.Key) }

// PaymentID is the id of whatever a tenant pays under a key.
func PaymentID(tenant, key string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "paylake payment id\x00%d\x00%s\x00%s", len(tenant), tenant, key))
	return idPrefix + hex.EncodeToString(sum[:16])
}

// Ours says whether a payment's id may be one that a paylake made.
func Ours(id string) bool { return strings.HasPrefix(id, idPrefix) }

// sale is the request in the platform's words; the order of its members is the
// order of its canonical bytes.
type sale struct {
	General  general  `json:"general"`
	Payment  payment  `json:"payment"`
	Customer customer `json:"customer"`
	Account  account  `json:"account"`
}

type general struct {
	ProjectID int64  `json:"project_id"`
	PaymentID string `json:"payment_id"`
}

type payment struct {
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Description string `json:"description,omitempty"`
}

type customer struct {
	ID string `json:"id"`
	IP string `json:"ip_address"`
}

type account struct {
	Number string `json:"number"`
}

// Body is the canonical request, without its signature: the same order is the
// same bytes for ever.
func (o Order) Body() ([]byte, error) {
	return json.Marshal(sale{general{o.ProjectID, o.PaymentID()}, payment{o.AmountMinor, o.Currency, o.Description},
		customer{o.CustomerID, o.CustomerIP}, account{o.Account}})
}

// Fingerprint stands for the whole order: 64 hexadecimal digits. It has a key
// because a telephone number behind a plain hash could be guessed.
func (o Order) Fingerprint(key []byte) string {
	text, err := json.Marshal(o)
	if err != nil {
		panic("gate: an order of texts and numbers cannot be written: " + err.Error())
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("paylake payment order 1\x00"))
	m.Write(text)
	return hex.EncodeToString(m.Sum(nil))
}

// ErrOrder is returned for an order that cannot be paid as it stands.
var ErrOrder = errors.New("not an order that can be paid")

// Check reports everything that is wrong with an order in itself and for its
// method. It quotes no telephone number. The error wraps ErrOrder.
func (o Order) Check() error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, f := range []struct{ name, text string }{{"tenant", o.Tenant}, {"job", o.Job}, {"key", o.Key}, {"source", o.Source},
		{"provider_code", o.ProviderCode}, {"customer_id", o.CustomerID}} {
		if f.text == "" || !plain(f.text) {
			say("%s must be 1 to %d characters without control characters", f.name, maxText)
		}
	}
	if o.Description != "" && !plain(o.Description) {
		say("description has more than %d characters or control characters", maxText)
	}
	if o.ProjectID < 1 || o.ProjectID > maxProjectID {
		say("project_id must be 1 to %d", maxProjectID)
	}
	if ip, err := netip.ParseAddr(o.CustomerIP); err != nil || ip.Zone() != "" {
		say("customer_ip must be the payer's IP address")
	}
	if !digits(o.Account) {
		say("account must be the payer's telephone number, 9 to 15 digits")
	}
	if err := CheckMethod(o); err != nil {
		wrong = append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s: %w: %s", o.Key, ErrOrder, strings.Join(wrong, "; "))
	}
	return nil
}

func plain(text string) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= maxText && strings.IndexFunc(text, unicode.IsControl) < 0
}

func digits(text string) bool {
	return len(text) >= 9 && len(text) <= 15 && strings.Trim(text, "0123456789") == ""
}

// Amount is the order's amount for people: 1250.00 KGS.
func (o Order) Amount() string { return FormatAmount(o.AmountMinor, o.Currency) }

// FormatAmount writes minor units of a currency for people.
func FormatAmount(minor int64, currency string) string {
	e, err := schemas.Exponent(currency)
	if err != nil {
		return fmt.Sprintf("%d minor units of %s", minor, currency)
	}
	return schemas.FormatMinor(minor, e) + " " + currency
}
