package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Period is a length of calendar time: years, months and days.
type Period struct{ Years, Months, Days int }

var periodForm = regexp.MustCompile(`^(?:([1-9]\d{0,2})y)?(?:([1-9]\d{0,3})mo)?(?:([1-9]\d{0,4})d)?$`)

// ParsePeriod reads 10y, 18mo, 90d, or some of them together: 1y6mo.
func ParsePeriod(text string) (Period, error) {
	m := periodForm.FindStringSubmatch(text)
	if m == nil || text == "" {
		return Period{}, errors.New("is not a period; write years, months (mo) or days, such as 10y, 18mo or 90d")
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	return Period{number(m[1]), number(m[2]), number(m[3])}, nil
}

// Before is the instant a period before another.
func (p Period) Before(t time.Time) time.Time { return t.AddDate(-p.Years, -p.Months, -p.Days) }

func (p Period) String() (text string) {
	for _, one := range []struct {
		n    int
		unit string
	}{{p.Years, "y"}, {p.Months, "mo"}, {p.Days, "d"}} {
		if one.n > 0 {
			text += fmt.Sprint(one.n, one.unit)
		}
	}
	return text
}

// retention reads how long rows of each table are to be kept.
func (r *reader) retention(m *mapping) map[string]Period {
	n, path := m.take("retention")
	all := r.mapping(path, n)
	out := map[string]Period{}
	for _, table := range all.keys {
		key := join(path, table)
		t, known := schemas.ByName(table)
		switch {
		case !known:
			r.at(key, "%s: there is no table %q; %s", path, table, didYouMean(table, tableNames()))
		case t.Time == "" || t.Catalogue:
			r.at(key, "%s: rows of %s have no time of their own, so no period can be over; remove it", path, table)
		}
		out[table] = parsed(all, table, ParsePeriod)
	}
	all.done()
	return out
}

func tableNames() (names []string) {
	for _, t := range schemas.All() {
		names = append(names, t.Name)
	}
	return names
}
