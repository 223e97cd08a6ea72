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
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(s.body(q))
	}
}

// body is a whole, signed answer.
func (s *Server) body(q *request) []byte {
	if q.endpoint == operationsGet {
		rows, secret := s.page(q)
		list := make([]any, 0, len(rows))
		for _, o := range rows {
			list = append(list, words(o, s.zoneOf(q)))
		}
		return sign("operations", list, secret)
	}
	s.mu.Lock()
	secret := s.secret()
	s.mu.Unlock()
	name, list := s.finance(q)
	return sign(name, list, secret)
}

// secret signs this answer; the fault bad-signature changes it.
func (s *Server) secret() string {
	if s.faults.due(BadSignature) {
		return s.opts.Secret + "-another"
	}
	return s.opts.Secret
}

func (s *Server) zoneOf(q *request) *time.Location {
	if s.opts.Zone != nil {
		return s.opts.Zone
	}
	return q.zone
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
	return rows, s.secret()
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
	PaymentSum           *sum   `json:"payment_sum,omitempty"`
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
	if o.PaymentSumMinor != 0 {
		r.PaymentSum = &sum{o.PaymentSumMinor, o.Currency}
	}
	return r
}

// sign writes an answer; the signature is over the very text of its rows.
func sign(name string, rows []any, secret string) []byte {
	list, err := json.Marshal(rows)
	if err != nil {
		return nil
	}
	text := append(append([]byte(`{"`+name+`":`), list...), '}')
	signature, err := flashpay.Sign(text, []byte(secret))
	if err != nil {
		return nil
	}
	return append(text[:len(text)-1], `,"signature":"`+signature+`"}`...)
}
