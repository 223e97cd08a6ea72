package publish

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// partitionField is the id of the only partition field; the format begins to
// count them at 1000.
const partitionField = 1000

// columnsOf lists the columns of a table's objects as an open-format table shows
// them, with field ids from 1: the table's fields in order, then revision and
// sign. row_hash is left out, since the format has no unsigned numbers.
//
// A column that a later version added, or that a pipeline keeps, is optional:
// objects from before do not have it.
func columnsOf(t *schemas.Table) []iceberg.NestedField {
	var out []iceberg.NestedField
	for _, f := range t.Fields {
		out = append(out, iceberg.NestedField{Name: f.Name, Type: typeOf(f.Kind), Doc: f.Doc,
			Required: !f.Nullable && !f.Kept && f.Since <= 1})
	}
	out = append(out,
		iceberg.NestedField{Name: lake.ColumnRevision, Type: iceberg.PrimitiveTypes.Int32, Required: true,
			Doc: "1 for the first row of a key, then counting"},
		iceberg.NestedField{Name: lake.ColumnSign, Type: iceberg.PrimitiveTypes.Int32, Required: true,
			Doc: "1, or -1 for a row that withdraws the one with the same key and revision"})
	for i := range out {
		out[i].ID = i + 1
	}
	return out
}

// typeOf keeps every value as it lies in the objects: money stays whole minor
// units, instants stay microseconds in UTC.
func typeOf(k schemas.Kind) iceberg.Type {
	switch k {
	case schemas.String, schemas.Code:
		return iceberg.PrimitiveTypes.String
	case schemas.Int32:
		return iceberg.PrimitiveTypes.Int32
	case schemas.Date:
		return iceberg.PrimitiveTypes.Date
	case schemas.Instant:
		return iceberg.PrimitiveTypes.TimestampTz
	}
	return iceberg.PrimitiveTypes.Int64 // Int64, Minor
}

// schemaOf is the schema with which a table begins.
func schemaOf(t *schemas.Table) *iceberg.Schema { return iceberg.NewSchema(0, columnsOf(t)...) }

// specOf splits a table by the month of business_date, as its objects are. A
// catalogue lies in one partition.
func specOf(t *schemas.Table, s *iceberg.Schema) (iceberg.PartitionSpec, error) {
	if t.Catalogue {
		return *iceberg.UnpartitionedSpec, nil
	}
	f, ok := s.FindFieldByName(columnDate)
	if !ok {
		return iceberg.PartitionSpec{}, fmt.Errorf("table %s has no %s to split it by", t.Name, columnDate)
	}
	return iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{f.ID}, FieldID: partitionField,
		Name: columnDate + "_month", Transform: iceberg.MonthTransform{}}), nil
}

// columnDate is the column by whose month objects are split.
const columnDate = "business_date"

// missing lists the columns that a table has and a published schema has not.
func missing(t *schemas.Table, s *iceberg.Schema) []iceberg.NestedField {
	return slices.DeleteFunc(columnsOf(t), func(f iceberg.NestedField) bool {
		_, ok := s.FindFieldByName(f.Name)
		return ok
	})
}

// nameMapping tells readers which column of an object, which carries no field
// ids, is which field.
func nameMapping(s *iceberg.Schema) (string, error) {
	b, err := json.Marshal(s.NameMapping())
	if err != nil {
		return "", fmt.Errorf("name mapping: %w", err)
	}
	return string(b), nil
}

// KeyOf lists the columns that identify a row of a table in all of the lake.
func KeyOf(t *schemas.Table) []string {
	if slices.Contains(t.Key, columnSource) || !t.Has(columnSource) {
		return t.Key
	}
	return append([]string{columnSource}, t.Key...)
}

const columnSource = "source"

// VisibleSQL is a query for the rows of a table that hold: those with sign 1
// that no row with sign -1 withdraws. from is what the engine calls the table,
// and quoted how it quotes names.
func VisibleSQL(t *schemas.Table, from string, quoted func(string) string) string {
	var columns, key []string
	for _, f := range t.Fields {
		columns = append(columns, quoted(f.Name))
	}
	for _, k := range append(slices.Clone(KeyOf(t)), lake.ColumnRevision) {
		key = append(key, quoted(k))
	}
	keys := strings.Join(key, ", ")
	return fmt.Sprintf("SELECT %s\nFROM %s\nWHERE %s = 1 AND (%s) NOT IN (\n  SELECT %s FROM %s WHERE %s = -1)",
		strings.Join(columns, ", "), from, quoted(lake.ColumnSign), keys, keys, from, quoted(lake.ColumnSign))
}
