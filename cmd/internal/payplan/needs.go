package payplan

import (
	"time"

	"github.com/paylake/paylake/schemas"
)

// Need is a table that a plan goes by.
type Need struct {
	Table    string
	Since    time.Time // it must have been read at this instant or later
	Optional bool      // plans do without it where nobody reads it
}

// ReadWithin is how old the newest reading may be: a day, and what a late run
// takes.
const ReadWithin = 36 * time.Hour

// Needs says since when tables must have been read for a template's plan for the
// day that begins at day; nothing for another query. Bills go by what was paid up
// to now, or up to the end of a day that has passed; payouts by a month that is
// over.
func Needs(template string, day, now time.Time) []Need {
	switch template {
	case "due_bills":
		since := day.AddDate(0, 0, 1)
		if since.After(now) {
			since = now
		}
		return []Need{{Table: schemas.Operations.Name, Since: since.Add(-ReadWithin)}}
	case "partner_payouts":
		month := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, day.Location())
		return []Need{{Table: schemas.Operations.Name, Since: month}, {Table: schemas.OperationFees.Name, Since: month, Optional: true}}
	}
	return nil
}
