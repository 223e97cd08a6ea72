package decisions

import (
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

// text, number and money are the places of a decision's values, by column.
func (d *Decision) text(column string) *string {
	switch column {
	case "decision_id":
		return &d.ID
	case "kind":
		return (*string)(&d.Kind)
	case "period":
		return &d.Period
	case "subject":
		return &d.Subject
	case "decided_by":
		return &d.By
	case "reason":
		return &d.Reason
	case "follows":
		return &d.Follows
	case "what":
		return &d.What
	case "about_wallet":
		return &d.Wallet
	case "about_provider":
		return &d.Provider
	case "about_category":
		return &d.Category
	case "measure":
		return &d.Measure
	case "currency":
		return &d.Currency
	case "evidence":
		return &d.Evidence
	}
	return d.side(column)
}

func (d *Decision) side(column string) *string {
	side, part, _ := strings.Cut(column, "_")
	row := map[string]*Row{"left": &d.Left, "right": &d.Right}[side]
	if row == nil {
		return nil
	}
	return map[string]*string{"table": &row.Table, "source": &row.Source, "account": &row.Account, "id": &row.ID}[part]
}

func (d *Decision) number(column string) *int64 {
	return map[string]*int64{"number": &d.Number, "as_of_snapshot": &d.AsOf}[column]
}

func (d *Decision) money(column string) **int64 {
	return map[string]**int64{"amount_minor": &d.Amount, "amount_rows": &d.Rows, "expected_minor": &d.Expected, "lake_minor": &d.Lake, "warehouse_minor": &d.Warehouse}[column]
}

// encode makes rows of schemas.Decisions.
func encode(list []Decision) arrow.Record {
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schemas.Decisions.ArrowSchema())
	defer b.Release()
	utc := schemas.NewZone(time.UTC)
	for k := range list {
		d := &list[k]
		for i, f := range schemas.Decisions.Fields {
			switch b := b.Field(i).(type) {
			case *array.StringBuilder:
				if f.Name == "source" {
					b.Append(schemas.DecisionSource)
				} else {
					b.Append(*d.text(f.Name))
				}
			case *array.Int64Builder:
				if !f.Nullable {
					b.Append(*d.number(f.Name))
				} else if n := *d.money(f.Name); n != nil {
					b.Append(*n)
				} else {
					b.AppendNull()
				}
			case *array.TimestampBuilder:
				b.Append(arrow.Timestamp(d.At.UnixMicro()))
			case *array.Date32Builder:
				b.Append(arrow.Date32(utc.BusinessDate(d.At.UnixMicro())))
			}
		}
	}
	return b.NewRecord()
}

// columns are what decode reads: everything but what follows from the rest.
func columns() (names []string) {
	for _, f := range schemas.Decisions.Fields {
		if f.Name != "source" && f.Name != "business_date" {
			names = append(names, f.Name)
		}
	}
	return names
}

// decode reads row i of a record with columns from the given one on.
func decode(rec arrow.Record, from, i int) (d Decision, err error) {
	for c, name := range columns() {
		switch col := rec.Column(from + c).(type) {
		case *array.String:
			*d.text(name) = strings.Clone(col.Value(i))
		case *array.Int64:
			if at := d.number(name); at != nil {
				*at = col.Value(i)
			} else if !col.IsNull(i) {
				n := col.Value(i)
				*d.money(name) = &n
			}
		case *array.Timestamp:
			d.At = time.UnixMicro(int64(col.Value(i))).UTC()
		default:
			return d, fmt.Errorf("column %s is of type %s", name, rec.Column(from+c).DataType())
		}
	}
	return d, nil
}
