package flashpay

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/zeebo/xxh3"
)

const (
	maxDepth = 32      // objects and arrays inside one another
	maxKey   = 256     // bytes of one key
	maxText  = 1 << 20 // bytes of one value
	// maxSpread is how many times its own length a body of strict reading may
	// have as paths and values: the platform's have 3. A long path to a list of
	// digits would make gigabytes of a quarter of a megabyte.
	maxSpread = 16
	// maxLeaves is how many values a body of strict reading may have: published
	// ones have under 200, and every one more is sorted three times, also for
	// somebody who has no secret.
	maxLeaves = 20_000
)

// reading says how a body is flattened.
type reading uint8

const (
	// toSign reads what we sign: a colon in a key is doubled, `signature` and
	// `frame_mode` are left out at any depth.
	toSign reading = iota
	// strict reads what somebody else signed: one body, one meaning. See the
	// grammar at Verify.
	strict
	// strictRows is strict for an answer with rows: a value that could be taken
	// for further leaves spoils its row and not the answer.
	strictRows
)

// doubles says what happens to a key that an object names twice.
type doubles uint8

const (
	doublesRefused doubles = iota
	doublesLast            // the last one counts, as in every SDK's JSON decoder
	doublesFirst
)

// leaf is one value with its path, both in the arena: path:value.
type leaf struct {
	start, colon, end int
	dead              bool // named again by the same object
}

// flat is a body taken apart.
type flat struct {
	arena     []byte
	leaves    []leaf
	signature []byte         // from the root, else from `general`; nil when there is none
	doubtful  map[int]bool   // rows (strictRows) whose text could be read as further leaves
	ids       map[int]uint64 // rows (strictRows): hash of their id
}

type flattener struct {
	flat
	dec   *jsontext.Decoder
	how   reading
	twice doubles
	path  []byte
	last  int // where the last part of path begins
	name  []byte
	depth int
	most  int       // bytes that the arena may have; 0: as many as it takes
	row   int       // index in the list of rows, or -1
	of    *endpoint // strictRows: whose rows
	id    int       // strictRows: rank of the row's id among the endpoint's words
}

// flatten takes a JSON object apart. Its errors wrap ErrGrammar, and
// jsontext.ErrDuplicateName where an object names a key twice.
func flatten(body []byte, how reading, twice doubles) (*flat, error) {
	return (&flattener{how: how, twice: twice, row: -1}).flatten(body)
}

// flattenRows takes an answer of e apart: strictly, row by row.
func flattenRows(body []byte, e *endpoint, twice doubles) (*flat, error) {
	return (&flattener{how: strictRows, twice: twice, row: -1, of: e}).flatten(body)
}

func (f *flattener) flatten(body []byte) (*flat, error) {
	f.dec = jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(f.twice != doublesRefused))
	f.arena = make([]byte, 0, 3*len(body)) // paths repeat
	if f.how == strict {
		f.most = maxSpread*len(body) + maxKey*maxDepth
	}
	if f.dec.PeekKind() != jsontext.KindBeginObject {
		return nil, fmt.Errorf("not a JSON object: %w", ErrGrammar)
	}
	if err := f.value(); err != nil {
		return nil, err
	}
	if k := f.dec.PeekKind(); k != jsontext.KindInvalid || len(bytes.TrimLeft(f.dec.UnreadBuffer(), " \t\r\n")) > 0 {
		return nil, fmt.Errorf("text after the JSON object: %w", ErrGrammar)
	}
	return &f.flat, nil
}

// value reads the next value, whose path is f.path.
func (f *flattener) value() error {
	switch f.dec.PeekKind() {
	case jsontext.KindBeginObject:
		return f.inside(f.object)
	case jsontext.KindBeginArray:
		return f.inside(f.array)
	default:
		v, err := f.dec.ReadValue()
		if err != nil {
			return grammar(err)
		}
		return f.leaf(v)
	}
}

func (f *flattener) inside(read func() error) error {
	if f.depth++; f.depth > maxDepth {
		return fmt.Errorf("more than %d objects inside one another: %w", maxDepth, ErrGrammar)
	}
	if _, err := f.dec.ReadToken(); err != nil {
		return grammar(err)
	}
	err := read()
	f.depth--
	return err
}

func (f *flattener) array() error {
	parent, rows := len(f.path), f.how == strictRows && f.depth == 2 && f.of.list(string(f.path))
	for i := 0; f.dec.PeekKind() != jsontext.KindEndArray; i++ {
		if rows {
			f.row, f.id = i, len(f.of.ids)
		}
		f.push(parent)
		f.path = strconv.AppendInt(f.path, int64(i), 10)
		if err := f.value(); err != nil {
			return err
		}
		f.path = f.path[:parent]
	}
	if rows {
		f.row = -1
	}
	_, err := f.dec.ReadToken()
	return grammar(err)
}

