package lake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"github.com/paylake/paylake/sinks"
)

// A lake may come from anybody: an auditor verifies what an operator hands over.
// The Parquet reader believes the sizes that a file states of itself, and a few
// bytes can state gigabytes. So whatever the reader would believe is compared
// with the file first.

const (
	maxFooter  = 4 << 20   // bytes; ours take a few thousand
	maxRows    = 250_000   // of an object
	maxObject  = 512 << 20 // bytes of an object's pages once they are decompressed
	maxNesting = 12        // of what Parquet describes itself with
)

var errParquet = errors.New("not a Parquet object of this lake")

func notParquet(what string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", errParquet, fmt.Sprintf(what, args...), sinks.ErrCorrupt)
}

// checkFooter reads the end of a file and refuses a description that states more
// than there is room for.
func checkFooter(r io.ReaderAt, size int64) error {
	tail := make([]byte, 8)
	if size < 12 {
		return notParquet("%d bytes", size)
	}
	if _, err := r.ReadAt(tail, size-8); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	if string(tail[4:]) != "PAR1" || n > size-12 || n > maxFooter {
		return notParquet("its end")
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, size-8-n); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	t := thriftText{b: footer}
	if !t.structure(0) {
		return notParquet("its footer")
	}
	return nil
}

// checkMeta refuses a description that is none of an object.
func checkMeta(m *format.FileMetaData, size int64) error {
	if len(m.RowGroups) != 1 || m.NumRows < 0 || m.NumRows > maxRows || m.RowGroups[0].NumRows != m.NumRows {
		return notParquet("%d row groups, %d rows", len(m.RowGroups), m.NumRows)
	}
	total := int64(0)
	for i := range m.RowGroups[0].Columns {
		c := &m.RowGroups[0].Columns[i].MetaData
		begin := c.DataPageOffset
		if c.DictionaryPageOffset > 0 {
			begin = min(begin, c.DictionaryPageOffset)
		}
		if c.Codec != format.Zstd || c.NumValues != m.NumRows || begin < 4 || c.TotalCompressedSize < 0 ||
			c.TotalCompressedSize > size || begin > size-c.TotalCompressedSize || c.TotalUncompressedSize < 0 {
			return notParquet("column %d", i+1)
		}
		if total += c.TotalUncompressedSize; total > maxObject {
			return notParquet("its pages take more than %d MiB", maxObject>>20)
		}
	}
	return nil
}

// checkPages walks the pages of one column: what each says of its size is what
// it has, and what its compressed bytes say of theirs.
func checkPages(r io.ReaderAt, c *format.ColumnMetaData) error {
	begin := c.DataPageOffset
	if c.DictionaryPageOffset > 0 {
		begin = min(begin, c.DictionaryPageOffset)
	}
	data := make([]byte, c.TotalCompressedSize)
	if _, err := r.ReadAt(data, begin); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	values, plain := int64(0), int64(0)
	for len(data) > 0 {
		t := thriftText{b: data, page: true}
		if !t.structure(0) {
			return notParquet("the head of a page")
		}
		body := data[t.at:]
		if t.compressed < 0 || t.compressed > int64(len(body)) || t.plain < 0 || t.values < 0 || t.values > maxRows {
			return notParquet("the size of a page")
		}
		if plain += t.plain; plain > maxObject {
			return notParquet("its pages take more than %d MiB", maxObject>>20)
		}
		if !oneFrame(body[:t.compressed], t.plain) {
			return notParquet("a page that is not what it says")
		}
		if !t.dictionary {
			values += t.values
		}
		data = body[t.compressed:]
	}
	if values != c.NumValues {
		return notParquet("%d values instead of %d", values, c.NumValues)
	}
	return nil
}

// oneFrame reports whether data is one Zstandard frame that says that it holds
// size bytes, and the decompressor keeps to that; or, as small ones say nothing
// of their size, one of a single block, which holds 128 KiB at most.
func oneFrame(data []byte, size int64) bool {
	var h zstd.Header
	if h.Decode(data) != nil || h.Skippable || h.HeaderSize > len(data) || h.HasFCS && int64(h.FrameContentSize) != size {
		return false
	}
	at := h.HeaderSize
	blocks := 0
	for last := false; !last; blocks++ {
		if at+3 > len(data) || blocks > 0 && !h.HasFCS {
			return false
		}
		block := uint32(data[at]) | uint32(data[at+1])<<8 | uint32(data[at+2])<<16
		last = block&1 != 0
		n := int(block >> 3)
		if block>>1&3 == 1 { // one byte, repeated
			n = 1
		}
		at += 3 + n
	}
	if h.HasCheckSum {
		at += 4
	}
	return at == len(data)
}
