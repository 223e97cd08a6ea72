package flashpay

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/sources"
)

// answer is a body of one endpoint.
type answer struct {
	rows     [][]byte // each row's own bytes
	marks    []mark
	doubtful map[int]bool // rows with a text that could be taken for further fields
	variant  Variant
	at       time.Time // the instant that it shows
}

// errBody marks a well-formed answer that is an error report.
var errBody = errors.New("an error report instead of rows")

// open splits and verifies a body. Nothing of a body whose signature does
// not hold is returned. Errors wrap sources.ErrShape or errBody.
func (e *endpoint) open(body, secret []byte) (*answer, error) {
	rows, err := e.split(body)
	if err != nil {
		return nil, err
	}
	f, v, err := e.verify(body, secret)
	switch {
	case errors.Is(err, ErrSignature):
		return nil, sources.Errorf(sources.ErrShape, "the answer's signature does not hold; nothing of it was accepted; check data_secret: %w", err)
	case err != nil:
		return nil, sources.Errorf(sources.ErrShape, "the answer: %w", err)
	}
	a := &answer{rows: rows, doubtful: f.doubtful, variant: v}
	for i, raw := range rows {
		m := mark{text: xxh3.Hash(raw)}
		if m.id = f.ids[i]; m.id == 0 {
			m.id = m.text
		}
		a.marks = append(a.marks, m)
	}
	return a, nil
}

// verify flattens strictly. A row that names a key twice is refused by
// the decoder, the other rows of its page are wanted: so the text is read once
// more as the platform's JSON decoder must have read it.
func (e *endpoint) verify(body, secret []byte) (*flat, Variant, error) {
	f, err := flattenRows(body, e, doublesRefused)
	if err == nil {
		v, err := f.verify([][]byte{secret})
		return f, v, err
	}
	if !errors.Is(err, jsontext.ErrDuplicateName) {
		return nil, VariantNone, err
	}
	for _, twice := range []doubles{doublesLast, doublesFirst} {
		if f, err = flattenRows(body, e, twice); err != nil {
			return nil, VariantNone, err
		}
		v, verr := f.verify([][]byte{secret})
		if verr == nil {
			return f, v, nil
		}
		err = verr
	}
	return nil, VariantNone, err
}

// split cuts the rows out of a body without looking into them.
func (e *endpoint) split(body []byte) ([][]byte, error) {
	if !utf8.Valid(body) {
		return nil, e.shape("not UTF-8")
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	if d.PeekKind() != jsontext.KindBeginObject {
		return nil, e.shape("not a JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, e.shape("not a JSON object")
	}
	p := page{of: e, body: body, dec: d, names: map[string]bool{}}
	for d.PeekKind() != jsontext.KindEndObject {
		if err := p.member(); err != nil {
			return nil, err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, e.shape("not valid JSON")
	}
	if len(bytes.TrimLeft(body[d.InputOffset():], " \t\r\n")) > 0 {
		return nil, e.shape("text after the JSON object")
	}
	return p.judge()
}

type page struct {
	of    *endpoint
	body  []byte
	dec   *jsontext.Decoder
	names map[string]bool
	lists int // of rows
	rows  [][]byte
}

func (p *page) member() error {
	raw, err := p.dec.ReadValue()
	if err != nil {
		return p.of.shape("not valid JSON")
	}
	quoted, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return p.of.shape("not valid JSON")
	}
	name := string(quoted)
	if p.names[name] {
		return p.of.shape("the answer names a key twice")
	}
	p.names[name] = true
	if p.of.list(name) {
		return p.list()
	}
	v, err := p.dec.ReadValue()
	if err != nil || !v.IsValid() {
		return p.of.shape("not valid JSON, or a key named twice")
	}
	return nil
}

func (p *page) list() error {
	p.lists++
	if p.dec.PeekKind() != jsontext.KindBeginArray {
		return p.of.shape("its rows are not a list")
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return p.of.shape("not valid JSON")
	}
	for p.dec.PeekKind() != jsontext.KindEndArray {
		v, err := p.dec.ReadValue()
		if err != nil {
			return p.of.shape("not valid JSON")
		}
		end := p.dec.InputOffset()
		p.rows = append(p.rows, p.body[end-int64(len(v)):end:end])
	}
	_, err := p.dec.ReadToken()
	if err != nil {
		return p.of.shape("not valid JSON")
	}
	return nil
}

func (p *page) judge() ([][]byte, error) {
	if p.lists == 1 {
		return p.rows, nil
	}
	if p.lists > 1 {
		return nil, p.of.shape("two lists of rows")
	}
	for _, n := range []string{"error", "errors", "message", "name", "code"} {
		if p.names[n] {
			return nil, errBody
		}
	}
	return nil, p.of.shape("neither rows nor an error report")
}

// String names the size of an answer, never its content.
func (a *answer) String() string {
	return fmt.Sprintf("%d rows, signed in %s order", len(a.rows), a.variant)
}
