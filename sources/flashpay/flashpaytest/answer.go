package flashpaytest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/paylake/paylake/sources/flashpay"
)

// answer serves one page, or fails as planned.
func (s *Server) answer(w http.ResponseWriter, hr *http.Request, q *request) {
	s.mu.Lock()
	slow, throttle, broken, report := s.faults.due(Slow), s.faults.due(Throttle), s.faults.due(ServerError), s.faults.due(Error200)
	s.mu.Unlock()
	if slow && s.opts.Sleep(hr.Context(), s.opts.Slow) != nil {
		return // the caller has gone
	}
	switch {
	case throttle:
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusTooManyRequests, 429, "Too Many Requests", "slow down")
	case broken:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<html><body>503 Service Unavailable</body></html>")
	case report:
		fail(w, http.StatusOK, 500, "Internal Server Error", "temporary failure")
	default:
		rows, secret := s.page(q)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(sign(rows, q, s.opts.Zone, secret))
	}
}

// page picks the rows of this answer and the secret that signs it.
func (s *Server) page(q *request) (rows []Operation, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift(q)
	rows = s.list(q)
	if s.lastKey == q.key() && len(s.last) > 0 && q.Offset > 0 && s.faults.due(DuplicatePage) {
		rows = s.last
	}
	s.last, s.lastKey = rows, q.key()
	if len(rows) > 2 && s.faults.due(SkippedRow) {
		rows = append(append([]Operation{}, rows[:len(rows)/2]...), rows[len(rows)/2+1:]...)
	}
	secret = s.opts.Secret
	if s.faults.due(BadSignature) {
		secret += "-another"
	}
	return rows, secret
}

// sum is an amount in the platform's words: minor units as a number.
type sum struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// row is an operation in the platform's words.
type row struct {
	OperationID          string `json:"operation_id"`
	OperationType        string `json:"operation_type"`
	OperationStatus      string `json:"operation_status"`
	OperationCreatedAt   string `json:"operation_created_at"`
	OperationCompletedAt string `json:"operation_completed_at"`
	PaymentID            string `json:"payment_id"`
	PaymentTypeID        string `json:"payment_type_id"`
	PaymentMethod        string `json:"payment_method"`
	PaymentStatus        string `json:"payment_status"`
	ProjectID            string `json:"project_id"`
	SumInitial           sum    `json:"sum_initial"`
	SumConverted         *sum   `json:"sum_converted,omitempty"`
	ProviderName         string `json:"provider_name"`
	ProviderPaymentID    string `json:"provider_payment_id"`
	CustomerID           string `json:"customer_id"`
	CustomerIP           string `json:"customer_ip"`
	AccountNumber        string `json:"account_number"`
	Code                 string `json:"code"`
	Message              string `json:"message"`
}

// offset writes a time as the Data API does, with a colon.
const offset = "2006-01-02T15:04:05-07:00"

func words(o Operation, zone *time.Location) row {
	r := row{
		OperationID: o.ID, OperationType: o.Type, OperationStatus: o.Status, PaymentID: o.PaymentID,
		OperationCreatedAt: o.CreatedAt.In(zone).Format(offset),
		PaymentTypeID:      strconv.Itoa(o.PaymentTypeID), PaymentMethod: o.PaymentMethod, PaymentStatus: o.PaymentStatus,
		ProjectID: strconv.FormatInt(o.ProjectID, 10), SumInitial: sum{o.AmountMinor, o.Currency},
		ProviderName: o.ProviderName, ProviderPaymentID: o.ProviderPaymentID, CustomerID: o.CustomerID,
		CustomerIP: o.CustomerIP, AccountNumber: o.AccountNumber, Code: o.Code, Message: o.Message,
	}
	if !o.CompletedAt.IsZero() {
		r.OperationCompletedAt = o.CompletedAt.In(zone).Format(offset)
	}
	if o.ConvertedCurrency != "" {
		r.SumConverted = &sum{o.ConvertedMinor, o.ConvertedCurrency}
	}
	return r
}

// sign writes an answer; the signature is over the very text of its rows.
func sign(rows []Operation, q *request, zone *time.Location, secret string) []byte {
	if zone == nil {
		zone = q.zone
	}
	body := struct {
		Operations []row  `json:"operations"`
		Signature  string `json:"signature,omitempty"`
	}{Operations: make([]row, 0, len(rows))}
	for _, o := range rows {
		body.Operations = append(body.Operations, words(o, zone))
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	if body.Signature, err = flashpay.Sign(text, []byte(secret)); err != nil {
		return nil
	}
	text, _ = json.Marshal(body)
	return text
}
