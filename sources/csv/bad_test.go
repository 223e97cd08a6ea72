package csv

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// What banks send and should not: each is named with file, line and column, and
// either refused or kept as it is; what stands around it is read.
func TestBadInputIsNamed(t *testing.T) {
	const good = "R%d;acc;01.04.2026;1,00;AZN;x;y;z\n"
	first, last := fmt.Sprintf(good, 1), fmt.Sprintf(good, 9)
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for name, c := range map[string]struct {
		text string
		want string // of the file's error, or each reject
		rows int
	}{
		"a column is missing":         {strings.Replace(heading, ";Tarix", "", 1) + "R1;acc;1,00;AZN;x;y;z\n", "f.csv: line 1: no column for booked_at (Tarix)", 0},
		"a column is there twice":     {"Tarix;" + heading + "01.04.2026;" + first, "f.csv: line 1: columns 1 and 4 (Tarix, Tarix) are both booked_at; keep one of the two", 0},
		"it is empty":                 {"", "f.csv: the file is empty", 0},
		"it is a byte order mark":     {"\xef\xbb\xbf", "f.csv: the file is empty", 0},
		"it has no heading":           {first + last, "f.csv: no heading among the first 40 lines", 0},
		"it is UTF-16":                {"\xff\xfeR\x00", "f.csv: the file is UTF-16", 0},
		"it is gzip":                  {"\x1f\x8b\x08\x00", "f.csv: the file is compressed with gzip; unpack it: gunzip", 0},
		"it is a spreadsheet":         {"PK\x03\x04\x14\x00", "f.csv: the file is a zip archive or a spreadsheet", 0},
		"its lines end in CR":         {strings.ReplaceAll(heading+first, "\n", "\r"), "f.csv: the lines of the file end in CR alone", 0},
		"only a heading":              {heading, "", 0},
		"a byte order mark":           {"\xef\xbb\xbf" + heading + first, "", 1},
		"CR LF":                       {crlf(heading + first + last), "", 2},
		"CR LF with a bad row":        {crlf(heading + first + "R2;acc;x;1,00;AZN;x;y;z\n" + last), "f.csv:3 time_syntax booked_at (column 3)", 2},
		"another delimiter":           {heading + first + "R2,acc,01.04.2026,1.00,AZN,x,y,z\n" + last, "f.csv:3 column_count", 2},
		"delimiters mixed in a row":   {heading + first + "R2;acc,01.04.2026;1,00;AZN;x;y;z\n" + last, "f.csv:3 column_count", 2},
		"one field too many":          {heading + first + "R2;acc;01.04.2026;1,00;AZN;x;y;z;more\n" + last, "f.csv:3 column_count", 2},
		"a quote in the middle":       {heading + first + "R2;acc;01.04.2026;1,00;AZN;x \"y\" z;y;z\n" + last, "f.csv:3 broken_quote (column 6)", 2},
		"a quote ends too early":      {heading + first + "R2;acc;01.04.2026;1,00;AZN;\"x\" y;y;z\n" + last, "f.csv:3 broken_quote (column 6)", 2},
		"a quote never closes":        {heading + first + "R2;acc;01.04.2026;1,00;AZN;\"x;y;z\n" + last, "f.csv:3 broken_quote (column 6)", 2},
		"a quote over two lines":      {heading + first + "R2;acc;31.31.2026;1,00;AZN;\"x\ny\";y;z\nR3;acc;0;1,00;AZN;x;y;z\n" + last, "f.csv:3 time_syntax booked_at (column 3)\nf.csv:5 time_syntax booked_at (column 3)", 2},
		"a formula":                   {heading + "R1;acc;01.04.2026;1,00;AZN;=HYPERLINK(1);@SUM(A1);z\n", "", 1},
		"a formula for an amount":     {heading + "R1;acc;01.04.2026;=1+1;AZN;x;y;z\n" + last, "f.csv:2 amount_syntax amount (column 4)", 1},
		"a letter of Windows-1254":    {heading + first + "R2;acc;01.04.2026;1,00;AZN;\xf6deni\xfe;y;z\n" + last, "f.csv:3 text_not_utf8 remittance_information (column 6)", 2},
		"what a wrong program left":   {heading + first + "R2;acc;01.04.2026;1,00;AZN;\ufffd;y;z\n" + last, "f.csv:3 text_not_utf8 remittance_information (column 6)", 2},
		"a zero byte":                 {heading + first + "R2;acc;01.04.2026;1,00;AZN;x\x00;y;z\n" + last, "f.csv:3 text_not_utf8 remittance_information (column 6)", 2},
		"month before day":            {heading + first + "R2;acc;04.13.2026;1,00;AZN;x;y;z\n" + last, "f.csv:3 time_syntax booked_at (column 3)", 2},
		"year before month":           {heading + first + "R2;acc;2026.04.13;1,00;AZN;x;y;z\n" + last, "f.csv:3 time_syntax booked_at (column 3)", 2},
		"an amount with a point":      {heading + first + "R2;acc;01.04.2026;1.00;AZN;x;y;z\n" + last, "f.csv:3 amount_syntax amount (column 4)", 2},
		"an id for two rows":          {heading + first + "R1;acc;01.04.2026;2,00;AZN;x;y;z\n" + last, "f.csv:3 id_twice entry_id (column 1)", 2},
		"a field of 70 KB":            {heading + first + "R2;acc;01.04.2026;1,00;AZN;" + strings.Repeat("x", 70<<10) + ";y;z\n" + last, "f.csv:3 too_long (column 6)", 2},
		"a line of 2 MB":              {heading + first + strings.Repeat("x;", 1<<20) + "\n" + last, "f.csv:3 too_long", 2},
		"two thousand fields":         {heading + first + strings.Repeat("x;", 2000) + "\n" + last, "f.csv:3 column_count (column 1025)", 2},
		"nothing but line ends after": {heading + first + "\n\n\r\n;;;;;;;\n", "", 1},
	} {
		o := readAs(t, plainBank(), c.text, 2, pageRows, 0)
		var got []string
		if o.err != nil {
			if !errors.Is(o.err, sources.ErrShape) {
				t.Errorf("%s: an error of another kind: %v", name, o.err)
			}
			got = append(got, o.err.Error())
		}
		for _, x := range o.rejects {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", x.RowID, x.Reason, x.Field)))
		}
		text := strings.Join(got, "\n")
		if text != c.want && (o.err == nil || c.want == "" || !strings.HasPrefix(text, c.want)) || len(o.rows) != c.rows {
			t.Errorf("%s: %d rows, %q; want %d and %q", name, len(o.rows), text, c.rows, c.want)
		}
	}
	o := readFile(t, plainBank(), heading+"R1;acc;01.04.2026;1,00;AZN;=HYPERLINK(1);@SUM(A1);z\n")
	if len(o.rows) != 1 || o.rows[0]["remittance_information"] != "=HYPERLINK(1)" || o.rows[0]["provider_code"] != "@SUM(A1)" {
		t.Errorf("a formula is data: %v", o.rows)
	}
}

