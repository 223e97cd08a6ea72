package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// Payments that are initiated here. Pure.

// intents are the views of payments: as they stand, and every step of them.
func (v viewer) intents() []string {
	return append(v.pair("payment_intents", v.intentsNow), v.pair("payment_intents_history", v.steps)...)
}

// steps: one row for each step of each payment.
func (v viewer) steps(at string) string {
	return v.rows(schemas.PaymentIntents, at, map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount"})
}

// intentsNow: the newest version of every payment among what is visible. A
// payment whose job was moved to another source while it was a draft has rows of
// both, and is one payment.
func (v viewer) intentsNow(at string) string {
	return fmt.Sprintf("SELECT * FROM (%s) ORDER BY payment_id, version DESC, snapshot DESC LIMIT 1 BY payment_id", v.steps(at))
}
