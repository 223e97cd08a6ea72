package flashpay

import (
	"context"
	"fmt"
	"iter"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// What the platform shows only as of now: one request, one page, one
// observation. The platform states no time, so the instant is ours: when the
// answer had come.

// balances: {"balance":[{"name":"…","KGS":"1250000"}]}. The currency is the key
// of the amount; names are the merchant's business and may say another one.
var balances = &listing{
	of: balanceGet, table: schemas.PSPBalances, read: readBalances,
	words: map[string][]string{"name": {"name", "balance_name"}, "currency": {}, "amount_minor": {}, "observed_at": {}, "business_date": {}},
}

func readBalances(s *sheet) *problem {
	if p := s.texts("name"); p != nil {
		return p
	}
	for _, path := range s.cut.paths {
		if !currencyKey(path) {
			continue
		}
		if _, err := schemas.Exponent(path); err != nil {
			return &problem{schemas.ReasonCurrency, path}
		}
		v := s.cut.values[path]
		if absent(v) {
			return &problem{schemas.ReasonMissing, path}
		}
		n, p := minor(v, true)
		if p != nil {
			p.field = path
			return p
		}
		s.cell("amount_minor").n, s.cell("currency").text = n, []byte(path)
		if p := s.observe(path, "name"); p != nil {
			return p
		}
		s.know(path)
	}
	if len(s.emitted) == 0 {
		return &problem{schemas.ReasonMissing, "currency"}
	}
	return nil
}

// currencyKey reports whether a member's name has the form of a currency.
func currencyKey(name string) bool {
	if len(name) != 3 {
		return false
	}
	for _, c := range []byte(name) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// observe emits the cells as an observation made now. Two rows of one answer
// that say the same thing twice could not be told apart later.
func (s *sheet) observe(field string, names ...string) *problem {
	s.cell("source").text = []byte(s.cfg.Name)
	s.cell("observed_at").n = s.now
	s.dated()
	key := field
	for _, n := range names {
		key += "\x00" + string(s.cell(n).text)
	}
	if s.taken[key] {
		return &problem{schemas.ReasonDuplicate, field}
	}
	s.taken[key] = true
	s.emit()
	return nil
}

// rates are conversion rates: one unit of base costs rate units of quote.
var rates = &listing{
	of: ratesGet, table: schemas.CurrencyRates, read: readRate,
	words: map[string][]string{
		"base":     {"base", "base_currency", "currency_from", "from_currency", "from", "source_currency"},
		"quote":    {"quote", "quote_currency", "currency_to", "to_currency", "to", "target_currency"},
		"rate":     {"rate", "exchange_rate", "value"},
		"valid_at": {"valid_at", "date", "rate_date", "updated_at"},
	},
	spare: []string{"id"},
}

func readRate(s *sheet) *problem {
	for _, column := range []string{"base", "quote"} {
		if p := s.currency(column); p != nil {
			return p
		}
	}
	v, word, p := s.find("rate")
	switch {
	case p != nil:
		return p
	case v == nil:
		return s.missing("rate")
	}
	text, scaled, scale, p := decimal(v)
	if p != nil {
		p.field = word
		return p
	}
	s.cell("rate").text, s.cell("rate_scaled").n, s.cell("rate_scale").n = text, scaled, scale
	if p := s.instant("valid_at"); p != nil {
		return p
	}
	return s.observe(word, "base", "quote")
}

// Balances is what the platform owes as of now, over all that the token may see.
func (u *Upstream) Balances() sources.Source { return u.observed(balances) }

// Rates is what the platform converts at as of now.
func (u *Upstream) Rates() sources.Source { return u.observed(rates) }

func (u *Upstream) observed(l *listing) sources.Source {
	return &observed{u, l, l.table.Keep(u.cfg.Keep[l.table.Name]...)}
}

// observed is a Source that asks once per run.
type observed struct {
	u     *Upstream
	list  *listing
	table *schemas.Table
}

func (o *observed) Stream() sources.Stream {
	return sources.Stream{Source: o.u.cfg.Name, Table: o.table}
}

// Pages yields one page: the state of now. w must be zero.
func (o *observed) Pages(ctx context.Context, w sources.Window, from sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		if from == sources.End {
			return
		}
		page, err := o.page(ctx, w)
		if err != nil {
			err = fmt.Errorf("flashpay %s: %s: %w", o.u.cfg.Name, o.list.of.path, err)
		}
		yield(page, err)
	}
}

func (o *observed) page(ctx context.Context, w sources.Window) (sources.Page, error) {
	if !w.IsZero() {
		return sources.Page{}, fmt.Errorf("what is observed has no window %s", w)
	}
	a, err := o.u.exchange(ctx, o.list.of, query{Token: o.u.cfg.Token})
	if err != nil {
		return sources.Page{}, err
	}
	s := newSheet(o.list, o.table, &o.u.cfg, o.u.mem)
	defer s.release()
	s.now = a.at.UnixMicro()
	all := make([]int, len(a.rows))
	for i := range all {
		all[i] = i
	}
	page := s.decode(a.rows, all, a.doubtful)
	page.Next = sources.End
	return page, nil
}
