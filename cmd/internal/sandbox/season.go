// The catalogue and how the season changes it.

package sandbox

import (
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// season knows the two instants at which the catalogue changes.
type season struct {
	published time.Time // before the world begins
	change    time.Time // a new name, a new category, a new row
	retire    time.Time // one row is retired
}

func newSeason(c calendar) season {
	return season{
		published: c.start(0).AddDate(0, -2, 0).Add(9 * time.Hour),
		change:    c.start(c.today / 2).Add(9 * time.Hour),
		retire:    c.start(c.today * 2 / 3).Add(18*time.Hour + 30*time.Minute),
	}
}

func (s season) catalogue(now time.Time) (version string, rows []mpaytest.Provider) {
	version = "season-1"
	if !now.Before(s.change) {
		version = "season-2"
	}
	if !now.Before(s.retire) {
		version = "season-3"
	}
	for i := range billers {
		if row, ok := s.row(&billers[i], now); ok {
			rows = append(rows, row)
		}
	}
	return version, rows
}

// row is one provider as it stands at an instant; false when it is not listed.
func (s season) row(b *biller, now time.Time) (mpaytest.Provider, bool) {
	p := mpaytest.Provider{
		Code: b.code, NameAZ: b.az, NameEN: b.en, NameRU: b.ru, Category: b.category,
		ServiceCode: b.service, Status: "active", UpdatedAt: s.published,
	}
	changed, retired := !now.Before(s.change), !now.Before(s.retire)
	switch b.code {
	case unlisted:
		return p, false
	case heating:
		p.UpdatedAt = s.change
		return p, changed
	case renamed:
		if changed {
			p.NameAZ, p.NameEN, p.NameRU = "Azəriqaz (əhali, qış tarifi)", "Azeriqaz (residential, winter tariff)", "Азеригаз (население, зимний тариф)"
			p.UpdatedAt = s.change
		}
	case moved:
		if changed {
			p.Category, p.UpdatedAt = "tv", s.change
		}
	case adsl:
		if retired {
			p.Status, p.UpdatedAt = "retired", s.retire
		}
	}
	return p, true
}

// paid tells whether people pay a biller on a day: not before it exists, not
// after it is retired.
func (s season) paid(code string, t time.Time) bool {
	switch code {
	case heating:
		return !t.Before(s.change)
	case adsl:
		return t.Before(s.retire.Add(-24 * time.Hour))
	}
	return true
}
