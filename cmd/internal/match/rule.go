package match

import (
	"slices"
	"time"
)

// Weights are points for evidence. A pair needs Rule.Enough of them; 100 are
// certainty.
type Weights struct {
	Amount    int // the amounts are equal
	Net       int // they differ by a fee that is known
	Sum       int // parts that add up to the amount
	Reference int // a common reference
	Person    int // the same pseudonym
	Provider  int // the same provider
	Near      int // no further apart than Rule.Resolution
	Soon      int // within the first quarter of the window
	Window    int // within the window
}

// DefaultWeights are those of rules that do not say otherwise.
func DefaultWeights() Weights {
	return Weights{Amount: 40, Net: 30, Sum: 40, Reference: 50, Person: 25, Provider: 15, Near: 25, Soon: 15, Window: 5}
}

// Rule says which facts may be the same money.
type Rule struct {
	Name string
	// Before and After bound how much earlier and later than its left side the
	// right side of a pair may be.
	Before, After time.Duration
	// Related bounds pairs with a common reference, in both directions.
	Related time.Duration
	// Resolution is how exact the instants are: within it time does not tell two
	// candidates apart. Where a fact is Dated it is a day at least.
	Resolution time.Duration
	// Fees are amounts that may be missing on the right side, in minor units,
	// beside the one that the left side itself names.
	Fees []int64
	// Weights and Enough decide which evidence suffices.
	Weights Weights
	Enough  int
	// NeedReference, NeedPerson and NeedProvider make evidence a condition. Where
	// both sides say something and it differs, there is no pair, whether needed or
	// not (references aside: each system has its own).
	NeedReference, NeedPerson, NeedProvider bool
	// OtherSource leaves out pairs within one source. Where both sides are of one
	// table, the left one is of the first source by name.
	OtherSource bool
	// Groups is the side whose rows may be settled in groups.
	Groups Grouping
}

// Grouping says which side of a rule comes in groups.
type Grouping uint8

// What comes in groups.
const (
	NoGroups Grouping = iota
	LeftGroups
	RightGroups
)

// Side is the side that comes in groups.
func (g Grouping) Side() Side {
	if g == RightGroups {
		return Right
	}
	return Left
}

// maxParts bounds the rows of one match, maxBlock the facts that are looked at
// together: what is larger is counted and left alone.
const (
	maxParts = 100_000
	maxBlock = 1 << 17
)

// nets are the amounts that a fact may have on the other side, its own first:
// less the fee that it names, on the left side also less those of the rule;
// without those that do not fit.
func (r *Rule) nets(f *Fact) []int64 {
	out, fees := []int64{f.Amount}, []int64{f.Fee}
	if f.Side == Left {
		fees = append(fees, r.Fees...)
	}
	for _, fee := range fees {
		if net, ok := sub(f.Amount, fee); ok && !slices.Contains(out, net) {
			out = append(out, net)
		}
	}
	return out
}

// hasNets reports whether the pass over net amounts can find anything that the
// one over amounts does not.
func (r *Rule) hasNets(anyFee bool) bool { return anyFee || len(r.Fees) > 0 }

// reach is the longest time between two facts of a pair without a reference.
func (r *Rule) reach() int64 { return max(r.Before, r.After).Microseconds() }

// resolution is how exact the time between two facts is.
func (r *Rule) resolution(l, x *Fact) int64 {
	if l.Dated || x.Dated {
		return max(r.Resolution, 24*time.Hour).Microseconds()
	}
	return r.Resolution.Microseconds()
}

// inWindow reports whether two facts are close enough in time.
func (r *Rule) inWindow(l, x *Fact, related bool) bool {
	d := x.At - l.At
	if related && r.Related > 0 && max(d, -d) <= r.Related.Microseconds() {
		return true
	}
	return d >= -r.Before.Microseconds() && d <= r.After.Microseconds()
}
