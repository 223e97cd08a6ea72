package decisions

import "slices"

// Ledger is every decision, in order.
type Ledger struct{ List []Decision }

// With is the ledger as it would be with some more decisions.
func (l *Ledger) With(more ...Decision) *Ledger {
	c := &Ledger{slices.Clone(l.List)}
	for _, d := range more {
		c.Add(d)
	}
	return c
}

// Add appends d, numbered and named, unless what is in force about the same says
// the same already: then that one is returned, and false.
func (l *Ledger) Add(d Decision) (Decision, bool) {
	before, ok := l.before(&d)
	if ok && slices.Equal(before.says(), d.says()) {
		return before, false
	}
	d.Follows = ""
	if ok {
		d.Follows = before.ID
	}
	d.Number, d.ID = int64(len(l.List))+1, d.name()
	l.List = append(l.List, d)
	return d, true
}

// before is the decision in force that d would replace. Of holds and releases
// that is the last about any month that d is about: a month may be released out
// of a quarter that is held.
func (l *Ledger) before(d *Decision) (Decision, bool) {
	t := d.topic()
	span, err := ParseSpan(d.Period)
	return l.find(func(o *Decision) bool {
		if t.class == "hold" && classes[o.Kind] == "hold" {
			s, bad := ParseSpan(o.Period)
			return err == nil && bad == nil && s.meets(span)
		}
		return o.topic() == t
	})
}

// About is the decision in force about a finding, whatever its period.
func (l *Ledger) About(finding string) (Decision, bool) {
	return l.find(func(d *Decision) bool { return d.Subject == finding && classes[d.Kind] == "finding" })
}

// Hold is the last word on whether a period is published: a hold or a release of
// a span that meets it. A quarter is held while one of its months is.
func (l *Ledger) Hold(p Span) (Decision, bool) {
	var last Decision
	for m := p.From; m < p.To; m++ {
		d, ok := l.find(func(d *Decision) bool { return classes[d.Kind] == "hold" && d.covers(m) })
		switch {
		case ok && d.Kind == Hold:
			return d, true
		case ok:
			last = d
		}
	}
	return last, last.Number > 0
}

// Held are the spans that are held back, in order, adjacent months of one hold together.
func (l *Ledger) Held() (out []Span) {
	months := map[int]bool{}
	for i := range l.List {
		d := &l.List[i]
		s, err := ParseSpan(d.Period)
		if classes[d.Kind] != "hold" || err != nil {
			continue
		}
		for m := s.From; m < s.To; m++ {
			months[m] = d.Kind == Hold
		}
	}
	for m := range months {
		if months[m] && !months[m-1] {
			s := Span{m, m + 1}
			for months[s.To] {
				s.To++
			}
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Span) int { return a.From - b.From })
	return out
}

// Closed is the decision that closed a month of the period.
func (l *Ledger) Closed(p Span) (Decision, bool) {
	return l.find(func(d *Decision) bool {
		s, err := ParseSpan(d.Period)
		return d.Kind == Close && err == nil && s.meets(p)
	})
}

// All are the decisions of one kind, in order.
func (l *Ledger) All(k Kind) []Decision {
	return slices.DeleteFunc(slices.Clone(l.List), func(d Decision) bool { return d.Kind != k })
}

func (l *Ledger) find(is func(*Decision) bool) (Decision, bool) {
	for i := len(l.List) - 1; i >= 0; i-- {
		if is(&l.List[i]) {
			return l.List[i], true
		}
	}
	return Decision{}, false
}

func (d *Decision) covers(month int) bool {
	s, err := ParseSpan(d.Period)
	return err == nil && s.From <= month && month < s.To
}
