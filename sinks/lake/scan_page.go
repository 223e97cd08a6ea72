package lake

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"
)

// One page: its head, its bytes, its values.

// page reads the next page of a column: a dictionary, or values.
func (s *scanner) page(c *scanColumn) error {
	t := thriftText{b: c.pages, page: true}
	if !t.structure(0) {
		return notParquet("column %s: the head of a page", c.name)
	}
	body := c.pages[t.at:]
	if t.compressed < 0 || t.compressed > int64(len(body)) || t.plain < 0 || t.values < 0 || t.values > maxRows {
		return notParquet("column %s: the size of a page", c.name)
	}
	if c.plain += t.plain; c.plain > maxObject {
		return notParquet("column %s: its pages take more than %d MiB", c.name, maxObject>>20)
	}
	body, c.pages = body[:t.compressed], body[t.compressed:]
	if !oneFrame(body, t.plain) || t.crc != 0 && uint32(t.crc) != crc32.ChecksumIEEE(body) {
		return notParquet("column %s: a page that is not what it says", c.name)
	}
	var err error
	if s.plain, err = s.zstd.DecodeAll(body, s.plain[:0]); err != nil || int64(len(s.plain)) != t.plain {
		return notParquet("column %s: a page of %d bytes that says %d: %v", c.name, len(s.plain), t.plain, err)
	}
	n, encoding := int(t.values), format.Encoding(t.encoding)
	switch {
	case t.dictionary && c.text && c.n == 0 && c.entries.len() == 0:
		return c.entries.plain(s.plain, n)
	case t.kind == 0:
		c.n, c.at = n, 0
		if err := c.decode(s.plain, encoding); err != nil {
			return notParquet("column %s: %d values in %s: %v", c.name, n, encoding, err)
		}
		return nil
	}
	return notParquet("column %s: a page of kind %d", c.name, t.kind)
}

// decode reads the values of a page. Every count is checked before a decoder
// makes room for it.
func (c *scanColumn) decode(body []byte, encoding format.Encoding) error {
	there := c.n
	c.levels = nil
	if c.nullable {
		var err error
		if body, there, err = c.decodeLevels(body); err != nil {
			return err
		}
	}
	switch {
	case c.text && c.nullable:
		return errParquet
	case c.text:
		return c.decodeTexts(body, encoding)
	case c.small:
		return decodeInts(&c.ints32, body, encoding, c.n, there, c.levels, new(delta.BinaryPackedEncoding).DecodeInt32, 4)
	}
	return decodeInts(&c.ints, body, encoding, c.n, there, c.levels, new(delta.BinaryPackedEncoding).DecodeInt64, 8)
}

// decodeLevels reads which rows have a value and returns how many.
func (c *scanColumn) decodeLevels(body []byte) (rest []byte, there int, err error) {
	if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)) > uint64(len(body)-4) {
		return nil, 0, errParquet
	}
	size := int(binary.LittleEndian.Uint32(body))
	runs, rest := body[4:4+size], body[4+size:]
	if _, err := walkRuns(runs, 1, c.n); err != nil {
		return nil, 0, err
	}
	if c.held, err = (&rle.Encoding{BitWidth: 1}).DecodeLevels(c.held[:0], runs); err != nil {
		return nil, 0, err
	}
	c.held = c.held[:c.n]
	for _, level := range c.held {
		there += int(level & 1)
	}
	if there < c.n {
		c.levels = c.held
	}
	return rest, there, nil
}

