package match

import (
	"cmp"
	"iter"
	"strings"
)

// Side is the side of a rule that a fact is on.
type Side uint8

// The sides of a rule.
const (
	Left Side = iota
	Right
)

func (s Side) String() string {
	if s == Left {
		return "left"
	}
	return "right"
}

// Key names a row in all systems.
type Key struct{ Table, Source, Account, ID string }

func (k Key) compare(o Key) int {
	return cmp.Or(strings.Compare(k.Table, o.Table), strings.Compare(k.Source, o.Source), strings.Compare(k.Account, o.Account), strings.Compare(k.ID, o.ID))
}

// elsewhere reports whether two rows are of different sources. Of one table, so
// that each pair of sources has one order, the left one is that of the first by
// name.
func (k Key) elsewhere(o Key) bool {
	return k.Source < o.Source || k.Source != o.Source && k.Table != o.Table
}

// String is the key as commands take it: table:source:account:id.
func (k Key) String() string {
	return k.Table + ":" + k.Source + ":" + k.Account + ":" + k.ID
}

// Fact is what is known of one row. Text that is not known is empty and says
// nothing for or against a pair.
type Fact struct {
	Side     Side
	Key      Key
	Currency string
	// Amount is what the row says, in minor units, with the same sign on both
	// sides of a rule: what left the one is what reached the other.
	Amount int64
	// Fee is what the row itself says was kept back of Amount, in minor units; below
	// zero where it was charged on top.
	Fee      int64
	At       int64 // microseconds since the epoch, UTC
	Dated    bool  // only the day is known, and At is its midnight
	Date     int32 // business date, days since the epoch
	Refs     []string
	Person   string // pseudonym
	Provider string // in the catalogue's words
	Group    string // rows that are settled together; empty: with nothing
}

// net is what is left of the amount; false where that does not fit.
func (f *Fact) net() (int64, bool) { return sub(f.Amount, f.Fee) }

// before is the order of facts within a block.
func (f *Fact) compare(o *Fact) int {
	return cmp.Or(cmp.Compare(f.At, o.At), cmp.Compare(f.Side, o.Side), f.Key.compare(o.Key))
}

// twin reports whether a fact could stand for another without any sum being
// different: the same account, person and provider.
func (f *Fact) twin(o *Fact) bool {
	return f.Key.Table == o.Key.Table && f.Key.Source == o.Key.Source && f.Key.Account == o.Key.Account && f.Person == o.Person && f.Provider == o.Provider
}

// Order is an order in which facts are asked for.
type Order uint8

// Orders. Within a class facts come by time, side and key.
const (
	// ByReference: by currency and reference; a fact once for each of its
	// references.
	ByReference Order = iota
	// ByAmount: by currency and amount.
	ByAmount
	// ByNet: by currency and amount, as it is and after fees; a fact once for each.
	ByNet
	// ByGroup: by currency and group, facts that have one.
	ByGroup
)

// Entry is a fact in a stream, and what puts it there.
type Entry struct {
	Class string // reference or group
	Sum   int64  // amount of the class
	Fact  *Fact
}

// Facts are both sides of a rule, merged, in any order and as often as they are
// asked for: always the same facts. A sequence ends after the first error.
type Facts interface {
	By(o Order) iter.Seq2[Entry, error]
}

// add and sub say whether the result fits.
func add(a, b int64) (int64, bool) {
	s := a + b
	return s, (s > a) == (b > 0)
}

func sub(a, b int64) (int64, bool) {
	d := a - b
	return d, (d < a) == (b > 0)
}
