package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// Link is a request for the platform's Payment Page: the payer opens it and
// pays by himself.
type Link struct {
	Source      string // the configured platform
	ProjectID   int64  // of the platform
	PaymentID   string
	Method      string
	AmountMinor int64
	Currency    string
	CustomerID  string
	Description string
}

// Fingerprint stands for all that a link says: 64 hexadecimal digits, keyed like
// those of orders. Where the page is does not belong to it.
func (l Link) Fingerprint(key []byte) string {
	text, err := json.Marshal(l)
	if err != nil {
		panic("gate: a link of texts and numbers cannot be written: " + err.Error())
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("paylake payment link 1\x00"))
	m.Write(text)
	return hex.EncodeToString(m.Sum(nil))
}

// URL signs a link for a Payment Page at an address. The raw parameters are
// signed, then encoded.
func (l Link) URL(page string, s Signer) (string, error) {
	m, err := MethodNamed(l.Method)
	if err != nil {
		return "", err
	}
	o := Order{Method: l.Method, Operation: "sale", AmountMinor: l.AmountMinor, Currency: l.Currency}
	if err := CheckMethod(o); err != nil {
		return "", err
	}
	if l.PaymentID == "" || !plain(l.PaymentID) || l.CustomerID == "" || !plain(l.CustomerID) || !plain(l.Description) {
		return "", fmt.Errorf("payment_id and customer_id must be 1 to %d characters without control characters, a description no more", maxText)
	}
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.RawQuery != "" {
		return "", errors.New("page_url is not the address of a payment page")
	}
	raw := map[string]any{"project_id": l.ProjectID, "payment_id": l.PaymentID, "payment_amount": l.AmountMinor, "payment_currency": m.Currency,
		"customer_id": l.CustomerID, "force_payment_method": l.Method}
	if l.Description != "" {
		raw["payment_description"] = l.Description
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return "", fmt.Errorf("write the link: %w", err)
	}
	signature, err := s.Sign(text)
	if err != nil {
		return "", fmt.Errorf("sign the link: %w", err)
	}
	q := url.Values{"signature": {signature}}
	for name, v := range raw {
		q.Set(name, fmt.Sprint(v))
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
