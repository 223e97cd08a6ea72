package config

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/paylake/paylake/schemas"
)

// findings reads the thresholds of what the warehouse looks for. What the file
// leaves out has its default; a list that it names replaces the default's.
func (r *reader) findings(m *mapping) schemas.Findings {
	f := schemas.DefaultFindings()
	n, path := m.take("findings")
	s := r.mapping(path, n)
	defer s.done()
	off, paths := s.list("off", true)
	for i, n := range off {
		kind := r.scalar(paths[i], n)
		if known := findingKinds(); kind != "" && !slices.Contains(known, kind) {
			r.at(paths[i], "%s: there is no kind of finding %q; %s", paths[i], kind, didYouMean(kind, known))
		}
		f.Off = append(f.Off, kind)
	}
	d := s.inner("duplicates")
	f.Duplicates = schemas.Duplicates{Reference: d.duration("reference", f.Duplicates.Reference), Subscriber: d.duration("subscriber", f.Duplicates.Subscriber), Click: d.duration("click", f.Duplicates.Click)}
	d.done()
	if s.value("velocity") != nil {
		f.Velocity = nil
	}
	spans, at := s.list("velocity", true)
	for i, n := range spans {
		one := r.mapping(at[i], n)
		f.Velocity = append(f.Velocity, schemas.Velocity{Window: one.duration("window", 0), Count: parsed(one, "count", parseCount), Sum: r.sums(one, "sum")})
		one.done()
	}
	if step := s.inner("step_up"); step.value("from") != nil {
		f.StepUp = r.sums(step, "from")
		step.done()
	} else {
		step.ignore("from")
		step.done()
	}
	h := s.inner("scale")
	if h.value("least") != nil {
		f.History.Least = parsed(h, "least", parseCount)
	}
	h.ignore("least")
	h.done()
	p := s.inner("payments")
	f.Payments = p.text("ledger")
	p.done()
	return f
}

func (m *mapping) inner(key string) *mapping {
	n, path := m.take(key)
	return m.r.mapping(path, n)
}

func findingKinds() (names []string) {
	for _, k := range schemas.FindingKinds() {
		names = append(names, k.Name)
	}
	return names
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, errors.New("is not a number of 1 or more")
	}
	return n, nil
}

// maxVelocity keeps spans short enough to look at.
const maxVelocity = 366 * 24 * time.Hour

func (c *Config) validateFindings(p *problems) {
	f := c.Findings
	for _, one := range []struct {
		key  string
		span time.Duration
	}{{"reference", f.Duplicates.Reference}, {"subscriber", f.Duplicates.Subscriber}, {"click", f.Duplicates.Click}} {
		if at := "findings.duplicates." + one.key; one.span < 0 || one.span > schemas.MaxDuplicates {
			p.at(at, "%s: %s is beyond 20 days, where bills that recur every month would be duplicates; write less, such as 72h", at, one.span)
		}
	}
	for _, v := range f.Velocity {
		const at = "findings.velocity"
		switch {
		case v.Window < time.Second || v.Window > maxVelocity:
			p.at(at, "%s: window is missing, or none of 1s to 366d; write window: 24h", at)
		case v.Count == 0 && len(v.Sum) == 0:
			p.at(at, "%s: of %s neither count nor sum is bounded; write count: 30, or sum: 20000.00 AZN", at, v.Window)
		}
		validateThresholds(p, at+".sum", v.Sum)
	}
	validateThresholds(p, "findings.step_up.from", f.StepUp)
	if f.History.Least < 20 {
		p.at("findings.scale.least", "findings.scale.least: %d rows are no history to judge by; write 20 or more", f.History.Least)
	}
	if s, ok := c.SourceNamed(f.Payments); f.Payments != "" && (!ok || s.Type != MPAY) {
		p.at("findings.payments.ledger", "findings.payments.ledger: there is no source %q of type %s, in whose statements payments would appear", f.Payments, MPAY)
	}
}

// validateThresholds: a threshold of nothing would find everything.
func validateThresholds(p *problems, at string, sums map[string]int64) {
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		if _, err := schemas.Exponent(currency); err != nil || sums[currency] < 1 {
			p.at(at, "%s: %d minor units of %q are no threshold; write an amount above zero, such as 250.00 AZN", at, sums[currency], currency)
		}
	}
}
