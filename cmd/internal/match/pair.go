package match

import (
	"cmp"
	"slices"
)

// nearest is how many candidates of a fact are looked at in either direction of
// time, and scanned is among how many they are looked for.
const (
	nearest = 8
	scanned = 512
)

// edge is a pair that may be.
type edge struct {
	l, r int // indices
	evidence
	apart int64
	exact int64 // resolution of apart
}

// block is what is paired at once: facts whose amounts fit, by time.
type block struct {
	left, right []*Fact
	reference   string // they have it in common; empty: they have none
}

// pairs are the outcome of a block.
type pairs struct {
	sure []edge
	// unsure are pairs with a rival that is just as good, and the rivals' own.
	unsure []edge
}

// pair finds who belongs to whom: best evidence first, then whoever is nearest
// in time, then by time and key. Both sides must be sorted.
func (r *Rule) pair(d Decided, b block) pairs {
	edges := r.edges(d, b)
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(b.points-a.points, b.firm-a.firm, cmp.Compare(a.apart, b.apart), a.l-b.l, a.r-b.r)
	})
	ofLeft, ofRight := unpaired(len(b.left)), unpaired(len(b.right))
	var chosen []edge
	for i, e := range edges {
		if ofLeft[e.l] < 0 && ofRight[e.r] < 0 {
			ofLeft[e.l], ofRight[e.r] = i, i
			chosen = append(chosen, e)
		}
	}
	out := r.doubtful(b, edges, ofLeft, ofRight, chosen)
	r.inTimeOrder(d, b, out.sure)
	return out
}

func unpaired(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = -1
	}
	return out
}

// edges are the pairs that may be: for each fact of the left side the nearest of
// the right one, before and after it.
func (r *Rule) edges(d Decided, b block) []edge {
	var out []edge
	first := 0 // of the right side, not before the left fact
	for i, l := range b.left {
		for first < len(b.right) && b.right[first].At < l.At {
			first++
		}
		out = r.along(d, b, out, i, first, 1)
		out = r.along(d, b, out, i, first-1, -1)
	}
	return out
}

func (r *Rule) along(d Decided, b block, out []edge, i, from, step int) []edge {
	l, found := b.left[i], 0
	for j := from; j >= 0 && j < len(b.right) && found < nearest && max(j-from, from-j) < scanned; j += step {
		x := b.right[j]
		if b.reference == "" && apart(l, x) > r.reach() {
			break
		}
		if e, ok := r.judgeIn(d, b, l, x); ok {
			out = append(out, edge{i, j, e, apart(l, x), r.resolution(l, x)})
			found++
		}
	}
	return out
}

func (r *Rule) judgeIn(d Decided, b block, l, x *Fact) (evidence, bool) {
	difference, fits := sub(l.Amount, x.Amount)
	if !fits || d.forbids(l, x) {
		return evidence{}, false
	}
	return r.judge(l, x, b.reference != "", difference)
}

// doubtful sorts out pairs of which one side has another partner that is just as
// good, is left over, and could not stand for the one chosen.
func (r *Rule) doubtful(b block, edges []edge, ofLeft, ofRight []int, chosen []edge) (out pairs) {
	unsure := map[[2]int]bool{}
	for _, e := range edges {
		if i := ofRight[e.r]; i >= 0 && ofLeft[e.l] < 0 && r.rival(edges[i], e) && !b.left[e.l].twin(b.left[edges[i].l]) {
			unsure[[2]int{edges[i].l, e.r}], unsure[[2]int{e.l, e.r}] = true, true
		}
		if i := ofLeft[e.l]; i >= 0 && ofRight[e.r] < 0 && r.rival(edges[i], e) && !b.right[e.r].twin(b.right[edges[i].r]) {
			unsure[[2]int{e.l, edges[i].r}], unsure[[2]int{e.l, e.r}] = true, true
		}
	}
	if len(unsure) == 0 {
		out.sure = chosen
		return out
	}
	for _, e := range chosen {
		if !unsure[[2]int{e.l, e.r}] {
			out.sure = append(out.sure, e)
		}
	}
	for _, e := range edges {
		if unsure[[2]int{e.l, e.r}] {
			out.unsure = append(out.unsure, e)
		}
	}
	return out
}

// rival reports whether neither evidence nor time tells two pairs apart.
func (r *Rule) rival(chosen, other edge) bool {
	return chosen.firm == other.firm && other.apart-chosen.apart <= max(chosen.exact, other.exact)
}

// inTimeOrder uncrosses pairs of equal evidence: of two that could change their
// partners, the earlier one gets the earlier partner.
func (r *Rule) inTimeOrder(d Decided, b block, sure []edge) {
	slices.SortFunc(sure, func(a, b edge) int { return cmp.Or(a.l-b.l, a.r-b.r) })
	for swapped, n := true, 0; swapped && n < len(sure); n++ {
		swapped = false
		for i := 1; i < len(sure); i++ {
			p, q := sure[i-1], sure[i]
			if p.r < q.r {
				continue
			}
			one, ok := r.judgeIn(d, b, b.left[p.l], b.right[q.r])
			two, fine := r.judgeIn(d, b, b.left[q.l], b.right[p.r])
			if !ok || !fine || one.firm != p.firm || two.firm != q.firm || one.firm != two.firm {
				continue
			}
			sure[i-1] = edge{p.l, q.r, one, apart(b.left[p.l], b.right[q.r]), 0}
			sure[i] = edge{q.l, p.r, two, apart(b.left[q.l], b.right[p.r]), 0}
			swapped = true
		}
	}
}