func (f *flattener) object() error {
	parent := len(f.path)
	var names map[string][2]int // leaves of each name, only where names may repeat
	if f.twice != doublesRefused {
		names = map[string][2]int{}
	}
	for f.dec.PeekKind() != jsontext.KindEndObject {
		raw, err := f.dec.ReadValue()
		if err != nil {
			return grammar(err)
		}
		if f.name, err = jsontext.AppendUnquote(f.name[:0], raw); err != nil {
			return grammar(err)
		}
		from, name := len(f.leaves), ""
		if names != nil {
			name = string(f.name) // the buffer is used again inside
		}
		if err := f.member(parent); err != nil {
			return err
		}
		f.path = f.path[:parent]
		if names != nil {
			f.forget(names, name, from)
		}
	}
	_, err := f.dec.ReadToken()
	return grammar(err)
}

// forget marks the leaves of the occurrence of a name that does not count.
func (f *flattener) forget(names map[string][2]int, name string, from int) {
	prev, again := names[name]
	span := [2]int{from, len(f.leaves)}
	if again && f.twice == doublesFirst {
		prev, span = span, prev
	}
	names[name] = span
	if again {
		for i := prev[0]; i < prev[1]; i++ {
			f.leaves[i].dead = true
		}
	}
}

// member reads the value of the name in f.name.
func (f *flattener) member(parent int) error {
	switch string(f.name) {
	case "signature":
		return f.left(true)
	case "frame_mode":
		return f.left(false)
	}
	if f.how != toSign {
		if err := keyGrammar(f.name); err != nil {
			return err
		}
	}
	f.push(parent)
	for _, c := range f.name {
		if c == ':' {
			f.path = append(f.path, ':')
		}
		f.path = append(f.path, c)
	}
	return f.value()
}

// left reads a value that is not signed: the signature itself.
func (f *flattener) left(signature bool) error {
	v, err := f.dec.ReadValue()
	if err != nil {
		return grammar(err)
	}
	if f.how == toSign {
		return nil
	}
	root, general := f.depth == 1, f.depth == 2 && string(f.path) == "general" && f.how == strict
	if !signature || (!root && !general) {
		return fmt.Errorf("frame_mode, or a signature, inside the signed text: %w", ErrGrammar)
	}
	if f.signature != nil {
		return fmt.Errorf("two signatures: %w", ErrGrammar)
	}
	if v.Kind() != jsontext.KindString {
		return fmt.Errorf("the signature is not a string: %w", ErrGrammar)
	}
	f.signature, err = jsontext.AppendUnquote([]byte{}, v)
	return grammar(err)
}

// push begins a new last part of the path.
func (f *flattener) push(parent int) {
	f.path = f.path[:parent]
	if parent > 0 {
		f.path = append(f.path, ':')
	}
	f.last = len(f.path)
}

func (f *flattener) leaf(v jsontext.Value) error {
	start := len(f.arena)
	f.arena = append(f.arena, f.path...)
	colon := len(f.arena)
	f.arena = append(f.arena, ':')
	switch v.Kind() {
	case jsontext.KindTrue:
		f.arena = append(f.arena, '1')
	case jsontext.KindFalse:
		f.arena = append(f.arena, '0')
	case jsontext.KindNull:
	case jsontext.KindNumber:
		f.arena = append(f.arena, v...) // the literal: a float would lose digits
	default:
		var err error
		if f.arena, err = jsontext.AppendUnquote(f.arena, v); err != nil {
			return grammar(err)
		}
	}
	f.leaves = append(f.leaves, leaf{start: start, colon: colon, end: len(f.arena)})
	if f.how == strict && len(f.leaves) > maxLeaves {
		return fmt.Errorf("more than %d values: %w", maxLeaves, ErrGrammar)
	}
	if f.most > 0 && len(f.arena) > f.most {
		return fmt.Errorf("more than %d times its length as paths and values: %w", maxSpread, ErrGrammar)
	}
	if len(f.arena)-colon > maxText {
		return fmt.Errorf("a value of more than %d bytes: %w", maxText, ErrGrammar)
	}
	if f.how == toSign {
		return nil
	}
	return f.judge(f.path[f.last:], f.arena[colon+1:])
}

func (f *flattener) judge(key, text []byte) error {
	if f.row >= 0 && f.depth == 3 {
		f.identify(key, text)
	}
	err := textGrammar(key, text, f.how == strictRows)
	if err != nil && f.row >= 0 {
		if f.doubtful == nil {
			f.doubtful = map[int]bool{}
		}
		f.doubtful[f.row] = true
		return nil
	}
	return err
}

// identify notes the row's id, under the first of the endpoint's words for it.
func (f *flattener) identify(key, text []byte) {
	for rank, word := range f.of.ids[:f.id] {
		if string(key) == word {
			if f.ids == nil {
				f.ids = map[int]uint64{}
			}
			f.ids[f.row], f.id = xxh3.Hash(text), rank
			return
		}
	}
}
