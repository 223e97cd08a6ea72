package export

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
)

// cell appends the text of a row's value; null says that there is none.
type cell func(dst []byte, row int) (text []byte, null bool)

// cellOf reads column i of a record; currency is the column of its currency, or
// -1.
func cellOf(c Column, rec arrow.Record, i, currency int) (cell, error) {
	col := rec.Column(i)
	value, err := valueOf(c, col)
	if err != nil {
		return nil, err
	}
	if c.Kind == Decimal && currency >= 0 {
		if value, err = moneyOf(col, rec.Column(currency)); err != nil {
			return nil, err
		}
	}
	return func(dst []byte, row int) ([]byte, bool) {
		if col.IsNull(row) {
			return dst, true
		}
		return value(dst, row), false
	}, nil
}

func valueOf(c Column, col arrow.Array) (func(dst []byte, row int) []byte, error) {
	switch a := col.(type) {
	case *array.String:
		return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }, nil
	case *array.Binary:
		return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }, nil
	case *array.Boolean:
		return func(dst []byte, row int) []byte { return strconv.AppendBool(dst, a.Value(row)) }, nil
	case *array.Float64:
		return func(dst []byte, row int) []byte { return strconv.AppendFloat(dst, a.Value(row), 'g', -1, 64) }, nil
	case *array.Date32:
		var day dayText
		return func(dst []byte, row int) []byte { return append(dst, day.of(int64(a.Value(row)))...) }, nil
	case *array.Timestamp:
		if unit := a.DataType().(*arrow.TimestampType).Unit; unit != arrow.Microsecond {
			return nil, fmt.Errorf("it comes in %s, not in microseconds", unit)
		}
		var day dayText
		return func(dst []byte, row int) []byte { return day.instant(dst, int64(a.Value(row))) }, nil
	case *array.Decimal128:
		return decimalOf(a, func(int) int { return 0 }), nil
	}
	if number := integer(col); number != nil {
		if c.Kind == Bool { // ClickHouse's own Bool may come as a number
			return func(dst []byte, row int) []byte { return strconv.AppendBool(dst, number(row) != 0) }, nil
		}
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, number(row), 10) }, nil
	}
	if a, ok := col.(*array.Uint64); ok {
		return func(dst []byte, row int) []byte { return strconv.AppendUint(dst, a.Value(row), 10) }, nil
	}
	return nil, fmt.Errorf("values of type %s cannot be exported", col.DataType())
}

// dayText spells days; neighbours are mostly of the same one.
type dayText struct {
	day  int64
	text []byte
}

func (d *dayText) of(day int64) []byte {
	if d.text == nil || d.day != day {
		d.day, d.text = day, time.Unix(day*86400, 0).UTC().AppendFormat(d.text[:0], time.DateOnly)
	}
	return d.text
}

// instant appends RFC 3339 in UTC with six digits of a second.
func (d *dayText) instant(dst []byte, micros int64) []byte {
	const perDay = 86_400_000_000
	day, rest := micros/perDay, micros%perDay
	if rest < 0 {
		day, rest = day-1, rest+perDay
	}
	dst = append(append(dst, d.of(day)...), 'T')
	for _, unit := range []struct {
		of    int64
		after byte
	}{{3_600_000_000, ':'}, {60_000_000, ':'}, {1_000_000, '.'}} {
		n := rest / unit.of
		rest %= unit.of
		dst = append(dst, byte('0'+n/10), byte('0'+n%10), unit.after)
	}
	for unit := int64(100_000); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+rest/unit%10))
	}
	return append(dst, 'Z')
}

// integer reads any integer that fits 64 bits with a sign.
func integer(col arrow.Array) func(row int) int64 {
	switch a := col.(type) {
	case *array.Int8:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int16:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int32:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int64:
		return a.Value
	case *array.Uint8:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Uint16:
		return func(row int) int64 { return int64(a.Value(row)) }
	case *array.Uint32:
		return func(row int) int64 { return int64(a.Value(row)) }
	}
	return nil
}

// moneyOf writes at least as many digits as the row's currency has.
func moneyOf(col, currency arrow.Array) (func(dst []byte, row int) []byte, error) {
	a, isDecimal := col.(*array.Decimal128)
	c, isText := currency.(*array.String)
	if !isDecimal || !isText {
		return nil, fmt.Errorf("an amount of type %s in a currency of type %s", col.DataType(), currency.DataType())
	}
	exponents := schemas.Exponents()
	return decimalOf(a, func(row int) int {
		if e, ok := exponents[c.Value(row)]; ok {
			return e
		}
		return 2
	}), nil
}

// decimalOf writes all digits that are not zeros at the end, and at least so
// many as digits says. Nothing is ever rounded.
func decimalOf(a *array.Decimal128, digits func(row int) int) func(dst []byte, row int) []byte {
	scale := int(a.DataType().(*arrow.Decimal128Type).Scale)
	var text []byte
	return func(dst []byte, row int) []byte {
		v := a.Value(row)
		if v.Sign() < 0 {
			dst = append(dst, '-')
			v = v.Negate()
		}
		if v.HighBits() == 0 { // nearly always: without a big number
			text = strconv.AppendUint(text[:0], v.LowBits(), 10)
		} else {
			text = v.BigInt().Append(text[:0], 10)
		}
		if missing := scale + 1 - len(text); missing > 0 {
			text = append(bytes.Repeat([]byte("0"), missing), text...)
		}
		point := len(text) - scale
		end := len(text)
		for end > point+digits(row) && text[end-1] == '0' {
			end--
		}
		dst = append(dst, text[:point]...)
		if end == point {
			return dst
		}
		return append(append(dst, '.'), text[point:end]...)
	}
}
