// Package sandbox is every fake upstream on one port: a wallet façade with six
// wallets and their catalogue, and a payment platform with one project. The
// world behind them is a function of a seed and a day: rows are computed when
// they are asked for, so that millions of them cost neither memory nor time
// before the first request. The servers themselves are the fakes that the
// sources' own tests use.
package sandbox

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

var (
	_ mpaytest.Book     = (*World)(nil)
	_ flashpaytest.Book = (*World)(nil)

	_ flashpaytest.Finance = (*World)(nil)
)

const (
	// DefaultRows is the size of a ledger that a demonstration reads in seconds.
	DefaultRows = 10_000
	// DefaultDays is the number of whole days before today.
	DefaultDays = 120
	// aheadDays go on after today, so that a sandbox may run for weeks.
	aheadDays = 21
	// maxRows keeps a day's slot inside the bits that an id has for it.
	maxRows = 100_000_000
)

// Options say which world to make.
type Options struct {
	Seed uint64
	// Rows is the number of ledger rows of all wallets from Start to the end
	// of today; 0 is DefaultRows.
	Rows int
	// Days is the number of whole days before today; 0 is DefaultDays.
	Days int
	// Now is the sandbox's clock; it cuts what is visible.
	Now func() time.Time
	// Day is an instant of the day in Baku that the world is anchored at; zero
	// is the day that Now shows when the world is made.
	Day time.Time
	// Still ends the world at the beginning of its Day: what is read twice is
	// then the same, however much time has passed.
	Still bool
	// Files says that its exports are read, too, with the crosswalk of Aliases:
	// spend then counts what cards paid past the wallets.
	Files bool
	// Flaws puts rows into the exports that a reader must refuse, and three
	// discrepancies into the last whole month; see Planted.
	Flaws bool
	// Chaos names the faults of the world and of its servers; see ChaosNames.
	Chaos []string
}

// World is a Book of both fakes. Safe for concurrent use.
type World struct {
	seed    uint64
	rows    int
	now     func() time.Time
	files   bool
	flaws   bool
	told    atomic.Bool // its callbacks were delivered
	gate    atomic.Pointer[gateDesk]
	end     time.Time // of a still world: nothing happens after it
	chaos   chaosSet
	cal     calendar
	wallets []*walletBook
	byID    map[string]*walletBook
	season  season
	ops     *operationBook
	planted *plants      // nil in a world without flaws
	late    atomic.Int64 // answers that a late row was missing from
}

// NewWorld makes the world of a seed and of the day that Now shows. It fails
// for a chaos name that it does not know and for sizes that no world has.
func NewWorld(o Options) (*World, error) {
	if o.Now == nil {
		return nil, errors.New("sandbox: no clock (Options.Now)")
	}
	if o.Rows < 0 || o.Rows > maxRows {
		return nil, fmt.Errorf("sandbox: %d rows: give 1 to %d, or 0 for %d", o.Rows, maxRows, DefaultRows)
	}
	if o.Days < 0 || o.Days > 3660 {
		return nil, fmt.Errorf("sandbox: %d days: give 1 to 3660, or 0 for %d", o.Days, DefaultDays)
	}
	chaos, err := parseChaos(o.Chaos)
	if err != nil {
		return nil, err
	}
	w := &World{seed: o.Seed, rows: orDefault(o.Rows, DefaultRows), now: o.Now, chaos: chaos, files: o.Files, flaws: o.Flaws}
	days := orDefault(o.Days, DefaultDays)
	if o.Day.IsZero() {
		o.Day = o.Now()
	}
	if w.cal, err = newCalendar("Asia/Baku", o.Day, days, aheadDays); err != nil {
		return nil, err
	}
	if o.Still {
		w.end = w.cal.start(days)
	}
	w.season = newSeason(w.cal)
	w.makeWallets()
	if w.ops, err = newOperationBook(o, days, w.rows); err != nil {
		return nil, err
	}
	w.plant()
	return w, nil
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// Start is midnight in Baku of the world's first day.
func (w *World) Start() time.Time { return w.cal.start(0) }

// seen is the instant whose state a reader at now is shown.
func (w *World) seen(now time.Time) time.Time {
	if !w.end.IsZero() && now.After(w.end) {
		return w.end
	}
	return now
}

// Now is the sandbox's clock.
func (w *World) Now() time.Time { return w.now() }

// Wallets lists the wallets, in a stable order.
func (w *World) Wallets() []mpaytest.Wallet {
	out := make([]mpaytest.Wallet, 0, len(w.wallets))
	for _, b := range w.wallets {
		out = append(out, mpaytest.Wallet{ID: b.who.id, MSISDN: b.who.msisdn})
	}
	return out
}

// Providers is the catalogue at an instant; see season.
func (w *World) Providers(now time.Time) (version string, rows []mpaytest.Provider) {
	return w.season.catalogue(w.seen(now))
}

// Operations lists the platform's operations; see operationBook.
func (w *World) Operations(project int64, from, to, now time.Time, skip, limit int) []flashpaytest.Operation {
	if project != ProjectID {
		return nil
	}
	return w.ops.list(from, to, w.seen(now), skip, limit)
}
