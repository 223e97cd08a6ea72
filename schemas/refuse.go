package schemas

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A row that a check refuses has been decoded already, so that its own bytes are
// not at hand. Its raw text is the row itself: {"paylake_row": {"table": …,
// "columns": {…}}}, every column that says something, in the table's order.

// Refuse makes a Reject of one row for which a check does not hold. covered are
// the columns that may be used, as for Judge.Rows.
func Refuse(t *Table, rec arrow.Record, row int, c Check, covered []bool) (Reject, error) {
	r := Reject{Reason: c.Reason(), Field: c.Field, Columns: true,
		RowID: rec.Column(t.Index(t.Key[len(t.Key)-1])).ValueStr(row)}
	if at := t.column(t.Amount, covered); at >= 0 && !rec.Column(at).IsNull(row) {
		v := rec.Column(at).(*array.Int64).Value(row)
		r.Amount = &v
	}
	if at := t.column(t.Currency, covered); at >= 0 {
		r.Currency = rec.Column(at).(*array.String).Value(row)
	}
	var err error
	r.Raw, err = rowText(t, rec, row)
	return r, err
}

// Reason is what quarantine says of rows that a check refuses.
func (c Check) Reason() Reason {
	switch c.Rule.(type) {
	case Required:
		return ReasonRequired
	case Range:
		return ReasonOutOfRange
	case Pattern:
		return ReasonPattern
	case Vocabulary:
		return ReasonVocabulary
	}
	return Reason("check_" + c.Name)
}

// column is the place of a column that may be used; -1 when there is none.
func (t *Table) column(name string, covered []bool) int {
	if name == "" || covered != nil && !covered[t.Index(name)] {
		return -1
	}
	return t.Index(name)
}

// rowOf is the form of a refused row's raw text.
type rowOf struct {
	Row *struct {
		Table   string         `json:"table"`
		Columns jsontext.Value `json:"columns"`
	} `json:"paylake_row"`
}

const microsForm = "2006-01-02T15:04:05.000000Z"

func rowText(t *Table, rec arrow.Record, row int) ([]byte, error) {
	b := []byte(`{"paylake_row":{"table":`)
	b, err := jsontext.AppendQuote(b, t.Name)
	if err != nil {
		return nil, err
	}
	b = append(b, `,"columns":{`...)
	first := true
	for i, f := range t.Fields {
		value, ok := cellText(rec.Column(i), row)
		if !ok {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if b, err = jsontext.AppendQuote(b, f.Name); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = jsontext.AppendQuote(b, value); err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
	}
	return append(b, `}}}`...), nil
}

// cellText writes a value that parseCell reads; ok is false for NULL and "".
func cellText(col arrow.Array, row int) (text string, ok bool) {
	if col.IsNull(row) {
		return "", false
	}
	switch c := col.(type) {
	case *array.String:
		return c.Value(row), c.Value(row) != ""
	case *array.Timestamp:
		return time.UnixMicro(int64(c.Value(row))).UTC().Format(microsForm), true
	case *array.Date32:
		return c.Value(row).ToTime().Format(time.DateOnly), true
	}
	return col.ValueStr(row), true
}

// ErrOtherRow is returned for a raw text that is not a refused row of the table.
var ErrOtherRow = errors.New("the raw text is not a row of this table")

// IsRowText reports whether a raw text is a decoded row, not an upstream's.
func IsRowText(raw []byte) bool {
	var r rowOf
	return json.Unmarshal(raw, &r) == nil && r.Row != nil
}

// RowOfText makes a record of one row again out of what Refuse wrote. change
// may replace texts (nil: it does not). The caller owns the record.
func RowOfText(t *Table, raw []byte, change func(text string) string) (arrow.Record, error) {
	var r rowOf
	if err := json.Unmarshal(raw, &r); err != nil || r.Row == nil || r.Row.Table != t.Name {
		return nil, ErrOtherRow
	}
	cells := map[string]string{}
	if err := json.Unmarshal(r.Row.Columns, &cells); err != nil {
		return nil, ErrOtherRow
	}
	for name := range cells {
		if !t.Has(name) {
			return nil, fmt.Errorf("%w: the pipeline does not keep its field %q any more; add it to keep: again", ErrOtherRow, name)
		}
	}
	rb := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer rb.Release()
	for i, f := range t.Fields {
		text, there := cells[f.Name]
		if change != nil {
			text = change(text)
		}
		if err := appendCell(rb.Field(i), f, text, there); err != nil {
			return nil, fmt.Errorf("%w: column %s: %w", ErrOtherRow, f.Name, err)
		}
	}
	return rb.NewRecord(), nil
}

func appendCell(b array.Builder, f Field, text string, there bool) error {
	if s, ok := b.(*array.StringBuilder); ok {
		s.Append(text)
		return nil
	}
	if !there {
		if !f.Nullable {
			return errors.New("it is missing")
		}
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.TimestampBuilder:
		at, err := time.Parse(microsForm, text)
		b.Append(arrow.Timestamp(at.UnixMicro()))
		return err
	case *array.Date32Builder:
		at, err := time.Parse(time.DateOnly, text)
		b.Append(arrow.Date32FromTime(at))
		return err
	case *array.Int32Builder:
		v, err := strconv.ParseInt(text, 10, 32)
		b.Append(int32(v))
		return err
	case *array.Int64Builder:
		v, err := strconv.ParseInt(text, 10, 64)
		b.Append(v)
		return err
	}
	return fmt.Errorf("type %T", b)
}

// Without returns a record of the rows of rec for which out says false, and
// takes rec over.
func Without(rec arrow.Record, out func(row int) bool) arrow.Record {
	defer rec.Release()
	keep := make([]int, 0, rec.NumRows())
	for row := range int(rec.NumRows()) {
		if !out(row) {
			keep = append(keep, row)
		}
	}
	rb := array.NewRecordBuilder(memory.DefaultAllocator, rec.Schema())
	defer rb.Release()
	rb.Reserve(len(keep))
	for i, col := range rec.Columns() {
		copyRows(rb.Field(i), col, keep)
	}
	return rb.NewRecord()
}

func copyRows(b array.Builder, col arrow.Array, rows []int) {
	for _, row := range rows {
		if col.IsNull(row) {
			b.AppendNull()
			continue
		}
		switch c := col.(type) {
		case *array.String:
			b.(*array.StringBuilder).Append(c.Value(row))
		case *array.Int64:
			b.(*array.Int64Builder).Append(c.Value(row))
		case *array.Int32:
			b.(*array.Int32Builder).Append(c.Value(row))
		case *array.Timestamp:
			b.(*array.TimestampBuilder).Append(c.Value(row))
		case *array.Date32:
			b.(*array.Date32Builder).Append(c.Value(row))
		default:
			panic(fmt.Sprintf("schemas: no column of type %s", col.DataType()))
		}
	}
}
