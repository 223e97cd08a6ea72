package csv

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/paylake/paylake/schemas"
)

// decoder turns a field's bytes into UTF-8.
type decoder struct {
	runes   *[256]string // nil: the file is UTF-8
	scratch []byte
}

// encodings are those of a single byte whose lower half is ASCII, so that
// delimiters can be found before decoding.
func newDecoder(encoding string) *decoder {
	var table *charmap.Charmap
	switch encoding {
	case "windows-1251":
		table = charmap.Windows1251
	case "windows-1254":
		table = charmap.Windows1254
	default:
		return &decoder{}
	}
	d := &decoder{runes: new([256]string)}
	for b := range d.runes {
		if r := table.DecodeByte(byte(b)); r != utf8.RuneError && (r < 0x80 || r > 0x9f) {
			d.runes[b] = string(r)
		}
	}
	return d
}

// reset makes the scratch space free again; what text returned before is gone.
func (d *decoder) reset() { d.scratch = d.scratch[:0] }

// text decodes a field; false for bytes that the encoding does not have and for
// control characters, which text has only by mistake.
func (d *decoder) text(b []byte) ([]byte, bool) {
	if printable(b) {
		return b, true
	}
	ascii := true
	for _, c := range b {
		if c >= 0x80 {
			ascii = false
		} else if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return nil, false
		}
	}
	if ascii {
		return b, true
	}
	if d.runes == nil {
		return b, utf8.Valid(b) && !bytes.Contains(b, replacement)
	}
	from := len(d.scratch)
	for _, c := range b {
		s := d.runes[c]
		if s == "" {
			return nil, false
		}
		d.scratch = append(d.scratch, s...)
	}
	return d.scratch[from:len(d.scratch):len(d.scratch)], true
}

// printable reports whether all of b is printable ASCII, eight bytes at a time:
// no high bit, nothing below a space, no DEL. Where a subtraction borrows from the
// next byte, an earlier one has been found already.
func printable(b []byte) bool {
	const each = 0x0101010101010101
	var odd uint64
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		odd |= v | (v - 0x20*each) | ((v ^ 0x7f*each) - each)
	}
	for _, c := range b {
		odd |= uint64(c) | (uint64(c) - 0x20) | (uint64(c^0x7f) - 1)
	}
	return odd&(0x80*each) == 0
}

var replacement = []byte("\ufffd")

// maxPeople bounds each cache; a full one starts again. Texts longer than
// maxCached are of nobody and are not kept.
const (
	maxPeople = 1 << 14
	maxCached = 256
)

type person struct{ pseudonym, masked []byte }

// people turns numbers of persons into what may leave the process. Not for
// concurrent use.
type people struct {
	pseudonyms *schemas.Pseudonymizer
	region     string
	persons    map[string]person
	references map[string]string
	scratch    []byte
}

func newPeople(p *schemas.Pseudonymizer, region string) *people {
	if region == "" {
		region = "AZ"
	}
	return &people{pseudonyms: p, region: region, persons: map[string]person{}, references: map[string]string{}}
}

// of returns the pseudonym and the masked form of a telephone number, a card
// or an account. What the file has masked itself stands for many people and
// gets no pseudonym.
func (p *people) of(text []byte) person {
	if len(text) == 0 {
		return person{}
	}
	if who, ok := p.persons[string(text)]; ok {
		return who
	}
	var who person
	s := string(text)
	if bytes.ContainsAny(text, "*•") {
		who = person{masked: []byte(s)}
	} else if e164, ok := schemas.E164(s, p.region); ok {
		who = person{[]byte(p.pseudonyms.Of(e164)), []byte(schemas.MaskPhone(e164))}
	} else {
		who = person{[]byte(p.pseudonyms.Of(s)), []byte(maskAccount(s))}
	}
	if len(p.persons) >= maxPeople {
		clear(p.persons)
	}
	if len(s) <= maxCached {
		p.persons[s] = who
	}
	return who
}

