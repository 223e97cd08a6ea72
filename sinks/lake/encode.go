package lake

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/schemas"
)

// From sorted rows to the bytes of an object. Everything here is a function of
// the rows: no clock, no commit number, nothing of the machine.

const createdBy = "paylake version 1 (build lake-format-1)"

// newCompressor returns the ZSTD coder of objects and quarantine files. It
// works for any number of goroutines at once.
func newCompressor(parallel int) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(parallel),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
}

// ref points at a row of a record.
type ref struct{ rec, row uint32 }

// encoded is an object before it is stored.
type encoded struct {
	meta Object
	data []byte
}

// encodeObject encodes entries, which are in order and of one month, and
// describes them. Columns are encoded in parallel.
func encodeObject(z *zstd.Encoder, parallel int, o *order, recs []arrow.Record, entries []entry) (encoded, error) {
	return encodeMerged(z, parallel, o, recs, entries, nil)
}

// encodeMerged is encodeObject with the manifest that each row came with; nil
// where that is the one that names the object.
func encodeMerged(z *zstd.Encoder, parallel int, o *order, recs []arrow.Record, entries []entry, came func(*entry) int64) (encoded, error) {
	t := o.lay.table
	columns := Schema(t)
	if came != nil {
		columns = MergedSchema(t)
	}
	chunks := make([]*chunk, len(columns))
	refs := make([]ref, len(entries)) // a fifth of the entries' size: every column goes through them
	for i := range entries {
		refs[i] = ref{entries[i].rec, entries[i].row}
	}
	var g errgroup.Group
	g.SetLimit(parallel)
	for i := range chunks {
		g.Go(func() (err error) {
			chunks[i], err = encodeColumn(z, t, i, recs, entries, refs, came)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return encoded{}, err
	}
	data, err := assemble(t, columns, chunks, len(entries))
	if err != nil {
		return encoded{}, err
	}
	meta := describe(o, recs, entries)
	meta.SHA256, meta.Bytes = digest(data), int64(len(data))
	meta.Path = objectKey(t.Name, meta.SHA256)
	return encoded{meta, data}, nil
}

func objectKey(table, sha string) string { return "objects/" + table + "/" + sha + ".parquet" }

// assemble lays out a Parquet file: magic, column chunks, column indexes,
// offset indexes, footer.
func assemble(t *schemas.Table, columns []Column, chunks []*chunk, rows int) ([]byte, error) {
	size := 4096
	for _, c := range chunks {
		size += c.data.Len() + 1024
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	out.WriteString("PAR1")
	group := format.RowGroup{NumRows: int64(rows), FileOffset: 4}
	for _, c := range chunks {
		base := int64(out.Len())
		c.meta.DataPageOffset = base + c.dictPages
		if c.dictPages > 0 {
			c.meta.DictionaryPageOffset = base
		}
		for p := range c.offsets.PageLocations {
			c.offsets.PageLocations[p].Offset += base
		}
		c.statistics()
		out.Write(c.data.Bytes())
		c.data = bytes.Buffer{} // the copy in out is the only one needed from here on
		group.TotalByteSize += c.meta.TotalUncompressedSize
		group.TotalCompressedSize += c.meta.TotalCompressedSize
		group.Columns = append(group.Columns, format.ColumnChunk{MetaData: c.meta})
	}
	if err := writeIndexes(out, chunks, group.Columns); err != nil {
		return nil, err
	}
	footer, err := marshal(fileMeta(t, columns, group))
	if err != nil {
		return nil, err
	}
	out.Write(footer)
	out.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(footer))))
	out.WriteString("PAR1")
	return out.Bytes(), nil
}

func writeIndexes(out *bytes.Buffer, chunks []*chunk, columns []format.ColumnChunk) error {
	for i, c := range chunks {
		if c.noStats {
			continue
		}
		b, err := marshal(&c.index)
		if err != nil {
			return err
		}
		columns[i].ColumnIndexOffset, columns[i].ColumnIndexLength = int64(out.Len()), int32(len(b))
		out.Write(b)
	}
	for i, c := range chunks {
		b, err := marshal(&c.offsets)
		if err != nil {
			return err
		}
		columns[i].OffsetIndexOffset, columns[i].OffsetIndexLength = int64(out.Len()), int32(len(b))
		out.Write(b)
	}
	return nil
}

func marshal(v any) ([]byte, error) {
	b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
	if err != nil {
		return nil, fmt.Errorf("parquet footer: %w", err)
	}
	return b, nil
}

