package match

import (
	"fmt"
	"slices"
)

// references pairs facts that have a reference in common: first those of the
// same amount, then those with a fee between them, then parts and their sum.
func (r *run) references() error {
	if r.rule.Weights.Reference == 0 {
		return nil
	}
	var b block
	var currency string
	for e, err := range r.facts.By(ByReference) {
		if err != nil {
			return err
		}
		if e.Class != b.reference || e.Fact.Currency != currency {
			if err := r.related(b); err != nil {
				return err
			}
			b = block{left: b.left[:0], right: b.right[:0], reference: e.Class}
			currency = e.Fact.Currency
		}
		switch {
		case len(b.left)+len(b.right) > maxBlock: // counted when it ends
		case r.taken.has(e.Fact):
		case e.Fact.Side == Left:
			b.left = append(b.left, e.Fact)
		default:
			b.right = append(b.right, e.Fact)
		}
	}
	return r.related(b)
}

// related settles the facts of one reference.
func (r *run) related(b block) error {
	if len(b.left)+len(b.right) > maxBlock {
		r.sum.TooLarge++
		return nil
	}
	if len(b.left) == 0 || len(b.right) == 0 {
		return nil
	}
	if len(b.left) == 1 && len(b.right) == 1 && b.left[0].Amount == b.right[0].Amount { // nearly all
		return r.settle(b)
	}
	if err := r.bySum(b, func(f *Fact) []int64 { return []int64{f.Amount} }); err != nil {
		return err
	}
	if err := r.bySum(r.rest(b), r.rule.nets); err != nil {
		return err
	}
	return r.parts(r.rest(b))
}

// rest is what is left of a block.
func (r *run) rest(b block) block {
	b.left, b.right = r.free(b.left), r.free(b.right)
	return b
}

func (r *run) free(facts []*Fact) []*Fact {
	var out []*Fact
	for _, f := range facts {
		if !r.taken.has(f) {
			out = append(out, f)
		}
	}
	return out
}

// bySum settles a block amount by amount, in ascending order.
func (r *run) bySum(b block, sums func(*Fact) []int64) error {
	left := map[int64][]*Fact{}
	for _, f := range b.left {
		for _, sum := range sums(f) {
			left[sum] = append(left[sum], f)
		}
	}
	right := map[int64][]*Fact{}
	for _, f := range b.right {
		for _, sum := range sums(f) {
			if left[sum] != nil {
				right[sum] = append(right[sum], f)
			}
		}
	}
	amounts := make([]int64, 0, len(right))
	for a := range right {
		amounts = append(amounts, a)
	}
	slices.Sort(amounts)
	for _, a := range amounts {
		if err := r.settle(r.rest(block{left[a], right[a], b.reference})); err != nil {
			return err
		}
	}
	return nil
}

// parts matches one fact with several that add up to it, with or without their
// fees. More than one on both sides is nobody's sum.
func (r *run) parts(b block) error {
	switch {
	case len(b.left) == 1 && len(b.right) > 1:
		return r.whole(b, b.left[0], b.right)
	case len(b.right) == 1 && len(b.left) > 1:
		return r.whole(b, b.right[0], b.left)
	}
	return nil
}

func (r *run) whole(b block, one *Fact, parts []*Fact) error {
	if len(parts) > maxParts {
		r.sum.TooLarge++
		return nil
	}
	gross, net, ok := int64(0), int64(0), true
	for _, f := range parts {
		l, x := one, f
		if one.Side == Right {
			l, x = f, one
		}
		// Every part must be able to be one: its difference is another matter.
		if _, fine := r.rule.judge(l, x, true, 0); !fine || r.decided.forbids(l, x) {
			return nil
		}
		less, fits := f.net()
		gross, ok = addIf(ok && fits, gross, f.Amount)
		net, ok = addIf(ok, net, less)
	}
	if !ok {
		return nil // a sum that is no amount
	}
	return r.sumOf(b.reference, one, parts, gross, net)
}

func addIf(ok bool, a, b int64) (int64, bool) {
	if !ok {
		return 0, false
	}
	return add(a, b)
}

// sumOf emits parts whose sum is the one's amount. On which side the fees were
// kept back is said by the side that names them.
func (r *run) sumOf(reference string, one *Fact, parts []*Fact, gross, net int64) error {
	w := r.rule.Weights
	of := func(what string, difference int64) error {
		m := Match{State: Matched, Left: []*Fact{one}, Right: slices.Clone(parts), Difference: difference}
		if one.Side == Right {
			m.Left, m.Right = m.Right, m.Left
		}
		m.Reasons = []Reason{{fmt.Sprintf("%d rows add up to it%s", len(parts), what), w.Sum}}
		if reference != "" {
			m.Reasons = append(m.Reasons, Reason{"same reference " + reference, w.Reference})
		}
		m.Reasons = strongest(append(m.Reasons, r.timelyReason(one, parts)))
		for _, x := range m.Reasons {
			m.Score += x.Points
		}
		if m.Score = min(m.Score, 100); m.Score < r.rule.Enough {
			return nil
		}
		return r.give(m)
	}
	oneNet, fits := one.net()
	switch {
	case gross == one.Amount:
		return of("", 0)
	case one.Side == Right && net == one.Amount:
		return of(" after their fees", gross-net)
	case one.Side == Left && fits && gross == oneNet:
		return of(" after its fee", one.Fee)
	}
	return nil
}

// timelyReason is about the part that is furthest away.
func (r *run) timelyReason(one *Fact, parts []*Fact) Reason {
	far := parts[0]
	for _, f := range parts {
		if apart(one, f) > apart(one, far) {
			far = f
		}
	}
	return Reason{fmt.Sprintf("at most %s apart", spanText(apart(one, far))), r.rule.timely(one, far)}
}
