package lake

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/paylake/paylake/schemas"
)

// One column chunk of a Parquet file, encoded straight from Arrow columns.
// parquet-go's own writers want rows or boxed values; its encodings and its
// format structs are used here without them, which is several times faster and
// leaves every byte to this file.

const (
	pageRows    = 32_768 // rows per data page
	maxStatText = 64     // longer texts have no statistics: they would only fill the footer
	maxDict     = 32_768 // distinct texts in a dictionary
	sampleRows  = 2_048  // after so many rows, ids are told from codes
)

// chunk is an encoded column chunk: its pages as they stand in the file,
// offsets counted from the chunk's first byte.
type chunk struct {
	data      bytes.Buffer
	meta      format.ColumnMetaData
	index     format.ColumnIndex
	offsets   format.OffsetIndex
	noStats   bool
	dictPages int64 // bytes before the first data page
}

// pageStats are bounds of one page in Parquet's PLAIN form.
type pageStats struct {
	min, max []byte
	nulls    int
	none     bool // every value is null
}

type chunkWriter struct {
	zstd *zstd.Encoder
	chunk
	compressed []byte
	firstRow   int64
}

// page compresses and appends one data page.
func (w *chunkWriter) page(rows int, enc format.Encoding, body []byte, st pageStats) error {
	header := format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{
		NumValues: int32(rows), Encoding: enc, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
	})}
	at := w.data.Len()
	if err := w.append(header, body); err != nil {
		return err
	}
	w.offsets.PageLocations = append(w.offsets.PageLocations, format.PageLocation{
		Offset: int64(at), CompressedPageSize: int32(w.data.Len() - at), FirstRowIndex: w.firstRow})
	w.firstRow += int64(rows)
	w.meta.NumValues += int64(rows)
	w.index.NullPages = append(w.index.NullPages, st.none)
	w.index.MinValues = append(w.index.MinValues, st.min)
	w.index.MaxValues = append(w.index.MaxValues, st.max)
	w.index.NullCounts = append(w.index.NullCounts, int64(st.nulls))
	w.noStats = w.noStats || len(st.min) > maxStatText || len(st.max) > maxStatText
	return nil
}

// dictionary appends the dictionary page, which stands before all data pages.
func (w *chunkWriter) dictionary(d *interner) error {
	body := make([]byte, 0, len(d.values)+4*d.len())
	for i := range int32(d.len()) {
		v := d.value(i)
		body = append(binary.LittleEndian.AppendUint32(body, uint32(len(v))), v...)
	}
	header := format.PageHeader{Type: format.DictionaryPage,
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(d.len()), Encoding: format.Plain})}
	err := w.append(header, body)
	w.dictPages = int64(w.data.Len())
	return err
}

func (w *chunkWriter) append(header format.PageHeader, body []byte) error {
	w.compressed = w.zstd.EncodeAll(body, w.compressed[:0])
	header.UncompressedPageSize = int32(len(body))
	header.CompressedPageSize = int32(len(w.compressed))
	header.CRC = int32(crc32.ChecksumIEEE(w.compressed))
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		return fmt.Errorf("page header: %w", err)
	}
	w.data.Write(head)
	w.data.Write(w.compressed)
	w.meta.TotalUncompressedSize += int64(len(head) + len(body))
	return nil
}

// encodeColumn encodes column i of the table for entries in their order.
func encodeColumn(z *zstd.Encoder, t *schemas.Table, i int, recs []arrow.Record, entries []entry, refs []ref, came func(*entry) int64) (*chunk, error) {
	w := &chunkWriter{zstd: z}
	w.meta.PathInSchema = []string{columnName(t, i)}
	w.meta.Codec = format.Zstd
	var err error
	switch {
	case i == len(t.Fields):
		err = w.ints32(entries, func(e *entry) int32 { return e.revision })
	case i == len(t.Fields)+1:
		err = w.ints32(entries, func(e *entry) int32 { return e.sign })
	case i == len(t.Fields)+2:
		err = w.hashes(entries)
	case i == len(t.Fields)+3:
		err = w.snapshots(entries, came)
	default:
		err = w.field(t.Fields[i], i, columns{recs}, refs)
	}
	if err != nil {
		return nil, fmt.Errorf("encode column %s: %w", columnName(t, i), err)
	}
	w.meta.TotalCompressedSize = int64(w.data.Len())
	return &w.chunk, nil
}

func columnName(t *schemas.Table, i int) string {
	if i < len(t.Fields) {
		return t.Fields[i].Name
	}
	return ownColumns[i-len(t.Fields)]
}

func (w *chunkWriter) field(f schemas.Field, i int, c columns, refs []ref) error {
	var null func(rec, row uint32) bool
	if f.Nullable {
		null = c.null(i)
	}
	switch f.Kind {
	case schemas.String, schemas.Code:
		return w.texts(f.Kind, c.texts(i), refs)
	case schemas.Int32, schemas.Date:
		v := make([][]int32, len(c.recs))
		for r, rec := range c.recs {
			v[r] = int32s(rec.Column(i))
		}
		return encodeInts(w, format.Int32, refs, v, null, deltaInt32)
	}
	v := make([][]int64, len(c.recs))
	for r, rec := range c.recs {
		v[r] = int64s(rec.Column(i))
	}
	return encodeInts(w, format.Int64, refs, v, null, deltaInt64)
}