func fileMeta(t *schemas.Table, cols []Column, group format.RowGroup) *format.FileMetaData {
	m := &format.FileMetaData{
		Version: 2, NumRows: group.NumRows, RowGroups: []format.RowGroup{group}, CreatedBy: createdBy,
		KeyValueMetadata: []format.KeyValue{
			{Key: "paylake.table", Value: t.Name}, {Key: "paylake.schema_version", Value: strconv.Itoa(t.Version)}},
		Schema: []format.SchemaElement{{Name: "paylake", NumChildren: thrift.New(int32(len(cols)))}},
	}
	for _, c := range cols {
		m.Schema = append(m.Schema, schemaElement(c))
		m.ColumnOrders = append(m.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	return m
}

func schemaElement(c Column) format.SchemaElement {
	e := format.SchemaElement{Name: c.Name, RepetitionType: thrift.New(format.Required)}
	if c.Nullable {
		e.RepetitionType = thrift.New(format.Optional)
	}
	switch c.Physical {
	case "INT32":
		e.Type = thrift.New(format.Int32)
	case "INT64":
		e.Type = thrift.New(format.Int64)
	default:
		e.Type = thrift.New(format.ByteArray)
	}
	switch c.Logical {
	case "UTF8":
		e.ConvertedType = thrift.New(deprecated.UTF8)
		e.LogicalType.Value = &format.StringType{}
	case "DATE":
		e.ConvertedType = thrift.New(deprecated.Date)
		e.LogicalType.Value = &format.DateType{}
	case "TIMESTAMP_MICROS":
		e.ConvertedType = thrift.New(deprecated.TimestampMicros)
		e.LogicalType.Value = &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.MicroSeconds{}}}
	case "UINT64":
		e.ConvertedType = thrift.New(deprecated.Uint64)
		e.LogicalType.Value = &format.IntType{BitWidth: 64}
	}
	return e
}

// statistics derives the chunk's bounds from its pages'.
func (c *chunk) statistics() {
	st := format.Statistics{}
	less := plainLess(c.meta.Type, c.meta.PathInSchema[0] == ColumnRowHash)
	for i, none := range c.index.NullPages {
		st.NullCount += c.index.NullCounts[i]
		if none {
			continue
		}
		if st.MinValue == nil || less(c.index.MinValues[i], st.MinValue) < 0 {
			st.MinValue = c.index.MinValues[i]
		}
		if st.MaxValue == nil || less(st.MaxValue, c.index.MaxValues[i]) < 0 {
			st.MaxValue = c.index.MaxValues[i]
		}
	}
	if c.noStats {
		st.MinValue, st.MaxValue = nil, nil
	}
	c.meta.Statistics = st
}

// plainLess compares values in Parquet's PLAIN form.
func plainLess(physical format.Type, unsigned bool) func(a, b []byte) int {
	switch {
	case physical == format.Int32:
		return func(a, b []byte) int {
			return cmp.Compare(int32(binary.LittleEndian.Uint32(a)), int32(binary.LittleEndian.Uint32(b)))
		}
	case physical == format.Int64 && unsigned:
		return func(a, b []byte) int {
			return cmp.Compare(binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b))
		}
	case physical == format.Int64:
		return func(a, b []byte) int {
			return cmp.Compare(int64(binary.LittleEndian.Uint64(a)), int64(binary.LittleEndian.Uint64(b)))
		}
	}
	return bytes.Compare
}

// describe computes what the manifest says about an object, from its rows.
func describe(o *order, recs []arrow.Record, entries []entry) Object {
	m := Object{Rows: int64(len(entries)), Sums: []Sum{}}
	lo, hi := entries[0].time, entries[0].time
	wlo, whi := entries[0].wallet, entries[0].wallet
	for i := range entries {
		e := &entries[i]
		m.HashSum += e.hash
		lo, hi = min(lo, e.time), max(hi, e.time)
		wlo, whi = min(wlo, e.wallet), max(whi, e.wallet)
	}
	if o.lay.time >= 0 {
		m.MinTime, m.MaxTime = time.UnixMicro(lo).UTC(), time.UnixMicro(hi).UTC()
	}
	m.MinWallet, m.MaxWallet = o.wallets[wlo], o.wallets[whi]
	if o.lay.date >= 0 {
		month := entries[0].month
		m.Month = fmt.Sprintf("%04d-%02d", month/12, month%12+1)
	}
	if o.lay.amount >= 0 {
		m.Sums = sumsOf(o.lay, columns{recs}, entries)
	}
	return m
}

func sumsOf(lay layout, c columns, entries []entry) []Sum {
	amount, currency := c.number(lay.amount), c.text(lay.currency)
	d := newInterner()
	var sums []Sum
	for i := range entries {
		e := &entries[i]
		at := d.intern(currency(e.rec, e.row))
		if int(at) == len(sums) {
			sums = append(sums, Sum{Currency: string(d.value(at))})
		}
		sums[at].Rows++
		v := amount(e.rec, e.row)
		if e.sign < 0 {
			sums[at].Amount = sums[at].Amount.Minus(Amount{}.Add(v))
		} else {
			sums[at].Amount = sums[at].Amount.Add(v)
		}
	}
	slices.SortFunc(sums, func(a, b Sum) int { return cmp.Compare(a.Currency, b.Currency) })
	return sums
}
