package reconcile

import (
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

func TestFirstGap(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	days := func(from, to int) schemas.Window { return schemas.Window{From: day(from), To: day(to)} }
	list := func(w ...schemas.Window) []schemas.Window { return w }
	for name, c := range map[string]struct{ whole, want, owed, complete []schemas.Window }{
		"nothing read":            {whole: list(days(1, 32)), want: list(days(1, 32))},
		"all read":                {whole: list(days(1, 32)), complete: list(days(1, 32))},
		"more read":               {whole: list(days(1, 32)), complete: list(days(-40, 50))},
		"the first days are not":  {whole: list(days(1, 32)), complete: list(days(3, 32)), want: list(days(1, 3))},
		"the last days are not":   {whole: list(days(1, 32)), complete: list(days(-9, 30)), want: list(days(30, 32))},
		"in the middle":           {whole: list(days(1, 32)), complete: list(days(-30, -20), days(1, 10), days(12, 20), days(21, 40)), want: list(days(10, 12))},
		"only elsewhere":          {whole: list(days(1, 32)), complete: list(days(-30, -20), days(40, 50)), want: list(days(1, 32))},
		"a chain is open":         {whole: list(days(1, 32)), complete: list(days(1, 32)), owed: list(days(40, 41), days(7, 8)), want: list(days(7, 8))},
		"an open chain elsewhere": {whole: list(days(1, 32)), complete: list(days(1, 32)), owed: list(days(40, 41), days(-7, 1))},
		"no days":                 {whole: list(days(5, 5))},
	} {
		gap, some := FirstGap(c.whole[0], c.complete, c.owed)
		if some != (len(c.want) > 0) || some && gap != c.want[0] {
			t.Errorf("%s: %v %v, want %v", name, gap, some, c.want)
		}
	}
}
