package csv

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// layout is a stated order of digits: 'y' 'M' 'd' 'H' 'm' 's' with their
// widths, 'Z' an offset, 0 a literal byte.
type layout struct {
	parts []layoutPart
	clock bool // has a time of day
}

type layoutPart struct {
	what  byte
	width int
	lit   byte
}

var widths = map[string]int{"yyyy": 4, "yy": 2, "MM": 2, "dd": 2, "HH": 2, "mm": 2, "ss": 2, "Z": 1}

// parseLayout reads a layout such as dd.MM.yyyy HH:mm:ss.
func parseLayout(text string) (layout, error) {
	var l layout
	seen := map[byte]bool{}
	for i := 0; i < len(text); {
		n := 1
		for i+n < len(text) && text[i+n] == text[i] {
			n++
		}
		token := text[i : i+n]
		w, ok := widths[token]
		switch {
		case ok && seen[text[i]]:
			return l, fmt.Errorf("%q names %s twice", text, token)
		case ok:
			seen[text[i]] = true
			l.parts = append(l.parts, layoutPart{what: text[i], width: w})
		case strings.Contains("yMdHmsZ", token[:1]):
			return l, fmt.Errorf("%q: %s is unknown; write yyyy, yy, MM, dd, HH, mm, ss or Z", text, token)
		default:
			for range n {
				l.parts = append(l.parts, layoutPart{lit: text[i]})
			}
		}
		i += n
	}
	if !seen['y'] || !seen['M'] || !seen['d'] {
		return l, fmt.Errorf("%q needs a year, a month and a day: dd.MM.yyyy", text)
	}
	l.clock = seen['H']
	if seen['m'] != seen['H'] || seen['s'] && !seen['m'] || seen['Z'] && !seen['H'] {
		return l, fmt.Errorf("%q has half a time of day; write HH:mm or HH:mm:ss", text)
	}
	return l, nil
}

// parse reads text in the layout and nothing else around it. A day that does
// not exist in the stated order, such as 12.31 for dd.MM, is none: another order
// is never tried. buf is scratch of 32 bytes or more.
func (l *layout) parse(z *schemas.Zone, text, buf []byte) (micros int64, offset int32, ok bool) {
	b := append(buf[:0], "2000-00-00T00:00:00"...)
	for _, p := range l.parts {
		if p.what == 0 {
			if len(text) == 0 || text[0] != p.lit {
				return 0, 0, false
			}
			text = text[1:]
			continue
		}
		if p.what == 'Z' { // takes the rest
			b = append(b, text...)
			text = nil
			continue
		}
		if len(text) < p.width {
			return 0, 0, false
		}
		copy(b[place(p):], text[:p.width])
		text = text[p.width:]
		if p.what == 's' && len(text) > 1 && text[0] == '.' { // a fraction
			n := 1
			for n < len(text) && text[n] >= '0' && text[n] <= '9' {
				n++
			}
			b = append(b, text[:n]...)
			text = text[n:]
		}
	}
	if len(text) > 0 {
		return 0, 0, false
	}
	micros, offset, _, err := z.Parse(b)
	return micros, offset, err == nil
}

// place is where a part stands in yyyy-MM-ddTHH:mm:ss. A year of two digits is
// of this century.
func place(p layoutPart) int {
	switch p.what {
	case 'y':
		return 4 - p.width
	case 'M':
		return 5
	case 'd':
		return 8
	case 'H':
		return 11
	case 'm':
		return 14
	}
	return 17
}