func decodeInts[T int32 | int64](out *[]T, body []byte, encoding format.Encoding, rows, there int, levels []byte,
	unpack func([]T, []byte) ([]T, error), width int) error {
	v := slices.Grow((*out)[:0], rows)
	switch encoding {
	case format.DeltaBinaryPacked:
		if n, ok := deltaCount(body); !ok || n != there {
			return errParquet
		}
		var err error
		if v, err = unpack(v[:0], body); err != nil || len(v) != there {
			return errParquet
		}
	case format.Plain:
		if len(body) != there*width {
			return errParquet
		}
		for ; len(body) > 0; body = body[width:] {
			if width == 4 {
				v = append(v, T(int32(binary.LittleEndian.Uint32(body))))
			} else {
				v = append(v, T(binary.LittleEndian.Uint64(body)))
			}
		}
	default:
		return errParquet
	}
	if there < rows { // put them where they belong, the last one first
		v = slices.Grow(v, rows-there)[:rows]
		for i, from := rows-1, there; i >= 0; i-- {
			if levels[i] == 0 {
				v[i] = 0
			} else {
				from--
				v[i] = v[from]
			}
		}
	}
	*out = v
	return nil
}

// deltaCount is the number of values that DELTA_BINARY_PACKED bytes state.
func deltaCount(body []byte) (int, bool) {
	var v [3]uint64 // values of a block, its parts, values in all
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(body); n <= 0 {
			return 0, false
		}
		body = body[n:]
	}
	return int(v[2]), v[2] <= maxRows
}

func (c *scanColumn) decodeTexts(body []byte, encoding format.Encoding) (err error) {
	c.dictionary, c.one = encoding == format.RLEDictionary, false
	switch {
	case c.dictionary:
		return c.decodeIndexes(body)
	case encoding == format.Plain:
		return c.own.plain(body, c.n)
	case encoding != format.DeltaLengthByteArray:
		return errParquet
	}
	if n, ok := deltaCount(body); !ok || n != c.n {
		return errParquet
	}
	c.own.values, c.own.offsets, err = new(delta.LengthByteArrayEncoding).DecodeByteArray(c.own.values, body, c.own.offsets)
	if err == nil && c.own.len() != c.n {
		err = errParquet
	}
	return err
}

func (c *scanColumn) decodeIndexes(body []byte) error {
	if len(body) == 0 || body[0] > 20 {
		return errParquet
	}
	width, runs := int(body[0]), body[1:]
	one, err := walkRuns(runs, width, c.n)
	if err != nil {
		return err
	}
	if c.index, err = (&rle.Encoding{BitWidth: width}).DecodeInt32(c.index[:0], runs); err != nil {
		return err
	}
	c.index, c.one = c.index[:c.n], one
	top, all := int32(c.entries.len()), c.index
	if one && c.n > 0 {
		all = all[:1]
	}
	for _, i := range all {
		if i < 0 || i >= top {
			return errParquet
		}
	}
	return nil
}

// walkRuns checks that runs of RLE and packed numbers hold n numbers, neither
// more nor fewer, before they are unpacked. one: they are all the same, in one
// run.
func walkRuns(src []byte, width, n int) (one bool, err error) {
	runs, sum, packed := 0, 0, false
	for ; len(src) > 0; runs++ {
		head, size := binary.Uvarint(src)
		if size <= 0 || head>>1 > maxRows {
			return false, errParquet
		}
		src = src[size:]
		count, bytes := int(head>>1), (width+7)/8
		if packed = head&1 != 0; packed {
			count, bytes = count*8, count*width
		}
		if bytes > len(src) {
			return false, errParquet
		}
		src = src[bytes:]
		if sum += count; sum > n+7 {
			return false, errParquet
		}
	}
	if sum < n || !packed && sum != n {
		return false, errParquet
	}
	return runs == 1 && !packed, nil
}

// plain reads n texts, each after its length in four bytes.
func (t *textSlab) plain(body []byte, n int) error {
	t.reset()
	for range n {
		if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)) > uint64(len(body)-4) {
			return notParquet("texts that end early")
		}
		size := int(binary.LittleEndian.Uint32(body))
		t.add(body[4 : 4+size])
		body = body[4+size:]
	}
	if len(body) > 0 {
		return notParquet("texts with something behind them")
	}
	return nil
}
