package clickhouse

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Periods that persons hold back from publication. Pure.
//
// Which months these are is in the lake, as decisions, and counts for every
// snapshot that is asked for: who asks for an older one gets no figures either.

// undated are views with a column business_date whose rows are no figures of a
// period: decisions, and what paylake itself did.
var undated = []string{"decisions", "payment_intents", "payment_intents_history"}

// dated are the views whose rows belong to a period.
var dated = []string{"ledger", "operations", "spend_by_provider", "double_counts", "bank_entries", "loyalty_entries", "balances", "funding_events",
	"assurance_events", "transfers", "settlements", "payments", "operation_fees", "chargebacks", "chargeback_hints", "psp_balances", "currency_rates", "alarms", "matches", "findings"}

// OfPeriods reports whether the rows of a view belong to periods, which can be
// held back from publication; a catalogue's do not.
func OfPeriods(view string) bool { return heldBack(view) }

func heldBack(view string) bool {
	name := strings.TrimSuffix(view, "_at")
	for _, d := range dated {
		if d == name {
			return true
		}
	}
	return false
}

// holdTables say up to which manifest holds count, where a warehouse was made to
// show what another one showed (Outside); no row: all of them.
func holdTables(db string) []string {
	return []string{"CREATE TABLE IF NOT EXISTS " + db + ".holds_as_of (snapshot Int64, made_at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY made_at" + durable}
}

// published leaves out rows of months that are held back, for everybody but the
// loader, auditors and accountants. It begins with what is constant within a
// query, so that it costs nothing as long as nothing is held.
//
// BUG(roles): in a view that runs as its definer a server's enabledRoles() are the
// definer's (seen with 26.7), while currentUser() is who asks. So on a server the
// roles paylake_auditor and paylake_accountant open nothing, here and in everything
// and forSome: their holders see what analysts see, never more.
func (v viewer) published() string {
	return fmt.Sprintf("((SELECT count() FROM %[1]s.%[2]s WHERE kind = 'hold') = 0 OR currentUser() IN (%[3]s, 'auditor', 'accountant') OR hasAny(enabledRoles(), ['paylake_auditor', 'paylake_accountant']) OR toYear(business_date) * 12 + toMonth(business_date) - 1 NOT IN %[4]s)",
		v.db, rowsTable(schemas.Decisions), literal(v.owner), v.heldMonths(newest, v.holdsUpTo()))
}

// newest is as of the follower's last manifest.
const newest = "9223372036854775807::Int64"

func (v viewer) holdsUpTo() string {
	return fmt.Sprintf("(SELECT if(count() = 0, %s, argMax(snapshot, made_at)) FROM %s.holds_as_of)", newest, v.db)
}

// heldMonths are the months, counted from January of the year 0, about which the
// last word is a hold.
func (v viewer) heldMonths(at, upTo string) string {
	return fmt.Sprintf(`(SELECT month FROM (SELECT arrayJoin(range(%[1]s, %[2]s)) AS month, kind, number FROM %[3]s.%[4]s
    WHERE kind IN ('hold', 'release') AND sign = 1 AND %[5]s AND snapshot <= %[6]s) GROUP BY month HAVING argMax(kind, number) = 'hold')`,
		firstMonth, afterMonth, v.db, rowsTable(schemas.Decisions), v.loaded(at), upTo)
}

// The months of a period: 2026-03, 2026-Q1, or 2026-03.. with all that follow.
const (
	firstMonth = "(toUInt32OrZero(substring(period, 1, 4)) * 12 + if(substring(period, 6, 1) = 'Q', (toUInt32OrZero(substring(period, 7, 1)) - 1) * 3, toUInt32OrZero(substring(period, 6, 2)) - 1))::UInt32"
	afterMonth = "multiIf(endsWith(period, '..'), 27600::UInt32, substring(period, 6, 1) = 'Q', (" + firstMonth + " + 3)::UInt32, (" + firstMonth + " + 1)::UInt32)"
)
