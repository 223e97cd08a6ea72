package mpay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// This file and its neighbours (rows, ledgerrow, providerrow, columns, text)
// are the pure part: the bytes of one page in, a record, rejects and counts
// out. JSON tokens go straight into columns; no struct, map or string is made
// for a row that is read without complaint.

// Caps of one page.
const (
	maxDepth   = 32   // nesting of values that nobody asked for
	maxText    = 4096 // bytes of one literal in a row
	maxFields  = 256  // fields of one row
	maxBroken  = 1000 // rows of one page that are not JSON
	maxUnknown = 1000 // names counted on one page
)

// errPage says what is wrong with a page as a whole; the reader adds where.
var errPage = errors.New("page")

func pageError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errPage}, args...)...)
}

// answer is one decoded page.
type answer struct {
	rows      arrow.Record // nil when upstream is set
	rejects   []schemas.Reject
	unknown   map[string]int64
	outside   int
	next      string // the upstream's cursor; empty at the end
	upstream  string // code of a body that has `error` and no rows
	fresh     bool   // some row was not seen before in this window
	any       bool   // the page had rows at all
	inclusive bool   // a row showed that the upstream's `to` includes its day
}

// rowReader is one table's part of the decoder.
type rowReader interface {
	begin()
	// set takes one field of the row; false: the table does not know it.
	set(d *decoder, name []byte, v value) bool
	// end appends the row, or returns with d.bad set, or says that the row lies
	// outside the window.
	end(d *decoder) (outside bool)
	// about fills what could be read of a row that is refused.
	about(d *decoder, r *schemas.Reject)
}

// decoder reads pages of one table, one after the other. Not for concurrent use.
type decoder struct {
	table rowReader
	cols  *columns
	seen  seenRows
	noted []uint32 // hashes of the page's rows
	money bool     // rows need the page's currency

	body  []byte
	json  *jsontext.Decoder
	base  int  // offset in body of the JSON decoder's first byte
	dirty bool // body is not wholly UTF-8
	plain bool // no string of body has an escape
	long  bool // never the short way: what tests compare it with

	currency []byte // of the page
	at       int    // behind the last token of the row
	after    int    // where the last row ended: the next one begins behind it
	inRows   bool
	row      rowState
	broken   map[int]schemas.Reject // rows that are not JSON, by offset
	counts   counter
	out      answer
}

// rowState is what is known about the row that is being read.
type rowState struct {
	start   int
	fields  int
	reason  schemas.Reason
	field   string
	last    []byte   // name of the field that is being read
	names   [][]byte // fields that the table does not know
	scratch []byte   // decoded text of strings with escapes
}

func newDecoder(table rowReader, cols *columns) *decoder {
	return &decoder{table: table, cols: cols, money: needsCurrency(table), json: jsontext.NewDecoder(bytes.NewReader(nil))}
}

// page decodes one body. The body is the decoder's until it returns, and may
// be changed. An error wraps errPage and names no value of the body.
func (d *decoder) page(body []byte) (answer, error) {
	d.body, d.dirty, d.plain = body, !utf8.Valid(body), bytes.IndexByte(body, '\\') < 0
	clear(d.broken)
	for {
		d.cols.reset()
		d.counts.reset()
		d.out, d.currency, d.inRows = answer{}, nil, false
		d.noted = d.noted[:0]
		hasRows, err := d.walk()
		if err != nil {
			if d.inRows && d.salvage(err) {
				continue // from the start, with the broken row blanked out
			}
			return answer{}, d.describe(err)
		}
		if !hasRows {
			if d.out.upstream == "" {
				return answer{}, pageError("it has no rows")
			}
			return d.out, nil
		}
		d.out.unknown = d.counts.result()
		d.out.rows = d.cols.record()
		d.out.fresh = d.seen.add(d.noted)
		return d.out, nil
	}
}

// describe turns a syntax error into a sentence without the body's own words.
func (d *decoder) describe(err error) error {
	if errors.Is(err, errPage) {
		return err
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return pageError("it is not JSON at byte %d", d.base+int(syntax.ByteOffset))
	}
	return pageError("it is not JSON: it ends after %d bytes", len(d.body))
}

func (d *decoder) reset(buf []byte, base int) {
	d.base = base
	d.json.Reset(bytes.NewBuffer(buf), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// pos is the offset in body behind what was read last.
func (d *decoder) pos() int { return d.base + int(d.json.InputOffset()) }

// walk reads the page's own fields. Rows that come before the currency they
// need are found by their brackets and read last.
func (d *decoder) walk() (hasRows bool, err error) {
	d.reset(d.body, 0)
	if d.json.PeekKind() != '{' {
		if _, err := d.json.ReadValue(); err != nil {
			return false, err
		}
		return false, pageError("it is not a JSON object")
	}
	w := pageWalk{d: d}
	if _, err := d.json.ReadToken(); err != nil {
		return false, err
	}
	for !w.ended {
		if err := w.field(); err != nil {
			return false, err
		}
	}
	if _, err := d.json.ReadToken(); !errors.Is(err, io.EOF) {
		return false, pageError("something follows the JSON object")
	}
	if w.later[1] > 0 {
		d.reset(d.body[w.later[0]:w.later[1]], w.later[0])
		return true, d.rows()
	}
	return w.rows, nil
}
