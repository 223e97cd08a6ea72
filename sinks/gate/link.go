package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// Link is a request for the platform's Payment Page: the payer opens it and
// pays by himself.
type Link struct {
	ProjectID   int64
	PaymentID   string
	Method      string
	AmountMinor int64
	Currency    string
	CustomerID  string
	Description string
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