func deltaInt32(dst []byte, v []int32) ([]byte, error) {
	return new(delta.BinaryPackedEncoding).EncodeInt32(dst, v)
}

func deltaInt64(dst []byte, v []int64) ([]byte, error) {
	return new(delta.BinaryPackedEncoding).EncodeInt64(dst, v)
}

// encodeInts writes numbers as deltas: times and ids that grow take a byte or
// two, amounts as many bits as they have.
func encodeInts[T int32 | int64](w *chunkWriter, physical format.Type, refs []ref, v [][]T,
	null func(rec, row uint32) bool, encode func([]byte, []T) ([]byte, error)) error {
	w.meta.Type, w.meta.Encoding = physical, []format.Encoding{format.RLE, format.DeltaBinaryPacked}
	values, levels := make([]T, 0, min(len(refs), pageRows)), []byte(nil)
	var body, packed []byte
	for len(refs) > 0 {
		page := refs[:min(pageRows, len(refs))]
		refs = refs[len(page):]
		values, levels, body = values[:0], levels[:0], body[:0]
		for i := range page {
			e := page[i]
			if null != nil {
				if null(e.rec, e.row) {
					levels = append(levels, 0)
					continue
				}
				levels = append(levels, 1)
			}
			values = append(values, v[e.rec][e.row])
		}
		var err error
		if null != nil {
			if body, err = appendLevels(body, levels); err != nil {
				return err
			}
		}
		if packed, err = encode(packed[:0], values); err != nil {
			return err
		}
		st := boundsOf(values)
		st.nulls = len(page) - len(values)
		if err := w.page(len(page), format.DeltaBinaryPacked, append(body, packed...), st); err != nil {
			return err
		}
	}
	return nil
}

func appendLevels(body, levels []byte) ([]byte, error) {
	enc, err := (&rle.Encoding{BitWidth: 1}).EncodeLevels(nil, levels)
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(body, uint32(len(enc))), enc...), nil
}

func boundsOf[T int32 | int64](v []T) pageStats {
	if len(v) == 0 {
		return pageStats{none: true}
	}
	lo, hi := v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	return pageStats{min: plainInt(lo), max: plainInt(hi)}
}

func plainInt[T int32 | int64](v T) []byte {
	switch v := any(v).(type) {
	case int32:
		return binary.LittleEndian.AppendUint32(nil, uint32(v))
	case int64:
		return binary.LittleEndian.AppendUint64(nil, uint64(v))
	}
	return nil
}

// ints32 writes a required INT32 column computed from entries.
func (w *chunkWriter) ints32(entries []entry, value func(*entry) int32) error {
	w.meta.Type, w.meta.Encoding = format.Int32, []format.Encoding{format.RLE, format.DeltaBinaryPacked}
	values := make([]int32, 0, min(len(entries), pageRows))
	var body []byte
	for len(entries) > 0 {
		page := entries[:min(pageRows, len(entries))]
		entries = entries[len(page):]
		values = values[:0]
		for i := range page {
			values = append(values, value(&page[i]))
		}
		var err error
		if body, err = deltaInt32(body[:0], values); err != nil {
			return err
		}
		if err := w.page(len(page), format.DeltaBinaryPacked, body, boundsOf(values)); err != nil {
			return err
		}
	}
	return nil
}

// snapshots writes the manifests that the rows of a merged object came with.
func (w *chunkWriter) snapshots(entries []entry, came func(*entry) int64) error {
	all := make([]int64, len(entries))
	refs := make([]ref, len(entries))
	for i := range entries {
		all[i], refs[i] = came(&entries[i]), ref{0, uint32(i)}
	}
	return encodeInts(w, format.Int64, refs, [][]int64{all}, nil, deltaInt64)
}

// hashes writes row_hash PLAIN: nothing makes random bits smaller.
func (w *chunkWriter) hashes(entries []entry) error {
	w.meta.Type, w.meta.Encoding = format.Int64, []format.Encoding{format.RLE, format.Plain}
	var body []byte
	for len(entries) > 0 {
		page := entries[:min(pageRows, len(entries))]
		entries = entries[len(page):]
		body = body[:0]
		lo, hi := page[0].hash, page[0].hash
		for i := range page {
			h := page[i].hash
			body = binary.LittleEndian.AppendUint64(body, h)
			lo, hi = min(lo, h), max(hi, h)
		}
		st := pageStats{min: binary.LittleEndian.AppendUint64(nil, lo), max: binary.LittleEndian.AppendUint64(nil, hi)}
		if err := w.page(len(page), format.Plain, body, st); err != nil {
			return err
		}
	}
	return nil
}
