package flashpaytest

import "time"

// Book is what the fake payment platform serves.
type Book interface {
	// Operations returns at most limit operations of a project whose last
	// update lies in [from, to] (both ends included, to the second), in
	// ascending order of that update, after leaving out the first skip of them;
	// each as it stands at the instant now. It must be cheap for any skip.
	Operations(project int64, from, to, now time.Time, skip, limit int) []Operation
}

// Operation is one row of operations/get, in the platform's words.
type Operation struct {
	ID                string
	PaymentID         string
	Type              string // sale, refund, …
	Status            string // processing, success, decline, …
	CreatedAt         time.Time
	CompletedAt       time.Time // zero while pending
	UpdatedAt         time.Time
	PaymentMethod     string
	PaymentTypeID     int
	PaymentStatus     string
	ProjectID         int64
	AmountMinor       int64 // unsigned, minor units
	Currency          string
	ConvertedMinor    int64
	ConvertedCurrency string
	PaymentSumMinor   int64 // sum of the payment, in Currency; 0: not sent
	ProviderName      string
	ProviderPaymentID string
	CustomerID        string
	CustomerIP        string
	AccountNumber     string // masked by the platform
	Code              string
	Message           string
}
