package export

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// groupRows is the size of every row group but the last. Pages end where the
// writer's batches do, so rows are collected to this number first: the file
// must not depend on how they came.
const groupRows = 65_536

// parquetWriter writes Parquet with ZSTD: amounts as decimals, times in
// microseconds UTC.
type parquetWriter struct {
	out   io.Writer
	file  *pqarrow.FileWriter
	held  []arrow.Record
	count int64
}

func (p *parquetWriter) Write(rec arrow.Record) error {
	if p.file == nil {
		if err := p.begin(rec.Schema()); err != nil {
			return err
		}
	}
	for at := int64(0); at < rec.NumRows(); {
		n := min(rec.NumRows()-at, groupRows-p.count)
		p.held = append(p.held, rec.NewSlice(at, at+n))
		p.count += n
		at += n
		if p.count == groupRows {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return p.own()
}

// own copies what is held: the caller's record may live in a buffer that is
// used again.
func (p *parquetWriter) own() error {
	if len(p.held) == 0 {
		return nil
	}
	one, err := joined(p.held)
	if err != nil {
		return err
	}
	p.release()
	p.held = []arrow.Record{one}
	return nil
}

func (p *parquetWriter) begin(schema *arrow.Schema) (err error) {
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithMaxRowGroupLength(groupRows), parquet.WithCreatedBy("paylake export 1"))
	p.file, err = pqarrow.NewFileWriter(schema, closeless{p.out}, props, pqarrow.DefaultWriterProps())
	return err
}

// closeless keeps the Parquet writer from closing what it was given.
type closeless struct{ io.Writer }

func (p *parquetWriter) flush() error {
	if len(p.held) == 0 {
		return nil
	}
	one, err := joined(p.held)
	if err != nil {
		return err
	}
	defer one.Release()
	p.release()
	p.count = 0
	return p.file.Write(one)
}

func (p *parquetWriter) release() {
	for _, r := range p.held {
		r.Release()
	}
	p.held = nil
}

// joined makes one record of several, in memory of its own.
func joined(recs []arrow.Record) (arrow.Record, error) {
	columns := make([]arrow.Array, recs[0].NumCols())
	rows := int64(0)
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range columns {
		parts := make([]arrow.Array, len(recs))
		for n, r := range recs {
			parts[n] = r.Column(i)
		}
		var err error
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, fmt.Errorf("column %s: %w", recs[0].ColumnName(i), err)
		}
		rows = int64(columns[i].Len())
	}
	return array.NewRecord(recs[0].Schema(), columns, rows), nil
}

func (p *parquetWriter) Close() error {
	defer p.release()
	if p.file == nil {
		return errors.New("no schema came")
	}
	if err := p.flush(); err != nil {
		return err
	}
	return p.file.Close()
}
