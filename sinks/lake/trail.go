package lake

import "slices"

// trailsOf orders rows of equal time. Each row is an edge from the balance
// before it to the balance after it; the order is an Eulerian walk, and where
// one walk cannot use every edge, as few walks as possible. rows are sorted by
// id; prefer says where a circle should begin. Linear time.
func trailsOf(rows []chainRow, prefer func(node int64) bool) []trail {
	if len(rows) == 1 {
		return []trail{{rows}}
	}
	g := newGraph(rows)
	var trails []trail
	for _, node := range g.starts(prefer) {
		if len(g.out[node]) > 0 {
			trails = append(trails, cut(rows, g.walk(node))...)
		}
	}
	return trails
}

// bridge marks an edge that is no row. Bridges lead from where a walk must end
// to where another must begin and make every component one circle.
const bridge = -1

type edge struct {
	to  int64
	row int
}

// graph is a multigraph of balances.
type graph struct {
	out    map[int64][]edge // outgoing edges, taken from the end
	nodes  []int64          // in order of first sight
	spare  map[int64]int    // outgoing minus incoming rows
	parent map[int64]int64  // union-find: the component of a node
}

func newGraph(rows []chainRow) *graph {
	g := &graph{out: map[int64][]edge{}, spare: map[int64]int{}, parent: map[int64]int64{}}
	for _, r := range rows {
		from, to := r.balance-r.amount, r.balance
		g.see(from)
		g.see(to)
		g.spare[from]++
		g.spare[to]--
		g.parent[g.find(from)] = g.find(to)
	}
	g.bridge()
	for i, r := range slices.Backward(rows) {
		from := r.balance - r.amount
		g.out[from] = append(g.out[from], edge{r.balance, i})
	}
	return g
}

func (g *graph) see(node int64) {
	if _, ok := g.parent[node]; !ok {
		g.parent[node] = node
		g.nodes = append(g.nodes, node)
	}
}

func (g *graph) find(n int64) int64 {
	for g.parent[n] != n {
		g.parent[n] = g.parent[g.parent[n]]
		n = g.parent[n]
	}
	return n
}

// bridge adds bridges inside each component. It comes before the rows' edges,
// so that a walk takes a bridge only when no row is left.
func (g *graph) bridge() {
	begins := map[int64][]int64{}
	for _, n := range slices.Backward(g.nodes) {
		for range g.spare[n] {
			begins[g.find(n)] = append(begins[g.find(n)], n)
		}
	}
	for _, n := range g.nodes {
		for range -g.spare[n] {
			c := g.find(n)
			last := len(begins[c]) - 1
			g.out[n] = append(g.out[n], edge{begins[c][last], bridge})
			begins[c] = begins[c][:last]
		}
	}
}

// starts lists nodes in the order in which walks should begin: preferred ones,
// then those with more rows leaving than arriving, then all others.
func (g *graph) starts(prefer func(int64) bool) []int64 {
	var first, second, rest []int64
	for _, n := range g.nodes {
		switch {
		case prefer(n):
			first = append(first, n)
		case g.spare[n] > 0:
			second = append(second, n)
		default:
			rest = append(rest, n)
		}
	}
	return slices.Concat(first, second, rest)
}

// walk is Hierholzer's algorithm: one circle over every edge of the component,
// as row numbers and bridges.
func (g *graph) walk(start int64) []int {
	stack := []edge{{start, bridge}}
	var circle []int
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		if out := g.out[top.to]; len(out) > 0 {
			stack = append(stack, out[len(out)-1])
			g.out[top.to] = out[:len(out)-1]
			continue
		}
		stack = stack[:len(stack)-1]
		circle = append(circle, top.row)
	}
	slices.Reverse(circle)
	return circle[1:] // the first is how the walk came to start
}

// cut splits a circle at its bridges. A circle that has bridges but neither
// begins nor ends with one runs on from its end into its beginning.
func cut(rows []chainRow, circle []int) []trail {
	if i := slices.Index(circle, bridge); i > 0 && circle[len(circle)-1] != bridge {
		circle = slices.Concat(circle[i+1:], circle[:i])
	}
	var trails []trail
	var t trail
	for _, i := range append(circle, bridge) {
		if i != bridge {
			t.rows = append(t.rows, rows[i])
		} else if len(t.rows) > 0 {
			trails, t = append(trails, t), trail{}
		}
	}
	return trails
}
