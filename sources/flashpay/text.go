package flashpay

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// region is where national telephone numbers are read.
const region = "KG"

// maxField is the longest text of a column in bytes.
const maxField = 4096

// CustomerID is what is stored of a customer id, wherever it comes from: a
// telephone number becomes its pseudonym, every other id stays as it came.
func CustomerID(id string, people *schemas.Pseudonymizer) string {
	return aliasOf([]byte(id), people, map[string]string{})
}

func (d *decoder) alias(id []byte) string { return aliasOf(id, d.people, d.aliases) }

// kept reads the fields that the pipeline wants as columns. Objects and lists
// stay out: their text could carry anything. Numbers of people are masked.
func (d *decoder) kept(o *operation) *problem {
	for name, i := range d.read.keep {
		if o.kept == nil {
			o.kept = make([]string, len(d.read.keep))
		}
		v := d.read.row.kept[i]
		if absent(v) || v[0] == '{' || v[0] == '[' {
			if !absent(v) {
				d.read.row.unknown = append(d.read.row.unknown, plain(name))
			}
			continue
		}
		text := v
		if v[0] == '"' {
			var err error
			if text, err = jsontext.AppendUnquote(nil, v); err != nil {
				return &problem{schemas.ReasonText, plain(name)}
			}
		}
		if p := judgeText(text); p != nil {
			p.field = plain(name)
			return p
		}
		o.kept[i] = schemas.MaskReference(string(text), region)
	}
	return nil
}

// word reads a text; number says that an integer is one too. Absent is "".
func (d *decoder) word(f field, number bool) ([]byte, *problem) {
	v := d.read.row.values[f]
	if absent(v) {
		return nil, nil
	}
	var text []byte
	switch k := jsontext.Value(v).Kind(); {
	case k == jsontext.KindString:
		var err error
		if text, err = jsontext.AppendUnquote(d.text[f][:0], v); err != nil {
			return nil, bad(schemas.ReasonText, f)
		}
		d.text[f] = text
	case k == jsontext.KindNumber && number && !bytes.ContainsAny(v, ".eE"):
		text = v
	default:
		return nil, bad(schemas.ReasonType, f)
	}
	if p := judgeText(text); p != nil {
		p.field = labels[f]
		return nil, p
	}
	return text, nil
}

func judgeText(text []byte) *problem {
	if len(text) > maxField {
		return &problem{reason: schemas.ReasonTooLong}
	}
	for _, c := range text {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return &problem{reason: schemas.ReasonText}
		}
	}
	return nil
}
