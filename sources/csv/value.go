package csv

import (
	"github.com/paylake/paylake/schemas"
)

// money reads amounts as the mapping says they are written.
type money struct {
	point     byte
	thousands [256]bool // ASCII separators
	space     bool      // any space may separate, no-break and narrow ones included
	minor     bool      // the literal counts minor units
	buf       []byte
}

func newMoney(m Mapping) *money {
	d := &money{point: m.point()[0], minor: m.Unit == "minor", buf: make([]byte, 0, 64)}
	for _, t := range m.Thousands {
		switch t {
		case " ", "\u00a0", "\u202f", "\u2009":
			d.space = true
		case "’":
			d.thousands['\''] = true
		default:
			d.thousands[t[0]] = true
		}
	}
	return d
}

// plain turns a literal of the file into one that schemas reads: sign, digits,
// a point. Separators must stand between groups of three digits, so that a
// decimal sign in the wrong place is never taken for one.
func (d *money) plain(text []byte) ([]byte, error) {
	text = trim(text)
	out := d.buf[:0]
	if n := len(text); n > 0 && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			out = append(out, '-')
		}
		text = text[1:]
	} else if n > 3 && string(text[:3]) == "\u2212" { // the minus sign of typesetters
		out, text = append(out, '-'), text[3:]
	}
	if len(text) > 40 {
		return nil, schemas.ErrAmountRange
	}
	group, grouped, fraction := 0, false, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= '0' && c <= '9' {
			out = append(out, c)
			group++
			continue
		}
		if c == d.point && !fraction {
			if grouped && group != 3 || group == 0 {
				return nil, schemas.ErrAmountSyntax
			}
			out, fraction = append(out, '.'), true
			continue
		}
		n := d.separator(text[i:])
		if n == 0 || fraction || group == 0 || group > 3 || grouped && group != 3 {
			return nil, schemas.ErrAmountSyntax
		}
		i += n - 1
		group, grouped = 0, true
	}
	if grouped && !fraction && group != 3 {
		return nil, schemas.ErrAmountSyntax
	}
	d.buf = out
	return out, nil
}

// separator is the length of the thousands separator that text begins with.
func (d *money) separator(text []byte) int {
	if d.thousands[text[0]] {
		return 1
	}
	if !d.space {
		return 0
	}
	if text[0] == ' ' {
		return 1
	}
	if len(text) > 1 && text[0] == 0xc2 && text[1] == 0xa0 {
		return 2
	}
	if len(text) > 2 && text[0] == 0xe2 && text[1] == 0x80 && (text[2] == 0xaf || text[2] == 0x89) {
		return 3
	}
	return 0
}

// parse reads an amount in a currency with exponent fraction digits.
func (d *money) parse(text []byte, exponent int) (int64, error) {
	lit, err := d.plain(text)
	if err != nil {
		return 0, err
	}
	if d.minor {
		exponent = 0
	}
	return schemas.ParseMinor(lit, exponent)
}

// integer reads a whole number.
func integer(text []byte) (int64, error) { return schemas.ParseMinor(trim(text), 0) }

// trim removes spaces around a field; headings and values of exports often
// have some.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	for len(b) > 1 && b[0] == 0xc2 && b[1] == 0xa0 {
		b = b[2:]
	}
	for len(b) > 1 && b[len(b)-2] == 0xc2 && b[len(b)-1] == 0xa0 {
		b = b[:len(b)-2]
	}
	return b
}
