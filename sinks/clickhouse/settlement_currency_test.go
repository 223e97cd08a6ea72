package clickhouse

import (
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// A notice in a currency in which the wallet has no balance is kept and flagged;
// of a wallet whose balance nobody has read nothing is known.
func TestSettlementInAnotherCurrency(t *testing.T) {
	w := public(t)
	at := day0.Add(time.Hour)
	settled := func(wallet, key, currency string) row {
		return row{"source": "mpay", "wallet_id": wallet, "idempotency_key": key, "event": "payment.settled", "settled_at": at, "business_date": at, "amount_minor": int64(-700), "currency": currency}
	}
	held := func(wallet, currency string, m int) row {
		as := at.Add(time.Duration(m) * time.Minute)
		return row{"source": "mpay", "wallet_id": wallet, "as_of": as, "business_date": as, "currency": currency, "available_minor": int64(5000)}
	}
	commit(t, w.lake, part(schemas.Settlements, "mpay", "w1", days(0, 2), settled("w1", "ours", "AZN"), settled("w1", "theirs", "USD")),
		part(schemas.Settlements, "mpay", "w2", days(0, 2), settled("w2", "nothing known", "USD")),
		part(schemas.Settlements, "mpay", "w3", days(0, 2), settled("w3", "either", "USD"), settled("w3", "neither", "KGS")))
	commit(t, w.lake, part(schemas.Balances, "mpay", "w1", days(0, 2), held("w1", "AZN", 0)),
		part(schemas.Balances, "mpay", "w3", days(0, 2), held("w3", "AZN", 0), held("w3", "USD", 1)))
	follow(t, w)
	got := csvLines(t, w, "SELECT check_name, table, wallet_id, row_id, observed, amount_minor FROM alarms ORDER BY ALL", Query{User: "analyst"})
	want := []string{"currency_differs,settlements,w1,theirs,USD,-700", "currency_differs,settlements,w3,neither,KGS,-700"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if flagged := csvLines(t, w, "SELECT idempotency_key FROM settlements WHERE has(flags, 'currency_differs') ORDER BY 1", Query{User: "analyst"}); strings.Join(flagged, " ") != "neither theirs" {
		t.Errorf("flagged %v", flagged)
	}
}
