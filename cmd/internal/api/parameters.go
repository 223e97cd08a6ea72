package api

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// parameters are what a list takes, for the document.
func (l rowList) parameters() (out []*huma.Param) {
	one, most, text := 1.0, float64(maxLimit), maxText
	add := func(name, doc string, s *huma.Schema) {
		out = append(out, &huma.Param{Name: name, In: "query", Description: doc, Schema: s})
	}
	if l.dated() != "" {
		add("from", "first day", &huma.Schema{Type: huma.TypeString, Format: "date"})
		add("to", "first day after", &huma.Schema{Type: huma.TypeString, Format: "date"})
		if !l.isPeriod() {
			add("period", "2026-03, 2026-Q1 or 2026, instead of from and to", &huma.Schema{Type: huma.TypeString, Pattern: `^[0-9]{4}(-(0[1-9]|1[0-2]|Q[1-4]))?$`})
		}
	}
	add("snapshot", "as of this manifest; the newest when absent", &huma.Schema{Type: huma.TypeInteger, Minimum: &one})
	add("limit", "rows of a page", &huma.Schema{Type: huma.TypeInteger, Minimum: &one, Maximum: &most, Default: usualLimit})
	add("cursor", "next_cursor of the page before, with the same parameters", &huma.Schema{Type: huma.TypeString})
	add("order", "rows are in the order of "+joinedAnd(l.order), &huma.Schema{Type: huma.TypeString, Enum: []any{"asc", "desc"}, Default: "asc"})
	add("fields", "columns, comma separated; all when absent", &huma.Schema{Type: huma.TypeString})
	for _, name := range common(l.filters()) {
		out = append(out, &huma.Param{Name: name, In: "query", Description: "only rows with this value; may be repeated", Explode: new(bool(true)),
			Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, MaxLength: &text}}})
	}
	return out
}

// common puts first what most lists have.
func common(names []string) []string {
	rank := func(n string) int {
		if i := slices.Index([]string{"wallet_id", "provider_code", "category", "source", "currency"}, n); i >= 0 {
			return i
		}
		return 9
	}
	names = slices.Clone(names)
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

func joinedAnd(words []string) string {
	text := ""
	for i, w := range words {
		if i > 0 {
			text += ", "
		}
		text += w
	}
	return text
}
