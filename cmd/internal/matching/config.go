package matching

import (
	"slices"
	"time"

	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/config"
)

// Configured are the rules of every user as a configuration changes them, and
// those of its own after them.
func Configured(c config.Matching) []Rule {
	if c.Off {
		return nil
	}
	rules := Defaults()
	for i := range c.Rules {
		q := &c.Rules[i]
		at := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == q.Name })
		if at < 0 {
			at = len(rules)
			rules = append(rules, Rule{Rule: match.Rule{Name: q.Name, Before: day, After: 3 * day, Related: 31 * day, Resolution: time.Hour, Enough: 60, Weights: match.DefaultWeights()}})
		}
		if q.Off {
			rules = slices.Delete(rules, at, at+1)
			continue
		}
		change(&rules[at], q)
	}
	return rules
}

func change(r *Rule, q *config.MatchRule) {
	text := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	list := func(to *[]string, from []string) {
		if from != nil {
			*to = from
		}
	}
	span := func(to *time.Duration, from time.Duration) {
		if from >= 0 {
			*to = from
		}
	}
	text(&r.Left, q.Left)
	text(&r.Right, q.Right)
	list(&r.LeftSources, q.LeftSources)
	list(&r.RightSources, q.RightSources)
	list(&r.Merchants, q.Merchants)
	span(&r.Before, q.Before)
	span(&r.After, q.After)
	span(&r.Related, q.Related)
	span(&r.Resolution, q.Resolution)
	if q.Fees != nil {
		r.Fees = q.Fees
	}
	if q.Enough >= 0 {
		r.Enough = q.Enough
	}
	if q.Needs != nil {
		r.NeedReference, r.NeedPerson = slices.Contains(q.Needs, "reference"), slices.Contains(q.Needs, "person")
		r.NeedProvider, r.OtherSource = slices.Contains(q.Needs, "provider"), slices.Contains(q.Needs, "other_source")
	}
	for name, points := range q.Weights {
		*weight(&r.Weights, name) = points
	}
	if g, ok := map[string]match.Grouping{"left": match.LeftGroups, "right": match.RightGroups, "none": match.NoGroups}[q.Groups]; ok {
		r.Groups = g
	}
	r.Once = r.Once || q.Once
}

// weight is the place of a weight, by its name in a configuration.
func weight(w *match.Weights, name string) *int {
	return map[string]*int{"amount": &w.Amount, "net": &w.Net, "sum": &w.Sum, "reference": &w.Reference, "person": &w.Person, "provider": &w.Provider, "near": &w.Near, "soon": &w.Soon, "window": &w.Window}[name]
}
