package publish

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/apache/iceberg-go"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// dataFile describes an object of the lake to readers of the table, from what
// its manifest says alone: no byte of the object is read or copied. Readers skip
// objects by month, by event time and by wallet.
func dataFile(root string, t *schemas.Table, s *iceberg.Schema, spec iceberg.PartitionSpec, o lake.Object) (iceberg.DataFile, error) {
	partition, err := partitionOf(spec, o)
	if err != nil {
		return nil, err
	}
	b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentData, root+"/"+o.Path, iceberg.ParquetFile,
		partition, nil, nil, o.Rows, o.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	lower, upper := map[int][]byte{}, map[int][]byte{}
	counts, nulls := map[int]int64{}, map[int]int64{}
	bound := func(column string, low, high []byte) {
		if f, ok := s.FindFieldByName(column); ok {
			lower[f.ID], upper[f.ID], counts[f.ID], nulls[f.ID] = low, high, o.Rows, 0
		}
	}
	if t.Time != "" && !o.MinTime.IsZero() {
		bound(t.Time, micros(o.MinTime), micros(o.MaxTime))
	}
	if o.MaxWallet != "" {
		bound("wallet_id", []byte(o.MinWallet), []byte(o.MaxWallet))
	}
	if len(lower) > 0 {
		b.LowerBoundValues(lower).UpperBoundValues(upper).ValueCounts(counts).NullValueCounts(nulls)
	}
	return b.Build(), nil
}

// partitionOf is the month of an object, counted from January 1970.
func partitionOf(spec iceberg.PartitionSpec, o lake.Object) (map[int]any, error) {
	if spec.IsUnpartitioned() {
		return nil, nil
	}
	month, err := time.Parse("2006-01", o.Month)
	if err != nil {
		return nil, fmt.Errorf("%s: its manifest gives no month (%q)", o.Path, o.Month)
	}
	return map[int]any{partitionField: int32((month.Year()-1970)*12 + int(month.Month()) - 1)}, nil
}

// micros is an instant as the format stores bounds: 8 bytes, little-endian.
func micros(t time.Time) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(t.UnixMicro()))
}
