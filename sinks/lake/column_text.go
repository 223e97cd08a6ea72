package lake

import (
	"bytes"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"

	"github.com/paylake/paylake/schemas"
)

// texts writes a text column: as a dictionary while its values repeat, else as
// lengths and bytes. Which of the two depends on the values alone.
func (w *chunkWriter) texts(kind schemas.Kind, value texts, refs []ref) error {
	w.meta.Type = format.ByteArray
	if d, indexes, ok := internColumn(kind, value, refs); ok {
		w.meta.Encoding = []format.Encoding{format.Plain, format.RLE, format.RLEDictionary}
		return w.indexes(d, indexes)
	}
	w.meta.Encoding = []format.Encoding{format.RLE, format.DeltaLengthByteArray}
	return w.lengths(value, refs)
}

// internColumn numbers the column's values, and gives up on one that has too
// many: ids betray themselves within the first rows.
func internColumn(kind schemas.Kind, value texts, refs []ref) (*interner, []int32, bool) {
	d := newInterner()
	indexes := make([]int32, len(refs))
	if value.empty() {
		d.intern("")
		return d, indexes, true
	}
	for n, e := range refs {
		indexes[n] = d.intern(value.at(e.rec, e.row))
		if n == sampleRows && kind == schemas.String && d.len() > sampleRows/4 || d.len() > maxDict {
			return nil, nil, false
		}
	}
	return d, indexes, true
}

func (w *chunkWriter) indexes(d *interner, indexes []int32) error {
	if err := w.dictionary(d); err != nil {
		return err
	}
	enc := rle.Encoding{BitWidth: d.width()}
	used := make([]bool, d.len())
	var packed, body []byte
	for len(indexes) > 0 {
		page := indexes[:min(pageRows, len(indexes))]
		indexes = indexes[len(page):]
		var err error
		if packed, err = enc.EncodeInt32(packed[:0], page); err != nil {
			return err
		}
		body = append(append(body[:0], byte(enc.BitWidth)), packed...)
		if err := w.page(len(page), format.RLEDictionary, body, d.bounds(page, used)); err != nil {
			return err
		}
	}
	return nil
}

// bounds finds the smallest and largest value that a page uses.
func (d *interner) bounds(page []int32, used []bool) pageStats {
	clear(used)
	for _, i := range page {
		used[i] = true
	}
	var st pageStats
	first := true
	for i, u := range used {
		if !u {
			continue
		}
		v := d.value(int32(i))
		if first || bytes.Compare(v, st.min) < 0 {
			st.min = v
		}
		if first || bytes.Compare(v, st.max) > 0 {
			st.max = v
		}
		first = false
	}
	st.min, st.max = bytes.Clone(st.min), bytes.Clone(st.max)
	return st
}

func (w *chunkWriter) lengths(value texts, refs []ref) error {
	var values, body []byte
	offsets := make([]uint32, 0, min(len(refs), pageRows)+1)
	for len(refs) > 0 {
		page := refs[:min(pageRows, len(refs))]
		refs = refs[len(page):]
		values, offsets = values[:0], append(offsets[:0], 0)
		lo, hi := value.at(page[0].rec, page[0].row), value.at(page[0].rec, page[0].row)
		for i := range page {
			s := value.at(page[i].rec, page[i].row)
			values = append(values, s...)
			offsets = append(offsets, uint32(len(values)))
			if s < lo {
				lo = s
			} else if s > hi {
				hi = s
			}
		}
		var err error
		if body, err = new(delta.LengthByteArrayEncoding).EncodeByteArray(body[:0], values, offsets); err != nil {
			return err
		}
		if err := w.page(len(page), format.DeltaLengthByteArray, body, pageStats{min: []byte(lo), max: []byte(hi)}); err != nil {
			return err
		}
	}
	return nil
}
