package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Matching is how rows of two systems are matched.
type Matching struct {
	Off   bool
	Rules []MatchRule // in the order of the file; those of every user by their names, and others
}

// MatchRule changes a rule of every user, or is one of its own. Absent is what
// the rule has by itself: negative for durations and points, nil for lists.
type MatchRule struct {
	Name                               string
	Left, Right                        string // of MatchKinds; needed for a rule of its own
	LeftSources, RightSources          []string
	Merchants                          []string // words, one of which a bank entry must have
	Before, After, Related, Resolution time.Duration
	Fees                               []int64 // minor units
	Enough                             int     // points of 100
	Needs                              []string
	Weights                            map[string]int
	Groups                             string // left, right or none
	Once                               bool
	Off                                bool
}

// MatchRules are the names of the rules of every user; MatchKinds what a rule can
// be about, MatchEvidence what it can need, MatchWeights what it can weigh.
var (
	MatchRules    = []string{"topup_terminal", "topup_card", "payment_receipt", "payment_card", "operation_report", "operation_settlement"}
	MatchKinds    = []string{"bank_credit", "bank_debit", "card_load", "card_payment", "card_topup", "merchant_debit", "operation", "payment", "receipt", "report", "terminal_event", "terminal_topup", "transfer"}
	MatchEvidence = []string{"reference", "person", "provider", "other_source"}
	MatchWeights  = []string{"amount", "net", "sum", "reference", "person", "provider", "near", "soon", "window"}
)

// matching reads the section.
func (r *reader) matching(m *mapping) Matching {
	n, path := m.take("matching")
	s := r.mapping(path, n)
	defer s.done()
	out := Matching{Off: s.flag("off")}
	rules, at := s.take("rules")
	all := r.mapping(at, rules)
	for _, name := range all.keys {
		node, where := all.take(name)
		out.Rules = append(out.Rules, r.matchRule(name, r.mapping(where, node)))
	}
	return out
}

func (r *reader) matchRule(name string, m *mapping) MatchRule {
	defer m.done()
	q := MatchRule{Name: name, Left: m.text("left"), Right: m.text("right"), LeftSources: m.texts("left_sources"), RightSources: m.texts("right_sources"), Merchants: m.texts("merchants"),
		Before: m.duration("before", -1), After: m.duration("after", -1), Related: m.duration("related", -1), Resolution: m.duration("resolution", -1),
		Enough: m.points("enough"), Needs: m.texts("needs"), Groups: m.text("groups"), Once: m.flag("once"), Off: m.flag("off")}
	nodes, paths := m.list("fees", false)
	for i, n := range nodes {
		text := r.scalar(paths[i], n)
		fee, err := strconv.ParseInt(text, 10, 64)
		if err != nil || fee < 1 {
			r.at(paths[i], "%s: %q is no fee; write whole minor units, such as 50 for 0.50", paths[i], text)
			continue
		}
		q.Fees = append(q.Fees, fee)
	}
	node, where := m.take("weights")
	weights := r.mapping(where, node)
	defer weights.done()
	for _, w := range MatchWeights {
		if weights.value(w) == nil {
			weights.ignore(w)
			continue
		}
		if q.Weights == nil {
			q.Weights = map[string]int{}
		}
		q.Weights[w] = weights.points(w)
	}
	return q
}

// points are 0 to 100; -1 for an absent key.
func (m *mapping) points(key string) int {
	if m.value(key) == nil {
		m.ignore(key)
		return -1
	}
	return parsed(m, key, func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 100 {
			return 0, fmt.Errorf("is no number of points; write 0 to 100")
		}
		return n, nil
	})
}

// validateMatching reports rules that could match nothing.
func (c *Config) validateMatching(p *problems) {
	for _, q := range c.Matching.Rules {
		key := join("matching.rules", q.Name)
		own := slices.Contains(MatchRules, q.Name)
		for _, side := range []struct{ name, kind string }{{"left", q.Left}, {"right", q.Right}} {
			switch {
			case side.kind == "" && !own && !q.Off:
				p.at(key, "%s.%s is missing: %s is no rule of every user (%s), so it has to say what it is about; one of %s", key, side.name, q.Name, strings.Join(MatchRules, ", "), strings.Join(MatchKinds, ", "))
			case side.kind != "" && !slices.Contains(MatchKinds, side.kind):
				p.at(join(key, side.name), "%s.%s: %q is nothing that can be matched; %s", key, side.name, side.kind, didYouMean(side.kind, MatchKinds))
			}
		}
		if q.Name == "manual" {
			p.at(key, "%s: pairs that people make are called that; choose another name", key)
		}
		for _, need := range q.Needs {
			if !slices.Contains(MatchEvidence, need) {
				p.at(join(key, "needs"), "%s.needs: %q is no evidence; %s", key, need, didYouMean(need, MatchEvidence))
			}
		}
		if !slices.Contains([]string{"", "left", "right", "none"}, q.Groups) {
			p.at(join(key, "groups"), "%s.groups: %q is neither left, right nor none", key, q.Groups)
		}
		for side, names := range map[string][]string{"left_sources": q.LeftSources, "right_sources": q.RightSources} {
			for _, s := range names {
				if _, ok := c.SourceNamed(s); !ok {
					p.at(join(key, side), "%s.%s: there is no source %q", key, side, s)
				}
			}
		}
	}
}
