package schemas

import "time"

// Kinds of checks that a pipeline's configuration can name, and those that
// need nothing but the row itself: LocalToRow.

// Required: text is not empty, and nothing is NULL.
type Required struct{}

// Range: a number lies between Min and Max, both included; nil is no bound.
// Money is compared in minor units, dates in days since 1970-01-01. NULL holds.
type Range struct{ Min, Max *int64 }

// Pattern: a text as a whole matches an RE2 expression. Empty text holds.
type Pattern struct{ Matches string }

// Vocabulary: a text is one of the words. Empty text holds.
type Vocabulary struct{ Words []string }

// Referential: a text is the value of a column of another table, in a row of
// the same wallet where both tables have wallets. Empty text holds.
type Referential struct {
	Table, Column string
	Source        string // whose rows of the other table
}

// Number: what stands for a person was made of a telephone number. Text names a
// column that holds what is no number as it came; or else Person and Masked name
// a pseudonym and its masked form, which begins with + for a number alone.
type Number struct{ Text, Person, Masked string }

// Once: one reading words a row's key once. The wording that came last counts.
type Once struct{}

// Chain: every balance follows from the one before it. The lake judges that
// window by window (balance_chain in its manifests); the check only says which
// verdicts stand.
type Chain struct{}

// Freshness: the newest row of the table is not older than Max.
type Freshness struct{ Max time.Duration }

// Volume: on each of the last VolumeDays days that are over, a table got as many
// rows as usual: between Min and Max percent of the median of the same weekday in
// the Weeks before, as long as that median is Least or more. Max 0 is no bound.
type Volume struct {
	Weeks    int
	Min, Max int64
	Least    int64
	Zone     string // IANA name: where the days are
}

// VolumeDays is how far back volumes are judged.
const VolumeDays = 28

func (Required) rule()    {}
func (Range) rule()       {}
func (Pattern) rule()     {}
func (Vocabulary) rule()  {}
func (Referential) rule() {}
func (Number) rule()      {}
func (Once) rule()        {}
func (Chain) rule()       {}
func (Freshness) rule()   {}
func (Volume) rule()      {}

// LocalToRow reports whether a rule can be judged from the row alone, before it
// is committed: only such a check can reject.
func LocalToRow(r Rule) bool {
	switch r.(type) {
	case Required, Range, Pattern, Vocabulary:
		return true
	}
	return false
}

// OfRows reports whether a rule is about single rows, which carry it as a flag;
// the others are about a table or a window.
func OfRows(r Rule) bool {
	switch r.(type) {
	case Chain, Freshness, Volume:
		return false
	}
	return true
}
