package lake

import "github.com/paylake/paylake/schemas"

// Names of the columns that the lake adds after a table's own.
const (
	ColumnRevision = "revision"
	ColumnSign     = "sign"
	ColumnRowHash  = "row_hash"
	ColumnSnapshot = "snapshot" // of merged objects alone: the manifest that the row came with
)

var ownColumns = []string{ColumnRevision, ColumnSign, ColumnRowHash, ColumnSnapshot}

// Column is one Parquet column of an object.
type Column struct {
	Name     string
	Kind     schemas.Kind // of the table's field; meaningless for the lake's own three
	Nullable bool         // OPTIONAL; every other column is REQUIRED
	Physical string       // INT32, INT64 or BYTE_ARRAY
	Logical  string       // UTF8, DATE, TIMESTAMP_MICROS (adjusted to UTC), UINT64, or empty
}

// Schema returns the Parquet columns of a table's objects: its fields in
// order, then revision (1 for a key's first row), sign (1, or -1 for a row that
// withdraws another) and row_hash (schemas.Hasher over the table's fields).
func Schema(t *schemas.Table) []Column {
	columns := make([]Column, 0, len(t.Fields)+3)
	for _, f := range t.Fields {
		c := Column{Name: f.Name, Kind: f.Kind, Nullable: f.Nullable}
		c.Physical, c.Logical = parquetType(f.Kind)
		columns = append(columns, c)
	}
	return append(columns,
		Column{Name: ColumnRevision, Kind: schemas.Int32, Physical: "INT32"},
		Column{Name: ColumnSign, Kind: schemas.Int32, Physical: "INT32"},
		Column{Name: ColumnRowHash, Kind: schemas.Int64, Physical: "INT64", Logical: "UINT64"})
}

// MergedSchema returns the columns of an object that a compaction wrote: the
// same, and the number of the manifest that each row was committed by.
func MergedSchema(t *schemas.Table) []Column {
	return append(Schema(t), Column{Name: ColumnSnapshot, Kind: schemas.Int64, Physical: "INT64"})
}

func parquetType(k schemas.Kind) (physical, logical string) {
	switch k {
	case schemas.String, schemas.Code:
		return "BYTE_ARRAY", "UTF8"
	case schemas.Int32:
		return "INT32", ""
	case schemas.Date:
		return "INT32", "DATE"
	case schemas.Instant:
		return "INT64", "TIMESTAMP_MICROS"
	}
	return "INT64", ""
}
