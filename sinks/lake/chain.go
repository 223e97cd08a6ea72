package lake

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/sinks"
)

// The balance chain: every balance must follow from the one before it. Rows of
// different times are in the order of time; rows of equal time are in the order
// that the chain itself gives, because upstreams have coarse clocks. Linear in
// the number of rows.

// chainRow is a visible row with what the chain needs.
type chainRow struct {
	time            int64
	id              string
	currency        string
	amount, balance int64
	balanced        bool // balance is known
	pending         bool // stands outside the chain
}

// point is a known balance and the row that it belongs to.
type point struct {
	balance int64
	time    int64
	id      string
}

// walker follows the chain of one window. Rows are added in ascending order of
// time; those of one time are held back until the next.
type walker struct {
	boundary *point // last balance of the window before, if that is complete
	lines    map[string]*line
	last     *line // of currency lastOf: nearly always the next one, too
	lastOf   string
	group    []chainRow // rows of one time, still arriving
}

// line is the chain of one currency.
type line struct {
	at       point // running balance, once one is known
	known    bool
	loose    int64 // amounts without a balance, before any balance is known
	opening  *int64
	breaks   []Break
	balanced bool
	waiting  []chainRow // a first group of several rows: walked when the next one is there to look at
}

func newWalker(boundary *point) *walker {
	return &walker{boundary: boundary, lines: map[string]*line{}}
}

func (w *walker) add(r chainRow) {
	if r.pending {
		return
	}
	if len(w.group) > 0 && w.group[0].time != r.time {
		w.flush()
	}
	w.group = append(w.group, r)
}

// flush hands the rows of one time to the lines of their currencies.
func (w *walker) flush() {
	group := w.group
	if len(group) > 1 {
		slices.SortFunc(group, func(a, b chainRow) int {
			return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.id, b.id))
		})
	}
	for len(group) > 0 {
		n := 1
		for n < len(group) && group[n].currency == group[0].currency {
			n++
		}
		w.line(group[0].currency).next(group[:n])
		group = group[n:]
	}
	w.group = w.group[:0]
}

// line returns the chain of a currency. Its name is copied: rows may point into
// memory that is given back before the walk ends.
func (w *walker) line(currency string) *line {
	if w.last != nil && w.lastOf == currency {
		return w.last
	}
	l := w.lines[currency]
	if l == nil {
		l = &line{}
		if w.boundary != nil {
			opening := w.boundary.balance
			l.at, l.known, l.opening = *w.boundary, true, &opening
		}
		currency = strings.Clone(currency)
		w.lines[currency] = l
		w.lastOf = currency
	} else {
		w.lastOf = strings.Clone(currency)
	}
	w.last = l
	return l
}

// finish returns the verdict. With several currencies there is no one balance
// to hand over, so opening and closing stay unknown.
func (w *walker) finish(past bool) BalanceChain {
	w.flush()
	c := BalanceChain{State: sinks.ChainNone, Breaks: []Break{}}
	for _, cur := range slices.Sorted(maps.Keys(w.lines)) {
		l := w.lines[cur]
		l.walk(l.waiting, nil)
		c.Breaks = append(c.Breaks, l.breaks...)
		if l.balanced {
			c.State = sinks.ChainClosed
		}
	}
	if len(w.lines) > 1 { // whose balance the boundary is cannot be told
		c.Breaks = slices.DeleteFunc(c.Breaks, func(b Break) bool { return b.After == "" })
	}
	if len(c.Breaks) > 0 {
		c.State = sinks.ChainOpen
		if past {
			c.State = sinks.ChainBroken
		}
	}
	w.ends(&c)
	return c
}

func (w *walker) ends(c *BalanceChain) {
	if w.boundary != nil && len(w.lines) < 2 {
		b := w.boundary.balance
		c.Boundary = &b
	}
	last, known := point{}, false
	if len(w.lines) == 0 && w.boundary != nil {
		opening := w.boundary.balance
		last, known, c.Opening = *w.boundary, true, &opening
	}
	if len(w.lines) == 1 {
		for _, l := range w.lines {
			last, known, c.Opening = l.at, l.known, l.opening
		}
	}
	if known {
		b := last.balance
		c.Closing, c.ClosedAt = &b, time.UnixMicro(last.time).UTC()
	}
}

