package payplan

import (
	"strconv"
	"strings"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/gate"
)

// Job is what all payments of a job have in common.
type Job struct {
	Tenant, Name, Source string
	ProjectID            int64
	Method, Operation    string
}

// Parameters are those of the job's query, for a day written YYYY-MM-DD.
func (j Job) Parameters(day string) map[string]string {
	return map[string]string{paramDay: day, paramSource: j.Source, paramProject: strconv.FormatInt(j.ProjectID, 10), paramMethod: j.Method}
}

// Orders makes orders of rows. A row's own account and ip go before those of the
// payer. erased reports whether a number is that of somebody who was erased.
func Orders(j Job, rows []Row, payers Payers, erased func(account string) bool) (orders []gate.Order, findings []Finding) {
	for _, row := range rows {
		o, remark, wrong := j.order(row, payers)
		if wrong == "" && erased(o.Account) {
			wrong = "the payer was erased; nothing is planned for him"
		}
		if wrong == "" {
			if err := o.Check(); err != nil {
				wrong = strings.TrimPrefix(err.Error(), o.Key+": ")
			}
		}
		if wrong != "" {
			findings = append(findings, Finding{Key: row.Key, Text: wrong})
			continue
		}
		if remark != "" {
			findings = append(findings, Finding{Key: row.Key, Text: remark, Drafted: true})
		}
		orders = append(orders, o)
	}
	return orders, findings
}

// order makes an order of one row; wrong says why it cannot, remark what a
// person should look at although it can.
func (j Job) order(row Row, payers Payers) (o gate.Order, remark, wrong string) {
	payer, known := payers[row.CustomerID]
	if _, pseudonym := schemas.IsPseudonym(row.CustomerID); pseudonym && !known {
		return o, "", "customer_id is the pseudonym of a telephone number; write the payer with the number itself into the file that payments.payers names"
	}
	if row.CustomerID == schemas.Erased {
		return o, "", "the payer was erased; nothing is planned for him"
	}
	o = gate.Order{Tenant: j.Tenant, Job: j.Name, Key: row.Key, Source: j.Source, ProjectID: j.ProjectID, Method: j.Method, Operation: j.Operation,
		ProviderCode: row.ProviderCode, AmountMinor: row.AmountMinor, Currency: row.Currency, CustomerID: row.CustomerID, Description: row.Description}
	if known {
		o.CustomerID = payer.CustomerID
	}
	account, valid, ok := Number(or(row.Account, payer.Account))
	o.Account, o.CustomerIP = account, or(row.IP, payer.IP)
	switch {
	case account == "":
		return o, "", "the payer's number is not known: return it AS account, or write the payer into the file that payments.payers names"
	case !ok:
		return o, "", "account is not a telephone number"
	case o.CustomerIP == "":
		return o, "", "the payer's IP address is not known: return it AS ip, or write it into the file that payments.payers names"
	case !valid:
		remark = "account is not a valid telephone number; drafted as it stands, look at it before you approve"
	}
	return o, remark, ""
}

func or(text, other string) string {
	if text != "" {
		return text
	}
	return other
}
