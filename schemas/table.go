package schemas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Kind is the type of a field. It fixes the Arrow, Parquet and ClickHouse types
// together, so that the three can never drift apart.
type Kind uint8

const (
	String  Kind = iota // UTF-8 text; absent is "" and never NULL
	Code                // text from a small vocabulary (dictionary-encoded at rest)
	Int32               // a small number: an offset in seconds, a revision
	Int64               // a number that is not money
	Minor               // money: int64 minor units of the row's currency
	Instant             // microseconds since the epoch, UTC
	Date                // a business date: days since the epoch
)

var kinds = map[Kind]struct {
	name  string
	arrow arrow.DataType
}{
	String:  {"string", arrow.BinaryTypes.String},
	Code:    {"code", arrow.BinaryTypes.String},
	Int32:   {"int32", arrow.PrimitiveTypes.Int32},
	Int64:   {"int64", arrow.PrimitiveTypes.Int64},
	Minor:   {"minor", arrow.PrimitiveTypes.Int64},
	Instant: {"instant", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
	Date:    {"date", arrow.FixedWidthTypes.Date32},
}

func (k Kind) String() string { return kinds[k].name }

// Arrow returns the Arrow type of values of this kind.
func (k Kind) Arrow() arrow.DataType { return kinds[k].arrow }

// Field is one column of a table.
type Field struct {
	Name     string
	Kind     Kind
	Nullable bool   // numbers, dates and instants may be; text is "" instead
	Doc      string // meaning, unit and source, for people
	Kept     bool   // added by `keep:` in a pipeline, not part of the versioned promise
	// Since is the version that added the column; 0 for the first. A later column
	// is text or nullable: rows written before it read as empty or NULL, and hash
	// as they always did.
	Since int
}

// Table is what a row is, what makes it unique, and which version of that
// promise this is. Tables are values: never change one that is shared.
type Table struct {
	Name    string
	Version int
	Doc     string
	// Key names the columns that identify a row inside one source.
	Key []string
	// Time names the event-time column: an instant that a revision does not
	// move. Empty for a catalogue.
	Time string
	// Catalogue marks a table that has no windows: it is read whole, compared
	// whole, and lies in one partition. A row that its upstream no longer lists
	// is kept and retired, see Retires.
	Catalogue bool
	// Observed marks a table that has no windows either, but whose rows
	// accumulate: every read asks for the state of now, and the row says in its
	// Time column which instant it is about.
	Observed bool
	// Amount, Currency and Provider name the columns of the control totals;
	// empty when a row carries no money.
	Amount, Currency, Provider string
	// Balance names the nullable column with the running balance after the row;
	// empty when the table has no balance chain.
	Balance string
	// Progress says how a row moves from state to state; nil where what was read
	// last is what is so. A table with a balance chain has none.
	Progress *Progress
	Fields   []Field
}

// Index returns the position of a column, and panics on a name the table does
// not have: that is a programming error.
func (t *Table) Index(name string) int {
	i := slices.IndexFunc(t.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		panic(fmt.Sprintf("schemas: table %s has no column %q", t.Name, name))
	}
	return i
}

// Has reports whether the table has a column of that name.
func (t *Table) Has(name string) bool {
	return slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Name == name })
}

// Whole reports whether the table is read without a window: a catalogue, or
// what is observed.
func (t *Table) Whole() bool { return t.Catalogue || t.Observed }

// StatusRetired is the status of a catalogue's row that no longer holds.
const StatusRetired = "retired"

// Retires reports whether a row that a whole reading no longer lists becomes a
// revision of status retired, with the epoch as its updated_at: the upstream did
// not say when.
func (t *Table) Retires() bool { return t.Catalogue && t.Has("status") }

// AsOf returns the table as an earlier version had it: without the columns that
// came later.
func (t *Table) AsOf(version int) *Table {
	c := *t
	c.Version = version
	c.Fields = slices.DeleteFunc(slices.Clone(t.Fields), func(f Field) bool { return f.Since > version })
	return &c
}

// Keep returns a copy of t with one text column more per name, for upstream
// fields that a pipeline wants although no version of the table has them.
// Names that the table has already are left out.
func (t *Table) Keep(names ...string) *Table {
	c := *t
	c.Fields = slices.Clone(t.Fields)
	names = slices.Sorted(slices.Values(names))
	for _, n := range slices.Compact(names) {
		if !c.Has(n) {
			c.Fields = append(c.Fields, Field{Name: n, Kind: String, Kept: true, Doc: "kept as it came (keep:)"})
		}
	}
	return &c
}

// ArrowSchema returns the schema of the records that sources hand over: the
// table's fields in order.
func (t *Table) ArrowSchema() *arrow.Schema {
	fields := make([]arrow.Field, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = arrow.Field{Name: f.Name, Type: f.Kind.Arrow(), Nullable: f.Nullable}
	}
	return arrow.NewSchema(fields, nil)
}

// Describe prints the promise of the table as text: what the golden files hold.
func (t *Table) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s version %d\nkey %s\n", t.Name, t.Version, strings.Join(t.Key, ", "))
	fmt.Fprintf(&b, "time %s catalogue %t\ntotals %s %s %s balance %s\n",
		t.Time, t.Catalogue, t.Provider, t.Currency, t.Amount, t.Balance)
	if t.Observed {
		b.WriteString("observed true\n")
	}
	for _, f := range t.Fields {
		null := ""
		if f.Nullable {
			null = " nullable"
		}
		since := ""
		if f.Since > 0 {
			since = fmt.Sprintf(" since %d", f.Since)
		}
		fmt.Fprintf(&b, "%s %s%s%s\n", f.Name, f.Kind, null, since)
	}
	return b.String()
}
