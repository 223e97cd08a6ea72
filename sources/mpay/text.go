package mpay

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// unquote appends the text of a JSON string.
func unquote(dst, raw []byte) ([]byte, error) {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 {
		return append(dst, raw[1:len(raw)-1]...), nil
	}
	return jsontext.AppendUnquote(dst, raw)
}

// label makes upstream text fit for counters, messages and the quarantine:
// short, printable, and never somebody's number.
func label(b []byte) string {
	if len(b) > 64 {
		b = b[:64]
	}
	s := strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, string(b))
	return schemas.MaskReference(s, region)
}

// counter counts what is new to us on one page, without making a string for a
// name that it has counted before. Beyond maxUnknown names it counts under "…".
type counter struct {
	kinds map[string]map[string]*int64
	names int
}

func (c *counter) reset() { c.kinds, c.names = nil, 0 }

func (c *counter) add(kind string, name []byte) {
	if n, ok := c.kinds[kind][string(name)]; ok {
		*n++
		return
	}
	if c.names >= maxUnknown {
		name = []byte("…")
		if n, ok := c.kinds[kind]["…"]; ok {
			*n++
			return
		}
	}
	if c.kinds == nil {
		c.kinds = map[string]map[string]*int64{}
	}
	if c.kinds[kind] == nil {
		c.kinds[kind] = map[string]*int64{}
	}
	one := int64(1)
	c.kinds[kind][string(name)] = &one
	c.names++
}

func (c *counter) result() map[string]int64 {
	if c.kinds == nil {
		return nil
	}
	out := map[string]int64{}
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		for name, n := range c.kinds[kind] {
			out[kind+label([]byte(name))] += *n
		}
	}
	return out
}

// seenRows remembers the rows of a window in bounded memory, to notice an
// upstream that serves the same rows for ever. It may forget, which only makes
// it notice later. Rows are 32 bits of their hash: small enough for a processor's
// cache, and a row mistaken for another is one of a page's many.
type seenRows []uint32

const seenSlots = 1 << 16

// add remembers a page's rows and reports whether one of them was not
// remembered. They come together so that the processor can fetch many places of
// the table at once.
func (s *seenRows) add(hashes []uint32) (fresh bool) {
	if *s == nil {
		*s = make([]uint32, seenSlots)
	}
	for _, h := range hashes {
		slot := &(*s)[h%seenSlots]
		fresh = fresh || *slot != h
		*slot = h
	}
	return fresh
}

func (s seenRows) reset() { clear(s) }
