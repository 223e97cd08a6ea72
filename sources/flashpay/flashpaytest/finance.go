package flashpaytest

import (
	"strconv"
	"strings"
	"time"
)

// Finance is what a Book may serve beside operations. Lists are filtered by
// their last update and paged as Book.Operations are.
type Finance interface {
	Fees(project int64, from, to, now time.Time, skip, limit int) []Fee
	Chargebacks(project int64, from, to, now time.Time, skip, limit int) []Chargeback
	Balances(now time.Time) []Balance
	Rates(now time.Time) []Rate
}

// Fee is one row of financial-reporting/operations.
type Fee struct {
	Operation
	FeeMinor    int64
	FeeCurrency string
}

// Chargeback is one row of chargeback/list.
type Chargeback struct {
	ID            string
	PaymentID     string
	OperationID   string
	ProjectID     int64
	Type          string
	Status        string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	DueAt         time.Time // zero: not sent; a day
	AmountMinor   int64
	Currency      string
	PaymentMethod string
	ReasonCode    string
	Reason        string
	CustomerID    string
	AccountNumber string
	ARN           string
}

// Balance is one entry of balance/get.
type Balance struct {
	Name     string
	Currency string // the key of the amount
	Minor    int64
}

// Rate is one entry of currency-rates/get; Rate is a plain decimal.
type Rate struct {
	Base, Quote, Rate string
	ValidAt           time.Time
}

const (
	operationsGet  = "operations/get"
	reportGet      = "financial-reporting/operations"
	chargebackList = "chargeback/list"
	balanceGet     = "balance/get"
	ratesGet       = "currency-rates/get"
)

// endpoint names what a path asks for.
func (s *Server) endpoint(path string) (string, bool) {
	_, finance := s.book.(Finance)
	for _, name := range []string{operationsGet, reportGet, chargebackList, balanceGet, ratesGet} {
		if strings.HasSuffix(path, "/"+name) {
			return name, finance || name == operationsGet
		}
	}
	return "", false
}

// finance lists the rows of an answer and the word under which they come.
func (s *Server) finance(q *request) (name string, list []any) {
	book, now, list := s.book.(Finance), s.opts.Now(), []any{}
	switch q.endpoint {
	case balanceGet:
		for _, b := range book.Balances(now) {
			list = append(list, map[string]string{"name": b.Name, b.Currency: strconv.FormatInt(b.Minor, 10)})
		}
		return "balance", list
	case ratesGet:
		for _, r := range book.Rates(now) {
			list = append(list, map[string]string{"base_currency": r.Base, "quote_currency": r.Quote, "rate": r.Rate, "date": r.ValidAt.Format(offset)})
		}
		return "currency_rates", list
	case reportGet:
		each(q, func(project int64, skip, limit int) int {
			rows := book.Fees(project, q.from, q.to, now, skip, limit)
			for _, f := range rows {
				list = append(list, feeRow{words(f.Operation, s.zoneOf(q)), sum{f.FeeMinor, f.FeeCurrency}})
			}
			return len(rows)
		})
		return "operations", list
	}
	each(q, func(project int64, skip, limit int) int {
		rows := book.Chargebacks(project, q.from, q.to, now, skip, limit)
		for _, c := range rows {
			list = append(list, chargebackWords(c, s.zoneOf(q)))
		}
		return len(rows)
	})
	return "chargebacks", list
}

// each pages through the projects of a request, one after the other.
func each(q *request, page func(project int64, skip, limit int) int) {
	skip, limit := q.Offset, q.limit
	for i, p := range q.ProjectID {
		n := page(p, skip, limit)
		if limit -= n; limit == 0 || i == len(q.ProjectID)-1 {
			return
		}
		skip = 0 // a fake for one project in practice: later ones begin at their start
	}
}

type feeRow struct {
	row
	Fee sum `json:"fee"`
}

type chargebackRow struct {
	ID            string `json:"chargeback_id"`
	PaymentID     string `json:"payment_id"`
	OperationID   string `json:"operation_id"`
	ProjectID     string `json:"project_id"`
	Type          string `json:"type"`
	Status        string `json:"status"`
	CreatedAt     string `json:"created_at"`
	UpdatedAt     string `json:"updated_at"`
	DueDate       string `json:"due_date"`
	Sum           sum    `json:"sum"`
	PaymentMethod string `json:"payment_method"`
	ReasonCode    string `json:"reason_code"`
	Reason        string `json:"reason"`
	CustomerID    string `json:"customer_id"`
	AccountNumber string `json:"account_number"`
	ARN           string `json:"arn"`
}

func chargebackWords(c Chargeback, zone *time.Location) chargebackRow {
	r := chargebackRow{
		ID: c.ID, PaymentID: c.PaymentID, OperationID: c.OperationID, ProjectID: strconv.FormatInt(c.ProjectID, 10),
		Type: c.Type, Status: c.Status, CreatedAt: c.CreatedAt.In(zone).Format(offset), UpdatedAt: c.UpdatedAt.In(zone).Format(offset),
		Sum: sum{c.AmountMinor, c.Currency}, PaymentMethod: c.PaymentMethod, ReasonCode: c.ReasonCode, Reason: c.Reason,
		CustomerID: c.CustomerID, AccountNumber: c.AccountNumber, ARN: c.ARN,
	}
	if !c.DueAt.IsZero() {
		r.DueDate = c.DueAt.In(zone).Format(time.DateOnly)
	}
	return r
}