// next walks the rows of one time. The first ones, when there are several, may
// form a circle that can begin anywhere: they wait for a look at what follows.
func (l *line) next(g []chainRow) {
	if l.waiting != nil {
		l.walk(l.waiting, g)
		l.waiting = nil
	}
	if !l.known && len(g) > 1 {
		l.waiting = slices.Clone(g)
		return
	}
	l.walk(g, nil)
}

// trail is a run of rows of equal time whose balances follow from each other.
type trail struct{ rows []chainRow }

func (t trail) start() int64 { return t.rows[0].balance - t.rows[0].amount }

// walk advances the running balance over the rows of one time.
func (l *line) walk(g, following []chainRow) {
	if len(g) == 1 && g[0].balanced {
		l.balanced = true
		l.join(g, nil)
		return
	}
	var edges, loose []chainRow
	for _, r := range g {
		if r.balanced {
			edges = append(edges, r)
		} else {
			loose = append(loose, r)
		}
	}
	if len(edges) > 0 {
		l.balanced = true
		trails := trailsOf(edges, l.prefer(following))
		for len(trails) > 0 {
			at := l.pick(trails)
			loose = l.join(trails[at].rows, loose)
			trails = slices.Delete(trails, at, at+1)
		}
	}
	for _, r := range loose {
		l.drift(r)
	}
}

// prefer says which node a circle should begin (and so end) at: where the chain
// is now, or else where the rows that follow can begin.
func (l *line) prefer(following []chainRow) func(node int64) bool {
	if l.known {
		at := l.at.balance
		return func(node int64) bool { return node == at }
	}
	starts := map[int64]int{}
	for _, r := range following {
		if r.balanced {
			starts[r.balance-r.amount]++
			starts[r.balance]--
		}
	}
	return func(node int64) bool { return starts[node] > 0 }
}

// pick chooses the trail that follows from the running balance, else the first.
func (l *line) pick(trails []trail) int {
	if !l.known || len(trails) == 1 {
		return 0
	}
	return max(slices.IndexFunc(trails, func(t trail) bool { return t.start() == l.at.balance }), 0)
}

// join appends a trail to the chain. Rows of the same time that have no balance
// are used where they close a gap; what they do not close is a break.
func (l *line) join(t, loose []chainRow) []chainRow {
	first, last := &t[0], &t[len(t)-1]
	start := first.balance - first.amount
	if !l.known {
		opening := start - l.loose
		l.opening, l.known = &opening, true
	} else if missing := start - l.at.balance; missing != 0 {
		var found bool
		if loose, found = absorb(loose, missing); !found {
			l.breaks = append(l.breaks, Break{After: strings.Clone(l.at.id), Before: strings.Clone(first.id),
				From: time.UnixMicro(l.at.time).UTC(), To: time.UnixMicro(first.time).UTC(), Missing: missing})
		}
	}
	l.at = point{balance: last.balance, time: last.time, id: last.id}
	return loose
}

// absorb looks for one row, or all of them together, that explain a gap.
func absorb(loose []chainRow, missing int64) ([]chainRow, bool) {
	if i := slices.IndexFunc(loose, func(r chainRow) bool { return r.amount == missing }); i >= 0 {
		return slices.Delete(loose, i, i+1), true
	}
	sum := int64(0)
	for _, r := range loose {
		sum += r.amount
	}
	if len(loose) > 0 && sum == missing {
		return nil, true
	}
	return loose, false
}

// drift moves the running balance by a row that does not say its own.
func (l *line) drift(r chainRow) {
	if !l.known {
		l.loose += r.amount
		return
	}
	l.at = point{balance: l.at.balance + r.amount, time: r.time, id: r.id}
}