// maskAccount keeps of an IBAN country, check digits, bank and the last four
// characters, and of anything else what schemas.MaskAccount keeps.
func maskAccount(s string) string {
	if len(s) < 15 || len(s) > 34 || s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' || s[1] > 'Z' {
		return schemas.MaskAccount(s)
	}
	return s[:8] + "••••" + s[len(s)-4:]
}

// account shows an account that is no person's secret but may hold one: IBANs
// and card numbers lose their middle, other ids stay.
func (p *people) account(text []byte) []byte {
	return p.cached(text, func(s string) string {
		if m := maskAccount(s); len(s) >= 15 && s[0] >= 'A' && s[0] <= 'Z' && m != schemas.MaskAccount(s) {
			return m
		}
		return schemas.MaskReference(s, p.region)
	})
}

// card masks whatever is not masked already.
func (p *people) card(text []byte) []byte {
	if len(text) == 0 {
		return text
	}
	return p.cached(text, schemas.MaskAccount)
}

func (p *people) cached(text []byte, mask func(string) string) []byte {
	s, ok := p.references[string(text)]
	if !ok {
		s = mask(string(text))
		if len(p.references) >= maxPeople {
			clear(p.references)
		}
		if len(text) <= maxCached {
			p.references[string(text)] = s
		}
	}
	p.scratch = append(p.scratch, s...)
	return p.scratch[len(p.scratch)-len(s) : len(p.scratch) : len(p.scratch)]
}

// free masks telephone and card numbers in text, wherever they stand. Text
// without a long row of digits is returned as it is.
func (p *people) free(text []byte) []byte {
	from, to := number(text, 0)
	if from < 0 {
		return text
	}
	begin, done := len(p.scratch), 0
	for from >= 0 {
		if masked, ok := p.suspect(text[from:to]); ok {
			p.scratch = append(append(p.scratch, text[done:from]...), masked...)
			done = to
		}
		from, to = number(text, to)
	}
	if done == 0 {
		return text
	}
	p.scratch = append(p.scratch, text[done:]...)
	return p.scratch[begin:len(p.scratch):len(p.scratch)]
}

// number finds the next row of at least 7 digits, which spaces, dashes and
// brackets may group; from is -1 when there is none.
func number(text []byte, at int) (from, to int) {
	for at < len(text) {
		if c := text[at]; c != '+' && c != '(' && (c < '0' || c > '9') {
			at++
			continue
		}
		from, to, digits := at, at, 0
		for at < len(text) {
			c := text[at]
			if c >= '0' && c <= '9' {
				digits++
				to = at + 1
			} else if c != ' ' && c != '-' && c != '(' && c != ')' && (c != '+' || at > from) {
				break
			} else if at > to+1 {
				break
			}
			at++
		}
		if digits >= 7 {
			return from, to
		}
		at = max(at, from+1)
	}
	return -1, -1
}

// suspect masks a row of digits if it is a telephone or card number. Telling
// telephone numbers apart is slow, so only what may be one is looked at: with a
// prefix, or of nine digits as mobile numbers are. A reference that belongs to a
// word before it (TRN20260301…) is looked at like any other.
func (p *people) suspect(text []byte) (string, bool) {
	digits := 0
	for _, c := range text {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	trunk := text[0] == '0' && (digits == 10 || digits >= 12 && digits <= 15) && !bytes.HasPrefix(text, []byte("000")) // 050… and 00994…
	plausible := text[0] == '+' || text[0] == '(' || trunk || digits == 9 || digits == 12 && (bytes.HasPrefix(text, []byte("994")) || bytes.HasPrefix(text, []byte("996"))) ||
		digits >= 13 && schemas.CardNumber(text)
	if !plausible || digits > 24 {
		return "", false
	}
	s, ok := p.references[string(text)]
	if !ok {
		s = schemas.MaskReference(string(text), p.region)
		if len(p.references) >= maxPeople {
			clear(p.references)
		}
		p.references[string(text)] = s
	}
	return s, s != string(text)
}
