package match

import (
	"cmp"
	"slices"
	"time"
)

func spanText(micros int64) string {
	return (time.Duration(micros) * time.Microsecond).Round(time.Second).String()
}

// sums is what a group comes to: rows that one row of the other side may settle.
type sums struct {
	fact  Fact // stands for the group: its amount, its last instant
	net   int64
	rows  int
	sound bool // the sums fit, and nobody took a row of it out
}

// groups matches the rows of a group that are left, all of them, with one row of
// the other side that is exactly their sum, with or without their fees.
func (r *run) groups() error {
	if r.rule.Groups == NoGroups {
		return nil
	}
	all, err := r.sumUp()
	if err != nil || len(all) == 0 {
		return err
	}
	found, err := r.settled(all)
	if err != nil || len(found) == 0 {
		return err
	}
	return r.members(found)
}

// sumUp adds every group of at least two rows up.
func (r *run) sumUp() ([]*sums, error) {
	var all []*sums
	var s *sums
	for f, err := range r.grouped() {
		if err != nil {
			return nil, err
		}
		if s == nil || s.fact.Currency != f.Currency || s.fact.Group != f.Group {
			s = &sums{fact: Fact{Side: f.Side, Key: Key{Table: f.Key.Table, Source: f.Key.Source, Account: f.Key.Account, ID: f.Group}, Currency: f.Currency, Group: f.Group}, sound: true}
			all = append(all, s)
		}
		net, fits := f.net()
		s.fact.Amount, s.sound = addIf(s.sound && fits, s.fact.Amount, f.Amount)
		s.net, s.sound = addIf(s.sound, s.net, net)
		s.fact.At, s.fact.Date = max(s.fact.At, f.At), max(s.fact.Date, f.Date)
		s.rows++
	}
	return slices.DeleteFunc(all, func(s *sums) bool { return !s.sound || s.rows < 2 || s.rows > maxParts }), nil
}

// grouped are the rows of groups that are not taken.
func (r *run) grouped() func(yield func(*Fact, error) bool) {
	return func(yield func(*Fact, error) bool) {
		for e, err := range r.facts.By(ByGroup) {
			if err != nil {
				yield(nil, err)
				return
			}
			if e.Fact.Side == r.rule.Groups.Side() && !r.taken.has(e.Fact) && !yield(e.Fact, nil) {
				return
			}
		}
	}
}

// settlement is a group and the one row that settles it.
type settlement struct {
	one   *Fact
	state State
	gross bool
}

// settled pairs groups with single rows, as if each group were one row.
func (r *run) settled(all []*sums) (map[groupID]settlement, error) {
	type amount struct {
		currency string
		sum      int64
	}
	by := map[amount][]*sums{}
	for _, s := range all {
		by[amount{s.fact.Currency, s.fact.Amount}] = append(by[amount{s.fact.Currency, s.fact.Amount}], s)
		if s.net != s.fact.Amount {
			by[amount{s.fact.Currency, s.net}] = append(by[amount{s.fact.Currency, s.net}], s)
		}
	}
	ones := map[amount][]*Fact{}
	for e, err := range r.facts.By(ByAmount) {
		if err != nil {
			return nil, err
		}
		k := amount{e.Fact.Currency, e.Sum}
		if e.Fact.Side != r.rule.Groups.Side() && by[k] != nil && !r.taken.has(e.Fact) {
			ones[k] = append(ones[k], e.Fact)
		}
	}
	keys := make([]amount, 0, len(ones))
	for k := range ones {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b amount) int { return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(b.sum, a.sum)) })
	found := map[groupID]settlement{}
	for _, k := range keys {
		r.settleGroups(by[k], ones[k], found)
	}
	return found, nil
}

// groupID names a group.
type groupID struct{ currency, group string }

func (r *run) settleGroups(groups []*sums, ones []*Fact, found map[groupID]settlement) {
	rule := *r.rule
	rule.Weights.Amount, rule.Weights.Net, rule.NeedReference = rule.Weights.Sum, rule.Weights.Sum, false
	var many []*Fact
	for _, s := range groups {
		if _, done := found[groupID{s.fact.Currency, s.fact.Group}]; !done {
			many = append(many, &s.fact)
		}
	}
	slices.SortFunc(many, (*Fact).compare)
	slices.SortFunc(ones, (*Fact).compare)
	b := block{left: many, right: ones}
	if rule.Groups == RightGroups {
		b.left, b.right = ones, many
	}
	out := rule.pair(r.decided, b)
	put := func(state State, e edge) {
		group, one := b.left[e.l], b.right[e.r]
		if rule.Groups == RightGroups {
			group, one = one, group
		}
		if id := (groupID{group.Currency, group.Group}); found[id].one == nil { // of several as good, the first is named
			found[id] = settlement{one, state, group.Amount == one.Amount}
		}
	}
	for _, e := range out.sure {
		put(Matched, e)
	}
	for _, e := range out.unsure {
		put(Ambiguous, e)
	}
}

// members reads the groups again, for the rows of those that are settled.
func (r *run) members(found map[groupID]settlement) error {
	var rows []*Fact
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		s, all := found[groupID{rows[0].Currency, rows[0].Group}], slices.Clone(rows)
		rows = rows[:0]
		return r.settleMembers(s, all)
	}
	for f, err := range r.grouped() {
		if err != nil {
			return err
		}
		if len(rows) > 0 && (rows[0].Currency != f.Currency || rows[0].Group != f.Group) {
			if err := flush(); err != nil {
				return err
			}
		}
		if _, ok := found[groupID{f.Currency, f.Group}]; ok {
			rows = append(rows, f)
		}
	}
	return flush()
}

func (r *run) settleMembers(s settlement, rows []*Fact) error {
	gross := int64(0)
	for _, f := range rows {
		l, x := f, s.one
		if f.Side == Right {
			l, x = s.one, f
		}
		if r.decided.forbids(l, x) {
			return nil
		}
		gross += f.Amount // summed up before: it fits
	}
	w := r.rule.Weights
	m := Match{State: s.state, Left: rows, Right: []*Fact{s.one}, Difference: gross - s.one.Amount}
	what := " after their fees"
	if s.gross {
		what = ""
	}
	if rows[0].Side == Right {
		m.Left, m.Right, m.Difference = m.Right, m.Left, -m.Difference
	}
	m.Reasons = []Reason{{"all rows of " + rows[0].Group + " add up to it" + what, w.Sum}, r.timelyReason(s.one, rows)}
	for _, x := range m.Reasons {
		m.Score += x.Points
	}
	return r.give(m)
}
