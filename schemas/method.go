package schemas

// Methods says which types of operation a payment method can have at all. Mbank
// purchases know no refunds, payouts or chargebacks: such a row is real data
// from somewhere, and an alarm. A method that is not listed may do anything.
func Methods() map[string][]string {
	return map[string][]string{
		"mbank": {"sale", "invoice", "customer action", "payment confirmation"},
	}
}

// MethodCurrencies says in which currency alone a payment method moves money. A
// method that is not listed may have any.
func MethodCurrencies() map[string]string { return map[string]string{"mbank": "KGS"} }
