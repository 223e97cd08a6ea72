package match

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// State is what is known of a match.
type State string

// States.
const (
	Matched   State = "matched"
	Ambiguous State = "ambiguous" // one of several that are equally good
)

// Match is facts of two sides that are the same money; one of the sides has one
// fact.
type Match struct {
	ID          string // a function of the rule and the keys
	Rule        string
	State       State
	Left, Right []*Fact // by time and key
	Score       int     // points, 0 to 100
	Reasons     []Reason
	// Difference is the left side's sum less the right side's, minor units: a
	// fee that is known.
	Difference int64
}

// Shape is 1:1, 1:n or n:1.
func (m *Match) Shape() string {
	switch {
	case len(m.Left) > 1:
		return "n:1"
	case len(m.Right) > 1:
		return "1:n"
	}
	return "1:1"
}

// Summary counts what a run saw and did.
type Summary struct {
	Left, Right        int64 // facts that no person had bound
	Matches, Ambiguous int64
	Links              int64 // pairs of facts in matches
	Largest            int   // facts in the largest block
	TooLarge           int64 // blocks that were left alone or cut
}

// run is one rule over its facts.
type run struct {
	rule    *Rule
	facts   Facts
	decided Decided
	taken   *taken
	emit    func(Match) error
	sum     Summary
	fees    bool // some fact has a fee
}

// Run finds the matches of a rule and hands each to emit, in an order that is a
// function of the facts. The passes: common references, equal amounts, amounts
// after fees, groups. Each sees what the ones before it left.
func Run(rule Rule, facts Facts, decided Decided, emit func(Match) error) (Summary, error) {
	r := &run{rule: &rule, facts: facts, decided: decided, taken: newTaken(), emit: emit}
	for i := range decided.Bound {
		r.taken.add(&decided.Bound[i])
	}
	for _, pass := range []func() error{r.references, r.amounts, r.nets, r.groups} {
		if err := pass(); err != nil {
			return r.sum, fmt.Errorf("match %s: %w", rule.Name, err)
		}
	}
	return r.sum, nil
}

// settle pairs a block and emits what comes of it.
func (r *run) settle(b block) error {
	r.sum.Largest = max(r.sum.Largest, len(b.left)+len(b.right))
	if len(b.left) == 0 || len(b.right) == 0 {
		return nil
	}
	out := r.rule.pair(r.decided, b)
	for _, e := range out.sure {
		if err := r.tell(Matched, b, e); err != nil {
			return err
		}
	}
	for _, e := range out.unsure {
		if err := r.tell(Ambiguous, b, e); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) tell(s State, b block, e edge) error {
	l, x := b.left[e.l], b.right[e.r]
	difference := l.Amount - x.Amount // judged before: it fits
	return r.give(Match{State: s, Left: []*Fact{l}, Right: []*Fact{x}, Score: e.points, Difference: difference,
		Reasons: r.rule.reasons(l, x, b.reference, difference)})
}

// give emits a match. Ambiguous facts are taken, too: a weaker pass would guess.
func (r *run) give(m Match) error {
	for _, side := range [][]*Fact{m.Left, m.Right} {
		slices.SortFunc(side, (*Fact).compare)
		for _, f := range side {
			r.taken.add(&f.Key)
		}
	}
	m.Rule = r.rule.Name
	m.ID = ID(&m)
	if m.State == Ambiguous {
		r.sum.Ambiguous++
	} else {
		r.sum.Matches++
		r.sum.Links += int64(max(len(m.Left), len(m.Right)))
	}
	return r.emit(m)
}

// ID names a match: a function of its rule and of the keys of its rows.
func ID(m *Match) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", m.Rule)
	for _, side := range [][]*Fact{m.Left, m.Right} {
		for _, f := range side {
			fmt.Fprintf(h, "%s %s\n", f.Side, f.Key)
		}
	}
	return "mat_" + hex.EncodeToString(h.Sum(nil)[:8])
}
