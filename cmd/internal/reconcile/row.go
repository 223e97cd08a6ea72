package reconcile

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// RowID is the key of a row of the ledger.
type RowID struct{ Source, Wallet, ID string }

// Row is a row of the ledger, as far as money and its place go. Category is the
// row's own, or else the catalogue's.
type Row struct {
	RowID
	Date                         int32 // business date, days since 1970-01-01
	Type, Status                 string
	Currency, Provider, Category string
	ReversalOf                   string
	Amount                       int64 // minor units; below zero leaves the wallet
}

// Clone returns a row that shares no memory with r.
func (r *Row) Clone() Row {
	c := *r
	fields := []*string{&c.Source, &c.Wallet, &c.ID, &c.Type, &c.Status, &c.Currency, &c.Provider, &c.Category, &c.ReversalOf}
	var all strings.Builder // one piece of memory for all of them
	for _, s := range fields {
		all.WriteString(*s)
	}
	text := all.String()
	for _, s := range fields {
		*s, text = text[:len(*s)], text[len(*s):]
	}
	return c
}

func (id RowID) clone() RowID {
	return RowID{strings.Clone(id.Source), strings.Clone(id.Wallet), strings.Clone(id.ID)}
}

// Sums are what rows come to, in minor units, none of them signed but by more
// money coming back than went; and how many rows make them.
type Sums struct {
	Spend, Refunds, Debit, Credit                int64
	SpendRows, RefundRows, DebitRows, CreditRows int64
}

// sums are what one row counts for: the words of spend_by_provider, and debit
// and credit, in which a pending row has no part because no money has moved.
func (r *Row) sums() (s Sums, err error) {
	if r.Amount == math.MinInt64 {
		return s, fmt.Errorf("row %s of wallet %s: %w", r.ID, r.Wallet, schemas.ErrAmountRange)
	}
	switch {
	case r.spends():
		s.Spend, s.SpendRows = -r.Amount, 1
	case (r.Type == "refund" || r.Type == "reversal") && r.Amount > 0:
		s.Refunds, s.RefundRows = r.Amount, 1
	}
	switch {
	case r.Status == "pending":
	case r.Amount < 0:
		s.Debit, s.DebitRows = -r.Amount, 1
	case r.Amount > 0:
		s.Credit, s.CreditRows = r.Amount, 1
	}
	return s, nil
}

func (r *Row) spends() bool {
	return (r.Type == "bill_pay" || r.Type == "fee") && r.Amount < 0 && (r.Status == "posted" || r.Status == "reversed")
}

// silent reports whether the row is spend that was taken back, perhaps without
// a row that says so: it is a refund of itself unless a reversal points to it.
func (r *Row) silent() bool { return r.Status == "reversed" && r.spends() }

// add adds what sign says of t.
func (s *Sums) add(t Sums, sign int) error {
	for _, pair := range [][2]*int64{{&s.Spend, &t.Spend}, {&s.Refunds, &t.Refunds}, {&s.Debit, &t.Debit}, {&s.Credit, &t.Credit},
		{&s.SpendRows, &t.SpendRows}, {&s.RefundRows, &t.RefundRows}, {&s.DebitRows, &t.DebitRows}, {&s.CreditRows, &t.CreditRows}} {
		v := *pair[1]
		if sign < 0 {
			v = -v
		}
		sum, err := schemas.AddMinor(*pair[0], v)
		if err != nil {
			return fmt.Errorf("a sum of the period does not fit: %w", err)
		}
		*pair[0] = sum
	}
	return nil
}

// below reports whether anything is below zero, which no rows come to.
func (s Sums) below() bool {
	return min(s.Spend, s.Refunds, s.Debit, s.Credit, s.SpendRows, s.RefundRows, s.DebitRows, s.CreditRows) < 0
}

// Of is the sum and the number of rows of one kind.
func (s Sums) Of(what What) (minor, rows int64) {
	switch what {
	case Refunds:
		return s.Refunds, s.RefundRows
	case Net:
		return s.Spend - s.Refunds, s.SpendRows + s.RefundRows // none is below zero, so this fits
	case Debit:
		return s.Debit, s.DebitRows
	case Credit:
		return s.Credit, s.CreditRows
	}
	return s.Spend, s.SpendRows
}

// hasher digests rows: by key, and whole. One seed serves both sides.
type hasher struct {
	seed maphash.Seed
	buf  []byte
}

func newHasher() *hasher { return &hasher{seed: maphash.MakeSeed()} }

// row digests the key and everything; two rows are the same where both agree.
func (h *hasher) row(r *Row) (key, whole uint64) {
	h.buf = h.buf[:0]
	h.text(r.Source, r.Wallet, r.ID)
	key = maphash.Bytes(h.seed, h.buf)
	h.buf = binary.LittleEndian.AppendUint32(h.buf, uint32(r.Date))
	h.buf = binary.LittleEndian.AppendUint64(h.buf, uint64(r.Amount))
	h.text(r.Type, r.Status, r.Currency, r.Provider, r.Category, r.ReversalOf)
	return key, maphash.Bytes(h.seed, h.buf)
}

func (h *hasher) text(list ...string) {
	for _, s := range list {
		h.buf = binary.AppendUvarint(h.buf, uint64(len(s)))
		h.buf = append(h.buf, s...)
	}
}
