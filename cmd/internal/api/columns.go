package api

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// plain is a column's type without what stands around it.
func plain(kind string) (inner string, nullable bool) {
	if rest, ok := strings.CutPrefix(kind, "Nullable("); ok {
		return strings.TrimSuffix(rest, ")"), true
	}
	if rest, ok := strings.CutPrefix(kind, "LowCardinality("); ok {
		return strings.TrimSuffix(rest, ")"), false
	}
	return kind, false
}

// exact reports whether an integer is an amount: it is a string in JSON, because
// a reader's numbers may not hold it.
func exact(c clickhouse.Column) bool {
	kind, _ := plain(c.Type)
	switch kind {
	case "Int128", "UInt128", "UInt64":
		return true
	}
	for _, end := range []string{"_minor", "_centi", "_scaled"} {
		if strings.HasSuffix(c.Name, end) {
			return true
		}
	}
	return false
}

// counted reports whether the server's string is shown as a number.
func counted(c clickhouse.Column) bool {
	kind, _ := plain(c.Type)
	return kind == "Int64" && !exact(c)
}

const (
	integerText = `^-?[0-9]+$`
	decimalText = `^-?[0-9]+(\.[0-9]+)?$`
)

// schemaOf is a column in the document.
func schemaOf(c clickhouse.Column) *huma.Schema {
	kind, nullable := plain(c.Type)
	s := &huma.Schema{Type: huma.TypeString, Nullable: nullable}
	switch {
	case exact(c):
		s.Pattern = integerText
		if strings.HasSuffix(c.Name, "_minor") {
			s.Description = "in the currency's smallest unit"
		}
	case strings.HasPrefix(kind, "Decimal"):
		s.Pattern = decimalText
	case kind == "Date32":
		s.Format = "date"
	case strings.HasPrefix(kind, "DateTime64"):
		s.Format = "date-time"
	case kind == "Int32", kind == "UInt32", kind == "Int64":
		s.Type = huma.TypeInteger
	case kind == "Float64":
		s.Type = huma.TypeNumber
	case kind == "Bool":
		s.Type = huma.TypeBoolean
	case c.Type == "Array(String)":
		s.Type, s.Items = huma.TypeArray, &huma.Schema{Type: huma.TypeString}
	case strings.HasPrefix(c.Type, "Array("):
		s.Type, s.Items = huma.TypeArray, &huma.Schema{Type: huma.TypeObject}
	}
	return s
}

// rowSchema is a row in the document. No column is required: fields chooses.
func rowSchema(columns []clickhouse.Column) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}}
	for _, c := range columns {
		s.Properties[c.Name] = schemaOf(c)
	}
	return s
}