// A compressed file is named, whatever it is called; what is no statement at all
// is left alone.
func TestPackedFilesAreNamed(t *testing.T) {
	s, _ := shelfOf(t, plainBank(), map[string]string{"a.csv": heading, "b.csv.gz": "\x1f\x8b", "c/d.ZIP": "PK", "e.xlsx": "PK", "notes.pdf": "x", ".f.csv.gz": "x"})
	units, err := s.Files(t.Context(), map[string]schemas.File{}, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range units {
		o := collect(t, u.Source)
		got = append(got, fmt.Sprintf("%s %v", u.Name, o.err))
		if o.err != nil && !errors.Is(o.err, sources.ErrShape) {
			t.Errorf("%s: %v", u.Name, o.err)
		}
	}
	want := []string{"a.csv <nil>", "b.csv.gz b.csv.gz is compressed with gzip and was not read; unpack it: gunzip b.csv.gz (unreadable answer)",
		"c/d.ZIP c/d.ZIP is a zip archive or a spreadsheet and was not read; unpack it, or save the sheet as CSV: d.ZIP (unreadable answer)",
		"e.xlsx e.xlsx is a zip archive or a spreadsheet and was not read; unpack it, or save the sheet as CSV: e.xlsx (unreadable answer)"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	seen, n, err := s.Look(t.Context(), 3)
	if err != nil || n != 4 || seen[2].Err == nil {
		t.Errorf("check: %d files, %+v, %v", n, seen, err)
	}
}
