package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// ask is what a request to a list wants, read and checked.
type ask struct {
	list     rowList
	filters  []filter
	days     days
	snapshot int64 // 0: the newest
	limit    int
	fields   []string
	desc     bool
	cursor   string
}

type filter struct {
	column string
	values []string
}

const (
	usualLimit = 100
	maxLimit   = 1000
	maxValues  = 100
	maxText    = 256
)

// reserved are parameters that are no columns.
var reserved = []string{"from", "to", "period", "snapshot", "limit", "cursor", "fields", "order"}

// readAsk reads a request's parameters; problems are all said at once.
func readAsk(l rowList, q url.Values) (a ask, problems []error) {
	a = ask{list: l, limit: usualLimit, fields: nil}
	wrong := func(name, why string) {
		problems = append(problems, &huma.ErrorDetail{Location: "query." + name, Message: why})
	}
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := q[name]
		switch {
		case l.has(name) && isFilter(l, name):
			if why := badValues(values); why != "" {
				wrong(name, why)
				continue
			}
			a.filters = append(a.filters, filter{name, values})
		case !slices.Contains(reserved, name):
			wrong(cut(name), "there is no such parameter here")
		case len(values) > 1:
			wrong(name, "this parameter is given once")
		default:
			if why := a.read(name, values[0]); why != "" {
				wrong(name, why)
			}
		}
	}
	if q.Has("period") && !l.isPeriod() && (q.Has("from") || q.Has("to")) {
		wrong("period", "give from and to, or period")
	}
	if !a.days.from.IsZero() && !a.days.to.IsZero() && !a.days.from.Before(a.days.to) {
		wrong("to", "is the first day after, so it comes after from")
	}
	return a, problems
}

func isFilter(l rowList, name string) bool { return slices.Contains(l.filters(), name) }

// isPeriod: period is a column of the view, not a choice of days.
func (l rowList) isPeriod() bool { return l.has("period") }

func badValues(values []string) string {
	if len(values) > maxValues {
		return "at most 100 values"
	}
	for _, v := range values {
		if len(v) > maxText || !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "at most 256 bytes of text without control characters"
		}
	}
	return ""
}

func cut(name string) string {
	if len(name) > 40 || badValues([]string{name}) != "" {
		return "…"
	}
	return name
}

// read reads one parameter and says what is wrong with it.
func (a *ask) read(name, text string) (why string) {
	var ok bool
	switch name {
	case "from", "to", "period":
		return a.readDays(name, text)
	case "snapshot":
		if a.snapshot, ok = number(text, 1<<62); !ok {
			return "is the number of a manifest, from 1 on"
		}
	case "limit":
		var n int64
		if n, ok = number(text, maxLimit); !ok {
			return "is a number from 1 to 1000"
		}
		a.limit = int(n)
	case "order":
		if a.desc = text == "desc"; !a.desc && text != "asc" {
			return "is asc or desc"
		}
	case "cursor":
		if a.cursor = text; text == "" || len(text) > 4096 {
			return notACursor
		}
	case "fields":
		return a.readFields(text)
	}
	return ""
}

func number(text string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 1 && n <= most
}

func (a *ask) readDays(name, text string) (why string) {
	if a.list.dated() == "" {
		return "these rows have no days"
	}
	ok := true
	switch name {
	case "from":
		a.days.from, ok = parseDay(text)
	case "to":
		a.days.to, ok = parseDay(text)
	case "period":
		if a.days, ok = periodDays(text); !ok {
			return "is 2026-03, 2026-Q1 or 2026"
		}
	}
	if !ok {
		return "is a day such as 2026-03-01"
	}
	return ""
}

func (a *ask) readFields(text string) (why string) {
	for name := range strings.SplitSeq(text, ",") {
		if !a.list.has(name) {
			return "has a name that is no column of these rows"
		}
		if !slices.Contains(a.fields, name) {
			a.fields = append(a.fields, name)
		}
	}
	return ""
}
