package mpay

import (
	"encoding/binary"
	"math/bits"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// The short way through a row: RFC 8259 read eight bytes at a time. It knows
// the plain case alone, strings without escapes and scalars, and gives way to
// the JSON library for everything else. So it need not be able to do much, but
// what it accepts, the library must accept with the same result: see
// FuzzShortWay.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainString returns the offset behind the string whose quote stands at i; 0
// when it has an escape, a control character, or no end.
func plainString(b []byte, i int) int {
	for i++; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// The lowest marked byte is exact; a borrow marks only bytes above one.
		if m := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w) & highs; m != 0 {
			i += bits.TrailingZeros64(m) / 8
			if b[i] == '"' {
				return i + 1
			}
			return 0
		}
	}
	for ; i < len(b) && b[i] >= ' ' && b[i] != '\\'; i++ {
		if b[i] == '"' {
			return i + 1
		}
	}
	return 0
}

// number returns the offset behind the number at i; 0 when it is none.
func number(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	whole := digits(b, i)
	if whole == i || (b[i] == '0' && whole > i+1) {
		return 0
	}
	i = whole
	if i < len(b) && b[i] == '.' {
		fraction := digits(b, i+1)
		if fraction == i+1 {
			return 0
		}
		i = fraction
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		return 0 // no amount is written like this; the library decides
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// blank returns the first offset from i on that is no white space, at most the
// length.
func blank(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// scalar reads a plain value: text is what stands between a string's quotes,
// or the literal. end is 0 when it takes the library to tell.
func scalar(b []byte, i int) (v value, end int) {
	switch c := b[i]; {
	case c == '"':
		if end = plainString(b, i); end > 0 {
			v = value{kind: '"', text: b[i+1 : end-1]}
		}
	case c == '-' && i+1 < len(b), c-'0' <= 9:
		if end = number(b, i); end > 0 {
			v = value{kind: '0', text: b[i:end]}
		}
	case c == 'n', c == 't':
		v, end = word(b, i, i+4)
	case c == 'f':
		v, end = word(b, i, i+5)
	}
	return v, end
}

func word(b []byte, i, end int) (value, int) {
	if end > len(b) {
		return value{}, 0
	}
	switch text := b[i:end]; string(text) {
	case "null", "true", "false":
		return value{kind: jsontext.Kind(b[i]), text: text}, end
	}
	return value{}, 0
}

// shortRow reads the row whose bracket stands at i and returns the offset
// behind it, the row's fields being set but not finished; 0 when the library
// must read it from its beginning.
func (d *decoder) shortRow(i int) int {
	b := d.body
	d.begin()
	d.row.start = i
	if i = blank(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for i < len(b) && b[i] == '"' {
		end := plainString(b, i)
		if end == 0 {
			return 0
		}
		name := b[i+1 : end-1]
		if i = blank(b, end); i >= len(b) || b[i] != ':' {
			return 0
		}
		if i = blank(b, i+1); i >= len(b) {
			return 0
		}
		v, end := scalar(b, i)
		if end == 0 {
			return 0
		}
		d.row.last = name
		if d.row.fields++; d.row.fields > maxFields {
			d.bad(schemas.ReasonTooLong, "")
		} else if !d.table.set(d, name, v) {
			d.stranger(name, v)
		}
		if i = blank(b, end); i >= len(b) {
			return 0
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return 0
		}
		i = blank(b, i+1)
	}
	return 0
}
