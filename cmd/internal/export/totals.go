package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// Total is what one column of money adds up to in one currency: minor units, as
// strings since sums may be wider than 64 bits.
type Total struct {
	Column      string `json:"column"`
	Currency    string `json:"currency"`
	Rows        int64  `json:"rows"`         // that have a value
	DebitMinor  string `json:"debit_minor"`  // of values below zero, with their sign
	CreditMinor string `json:"credit_minor"` // of all others
}

type totalKey struct{ column, currency string }

type sums struct {
	rows          int64
	debit, credit decimal128.Num
}

// Totals adds up the columns of an export that say in which currency they are.
type Totals struct {
	columns []Column
	all     map[totalKey]*sums
}

// NewTotals begins with nothing.
func NewTotals(columns []Column) *Totals {
	return &Totals{columns: columns, all: map[totalKey]*sums{}}
}

// Add adds the rows of a record.
func (t *Totals) Add(rec arrow.Record) error {
	for i, c := range t.columns {
		if c.Sums == "" || i >= int(rec.NumCols()) {
			continue
		}
		at := slices.IndexFunc(t.columns, func(o Column) bool { return o.Name == c.Sums })
		if at < 0 {
			return fmt.Errorf("column %s is in the currency of %q, which there is not", c.Name, c.Sums)
		}
		currency, ok := rec.Column(at).(*array.String)
		number := wide(rec.Column(i))
		if !ok || number == nil {
			return fmt.Errorf("column %s: values of type %s in %s cannot be added up", c.Name, rec.Column(i).DataType(), rec.Column(at).DataType())
		}
		t.add(c.Name, rec.Column(i), currency, number)
	}
	return nil
}

func (t *Totals) add(column string, col arrow.Array, currency *array.String, number func(int) decimal128.Num) {
	var s *sums
	last := ""
	for row := range col.Len() {
		if col.IsNull(row) {
			continue
		}
		if c := currency.Value(row); s == nil || c != last {
			last = c
			if s = t.all[totalKey{column, c}]; s == nil {
				last = strings.Clone(c) // the record's memory is used again
				s = &sums{}
				t.all[totalKey{column, last}] = s
			}
		}
		s.rows++
		if n := number(row); n.Sign() < 0 {
			s.debit = s.debit.Add(n)
		} else {
			s.credit = s.credit.Add(n)
		}
	}
}

// wide reads whole numbers of any width.
func wide(col arrow.Array) func(row int) decimal128.Num {
	if a, ok := col.(*array.Decimal128); ok && a.DataType().(*arrow.Decimal128Type).Scale == 0 {
		return a.Value
	}
	if n := integer(col); n != nil {
		return func(row int) decimal128.Num { return decimal128.FromI64(n(row)) }
	}
	if a, ok := col.(*array.Uint64); ok {
		return func(row int) decimal128.Num { return decimal128.FromU64(a.Value(row)) }
	}
	return nil
}

// List is what was added up, by the order of the columns and by currency.
func (t *Totals) List() []Total {
	out := []Total{}
	for _, c := range t.columns {
		from := len(out)
		for k, s := range t.all {
			if k.column == c.Name {
				out = append(out, Total{k.column, k.currency, s.rows, s.debit.BigInt().String(), s.credit.BigInt().String()})
			}
		}
		slices.SortFunc(out[from:], func(a, b Total) int { return strings.Compare(a.Currency, b.Currency) })
	}
	return out
}

// Resume goes on from a list.
func (t *Totals) Resume(list []Total) error {
	for _, one := range list {
		debit, err := decimal128.FromString(one.DebitMinor, 38, 0)
		if err != nil {
			return fmt.Errorf("total of %s: %w", one.Column, err)
		}
		credit, err := decimal128.FromString(one.CreditMinor, 38, 0)
		if err != nil {
			return fmt.Errorf("total of %s: %w", one.Column, err)
		}
		t.all[totalKey{one.Column, one.Currency}] = &sums{one.Rows, debit, credit}
	}
	return nil
}
