package flashpay

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// cutter takes a row of any list apart: the members of its object and, one
// level down, of the objects in it, by path (`sum.amount`). Nothing is judged
// but the JSON itself. It keeps its buffers between rows.
type cutter struct {
	dec    jsontext.Decoder
	raw    []byte
	paths  []string          // in the row's order
	values map[string][]byte // path → the value's own bytes
	name   []byte
}

// cut takes one row apart. With lenient it goes on where a key is named twice,
// the first one counting.
func (c *cutter) cut(raw []byte, lenient bool) *problem {
	if c.values == nil {
		c.values = map[string][]byte{}
	}
	clear(c.values)
	c.raw, c.paths = raw, c.paths[:0]
	if len(raw) == 0 || raw[0] != '{' {
		return &problem{reason: reasonNoObject}
	}
	c.dec.Reset(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(lenient))
	return c.object("")
}

func (c *cutter) object(prefix string) *problem {
	if _, err := c.dec.ReadToken(); err != nil {
		return unreadable(err)
	}
	for c.dec.PeekKind() != jsontext.KindEndObject {
		raw, err := c.dec.ReadValue()
		if err != nil {
			return unreadable(err)
		}
		if c.name, err = jsontext.AppendUnquote(c.name[:0], raw); err != nil {
			return unreadable(err)
		}
		path := prefix + string(c.name)
		if prefix == "" && c.dec.PeekKind() == jsontext.KindBeginObject {
			if p := c.object(path + "."); p != nil {
				return p
			}
			continue
		}
		v, err := c.dec.ReadValue()
		if err != nil {
			return unreadable(err)
		}
		if _, twice := c.values[path]; twice {
			continue
		}
		// The decoder's own slice does not outlive its next call.
		end := c.dec.InputOffset()
		c.values[path] = c.raw[end-int64(len(v)) : end : end]
		c.paths = append(c.paths, path)
	}
	if _, err := c.dec.ReadToken(); err != nil {
		return unreadable(err)
	}
	return nil
}
