package flashpay

import (
	"slices"

	"github.com/paylake/paylake/sources"
)

// endpoint is one list of the Data API. Where publications of the API disagree
// about a word, or none shows it, every likely spelling stands here.
type endpoint struct {
	path  string   // below data_url
	lists []string // under which rows come
	ids   []string // of a row; the first one counts before the others
}

var (
	operationsGet  = &endpoint{"operations/get", []string{"operations"}, []string{"operation_id"}}
	reportGet      = &endpoint{"financial-reporting/operations", []string{"operations", "financial_operations", "data"}, []string{"operation_id", "id"}}
	chargebackList = &endpoint{"chargeback/list", []string{"chargebacks", "chargeback", "data"}, []string{"chargeback_id", "id"}}
	balanceGet     = &endpoint{"balance/get", []string{"balance", "balances"}, nil}
	ratesGet       = &endpoint{"currency-rates/get", []string{"currency_rates", "rates", "data"}, nil}
)

// list reports whether rows come under a name.
func (e *endpoint) list(name string) bool { return slices.Contains(e.lists, name) }

func (e *endpoint) shape(what string) error {
	return sources.Errorf(sources.ErrShape, "the answer is not what %s sends: %s", e.path, what)
}
