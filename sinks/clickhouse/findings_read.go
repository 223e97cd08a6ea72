package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Finding is a line of the view findings.
type Finding struct {
	ID           string          `json:"finding_id"`
	Kind         string          `json:"kind"`
	Severity     string          `json:"severity"`
	Date         string          `json:"business_date"` // YYYY-MM-DD
	OpenedAt     time.Time       `json:"opened_at"`
	Source       string          `json:"source"`
	Wallet       string          `json:"wallet_id"`
	Account      string          `json:"account"`
	Counterparty string          `json:"counterparty"`
	Rows         []string        `json:"row_ids"`
	Provider     string          `json:"provider_code"`
	Currency     string          `json:"currency"`
	AmountMinor  string          `json:"amount_minor"` // a whole number
	Evidence     json.RawMessage `json:"evidence"`     // an object of texts
	State        string          `json:"state"`        // open, explained or confirmed
	DecidedBy    string          `json:"decided_by"`
	Reason       string          `json:"reason"`
}

// FindingFilter picks findings. Zero fields pick all.
type FindingFilter struct {
	Kinds    []string // also of kinds that the configuration switches off
	State    string
	From, To string // business dates, YYYY-MM-DD; To is the first day after
	Snapshot int64  // as of this manifest; 0: the newest
}

// Findings lists findings, the oldest first. Detectors of other kinds than those
// asked for are not run. Persons are shown: callers are not readers of a view.
func (w *Warehouse) Findings(ctx context.Context, f FindingFilter) (list []Finding, err error) {
	err = w.surviving(ctx, func() error {
		list = nil
		if err := w.ensure(ctx); err != nil {
			return err
		}
		sql := fmt.Sprintf("SELECT finding_id, kind, severity, toString(business_date), opened_at, source, wallet_id, account, counterparty, row_ids, toString(provider_code), currency, toString(amount_minor), evidence, state, decided_by, reason FROM (%s) WHERE %s ORDER BY opened_at, kind, finding_id",
			w.finder(f.Kinds).allFindings(pinned(f.Snapshot)), f.where())
		return w.each(ctx, "look for findings", sql, func(scan func(...any) error) error {
			var o Finding
			var evidence string
			err := scan(&o.ID, &o.Kind, &o.Severity, &o.Date, &o.OpenedAt, &o.Source, &o.Wallet, &o.Account, &o.Counterparty, &o.Rows, &o.Provider, &o.Currency, &o.AmountMinor, &evidence, &o.State, &o.DecidedBy, &o.Reason)
			o.Evidence, o.OpenedAt = json.RawMessage(evidence), o.OpenedAt.UTC()
			list = append(list, o)
			return err
		})
	})
	return list, err
}

// FindingCount is how many findings of a kind are in a state.
type FindingCount struct {
	Kind     string `json:"kind"`
	State    string `json:"state"`
	Findings int64  `json:"findings"`
}

// CountFindings counts them all.
func (w *Warehouse) CountFindings(ctx context.Context) (list []FindingCount, err error) {
	err = w.surviving(ctx, func() error {
		list = []FindingCount{}
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.each(ctx, "count findings", fmt.Sprintf("SELECT kind, state, toInt64(count()) FROM %s.findings GROUP BY kind, state ORDER BY kind, state", w.db), func(scan func(...any) error) error {
			var c FindingCount
			err := scan(&c.Kind, &c.State, &c.Findings)
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// Reading is a platform's balance compared with the one read before it.
type Reading struct {
	Source          string    `json:"source"`
	Currency        string    `json:"currency"`
	Before          time.Time `json:"read_before_at"`
	At              time.Time `json:"read_at"`
	OpeningMinor    string    `json:"opening_minor"`
	PositionsMinor  string    `json:"positions_minor"` // what operations, fees and chargebacks come to, signed
	ClosingMinor    string    `json:"closing_minor"`
	DifferenceMinor string    `json:"difference_minor"` // closing − opening − positions
	Agrees          bool      `json:"agrees"`           // also where positions of the seconds around a reading explain it
}

// Readings lists every reading that can be compared, by source, currency and time.
func (w *Warehouse) Readings(ctx context.Context) (list []Reading, err error) {
	err = w.surviving(ctx, func() error {
		list = nil
		if err := w.ensure(ctx); err != nil {
			return err
		}
		sql := fmt.Sprintf("SELECT toString(source), money, before, instant, toString(opening), toString(position - positions_before), toString(closing), toString(difference), toUInt8(NOT differs OR difference = 0) FROM %s ORDER BY source, money, instant",
			w.finder(nil).pspReadings(pinned(0)))
		return w.each(ctx, "compare balances of platforms", sql, func(scan func(...any) error) error {
			var r Reading
			var agrees uint8
			err := scan(&r.Source, &r.Currency, &r.Before, &r.At, &r.OpeningMinor, &r.PositionsMinor, &r.ClosingMinor, &r.DifferenceMinor, &agrees)
			r.Agrees, r.Before, r.At = agrees == 1, r.Before.UTC(), r.At.UTC()
			list = append(list, r)
			return err
		})
	})
	return list, err
}

// finder is a viewer that detects these kinds alone; nil: all.
func (w *Warehouse) finder(kinds []string) viewer {
	v := viewer{db: w.db, owner: w.where().owner, checks: w.checks, found: w.found}
	if len(kinds) == 0 {
		return v
	}
	f := v.thresholds()
	f.Off = nil
	for _, k := range schemas.FindingKinds() {
		if !slices.Contains(kinds, k.Name) {
			f.Off = append(f.Off, k.Name)
		}
	}
	v.found = &f
	return v
}

// pinned is a snapshot as an SQL expression.
func pinned(snapshot int64) string {
	if snapshot == 0 {
		return "9223372036854775807::Int64"
	}
	return fmt.Sprintf("%d::Int64", snapshot)
}

func (f FindingFilter) where() string {
	parts := []string{"1"}
	if f.State != "" {
		parts = append(parts, "state = "+literal(f.State))
	}
	if f.From != "" {
		parts = append(parts, "business_date >= toDate32("+literal(f.From)+")")
	}
	if f.To != "" {
		parts = append(parts, "business_date < toDate32("+literal(f.To)+")")
	}
	return strings.Join(parts, " AND ")
}
