package csv

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/paylake/paylake/sources"
)

// FuzzFile: whatever the bytes, a file is rows and rejects, or an error that
// says so. No row is lost: every line with text is one of the three.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{heading, heading + "R1;acc;18.03.2026;-1,00;AZN;x;y;z\n", "\xef\xbb\xbf" + heading + "R1;acc;31.02.2026;-1;AZN;x;y;z\r\n",
		strings.ReplaceAll(heading, ";", ",") + "a,b,01.01.2026,1,AZN,\"x\"\"\n\",,\n", heading + "\"R;acc;1;1;1\n\"\";;;;;;;\n", "\xff\xfe", "", "\n\n\n",
		heading + "R1;acc;18.03.2026;- 1 000,00;AZN;\xf6\xe7;y;z\n", heading + "R1;acc;18.03.2026;9999999999999999999,00;AZN;x;y;z", strings.Repeat("\"", 300)} {
		f.Add([]byte(seed), byte(0))
		f.Add([]byte(seed), byte(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, encoding byte) {
		m := plainBank()
		m.Encoding = []string{"", "windows-1251", "windows-1254"}[encoding%3]
		o := readFile(t, m, string(data))
		if o.err != nil {
			if !errors.Is(o.err, sources.ErrShape) {
				t.Fatalf("error of no known kind: %v", o.err)
			}
			return
		}
		for _, r := range o.rejects {
			if r.Reason == "" || r.RowID == "" || len(r.Raw) == 0 {
				t.Fatalf("a reject without a reason, a place or its text: %+v", r)
			}
		}
	})
}

// FuzzScan: records cover the bytes from end to end, and blocks of any size give
// the same records.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{"a;b\n", "\"a;\n\"\"b\";c\r\n", "\"open\nnext;x\n", "a\"b;c\n", "\"a\"b;c\n;\n", "\r\n\r"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, one := records(newScanner(bytes.NewReader(data), ';')), records(newScanner(&slow{data}, ';'))
		if strings.Join(whole, "\x00") != strings.Join(one, "\x00") {
			t.Fatalf("at once %q, byte by byte %q", whole, one)
		}
	})
}

type slow struct{ left []byte }

func (s *slow) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	p[0], s.left = s.left[0], s.left[1:]
	return 1, nil
}

func records(s *scanner) (out []string) {
	for s.next() == nil {
		if s.bad != nil {
			out = append(out, "bad "+string(s.bad.reason)+" "+string(s.raw))
			continue
		}
		out = append(out, string(bytes.Join(s.fields, []byte{0})))
	}
	return out
}

// A stated order is followed, an impossible day in it is refused, an ambiguous
// one is read as stated.
func TestDatesFollowTheStatedOrder(t *testing.T) {
	for _, c := range []struct{ layout, text, want string }{
		{"dd.MM.yyyy", "31.12.2026", "2026-12-30 20:00:00Z"}, {"dd.MM.yyyy", "12.31.2026", "time_syntax"},
		{"dd.MM.yyyy", "03.04.2026", "2026-04-02 20:00:00Z"}, {"MM.dd.yyyy", "03.04.2026", "2026-03-03 20:00:00Z"},
		{"dd.MM.yyyy", "29.02.2025", "time_syntax"}, {"dd.MM.yyyy", "1.4.2026", "time_syntax"}, {"dd.MM.yyyy HH:mm", "01.04.2026 12:00 ", "2026-04-01 08:00:00Z"},
		{"yyyy-MM-ddTHH:mm:ssZ", "2026-04-01T12:00:00.25+0600", "2026-04-01 06:00:00.25Z"}, {"dd.MM.yy", "01.04.26", "2026-03-31 20:00:00Z"},
	} {
		m := plainBank()
		m.Dates = []string{c.layout}
		o := readFile(t, m, heading+"R1;acc;"+c.text+";1,00;AZN;x;y;z\n")
		got := ""
		switch {
		case len(o.rows) == 1:
			got = o.rows[0]["booked_at"]
		case len(o.rejects) == 1:
			got = string(o.rejects[0].Reason)
		}
		if got != c.want {
			t.Errorf("%s in %s: %s, want %s (%v)", c.text, c.layout, got, c.want, o.err)
		}
	}
}

// Amounts are digits, a stated decimal sign and stated separators between whole
// groups; everything else is refused.
func TestAmounts(t *testing.T) {
	m := plainBank()
	for text, want := range map[string]string{"1 234,50": "123450", "1\u00a0234\u202f567,8": "123456780", "\u221212,00": "-1200", "+0,07": "7",
		"1,234": "amount_scale", "1.234,50": "amount_syntax", "12 34,50": "amount_syntax", "1 2345": "amount_syntax", "": "missing_field",
		"1e3": "amount_syntax", "(5,00)": "amount_syntax", "5,": "amount_syntax", ",5": "amount_syntax", "12345678901234567,00": "amount_range"} {
		o := readFile(t, m, heading+"R1;acc;01.04.2026;"+text+";AZN;x;y;z\n")
		got := ""
		if len(o.rows) == 1 {
			got = o.rows[0]["amount_minor"]
		} else if len(o.rejects) == 1 {
			got = string(o.rejects[0].Reason)
		}
		if got != want {
			t.Errorf("%q: %s, want %s (%v)", text, got, want, o.err)
		}
	}
}

// The same letters in three encodings are the same row; the wrong one is seen.
func TestEncodings(t *testing.T) {
	const word = "ödəniş"
	turkish := strings.NewReplacer("ö", "\xf6", "ş", "\xfe", "ğ", "\xf0", "ə", "e", "ı", "\xfd").Replace("Ref;Hesab;Tarix;Mebl\xf0;Valyuta;Teyinat\nR1;acc;01.04.2026;1,00;AZN;ödeni\xfe\n")
	cyrillic := "Ref;Hesab;Tarix;Mebleg;Valyuta;Teyinat\nR1;acc;01.04.2026;1,00;AZN;\xef\xeb\xe0\xf2\xe5\xe6\n"
	m := plainBank()
	m.Columns["amount"], m.Columns["remittance_information"] = []string{"Meblğ", "Mebleg"}, []string{"Teyinat"}
	for encoding, c := range map[string][2]string{"windows-1254": {turkish, "ödeniş"}, "windows-1251": {cyrillic, "платеж"}} {
		m.Encoding = encoding
		o := readFile(t, m, c[0])
		if o.err != nil || len(o.rows) != 1 || o.rows[0]["remittance_information"] != c[1] {
			t.Errorf("%s: %+v", encoding, o)
		}
	}
	m = plainBank()
	row := heading + "R1;acc;01.04.2026;1,00;AZN;" + word + ";y;z\n"
	m.Encoding = "windows-1251"
	if o := readFile(t, m, row); o.err == nil || !strings.Contains(o.err.Error(), "encoding: utf-8") {
		t.Errorf("UTF-8 read as windows-1251: %+v", o)
	}
	if o := readFile(t, m, "\xef\xbb\xbf"+row); o.err != nil || len(o.rows) != 1 {
		t.Errorf("a byte order mark decides: %+v", o)
	}
	m.Encoding = ""
	if o := readFile(t, m, heading+"R1;acc;01.04.2026;1,00;AZN;\xf6d;y;z\n"); len(o.rejects) != 1 || o.rejects[0].Reason != "text_not_utf8" || *o.rejects[0].Amount != 100 {
		t.Errorf("a letter of another encoding: %+v", o)
	}
}

// Rows without an id of their own are known by content and place among equals.
func TestRowsWithoutAnID(t *testing.T) {
	m := plainBank()
	m.ID, m.Columns["entry_id"] = nil, nil
	delete(m.Columns, "entry_id")
	row := "x;acc;01.04.2026;1,00;AZN;a;b;c\n"
	a, b := readFile(t, m, heading+row+row), readFile(t, m, heading+"x;acc;02.04.2026;1,00;AZN;a;b;c\n"+row)
	if len(a.rows) != 2 || a.rows[0]["entry_id"] == a.rows[1]["entry_id"] || b.rows[1]["entry_id"] != a.rows[0]["entry_id"] {
		t.Errorf("%v\n%v", a.rows, b.rows)
	}
}

func BenchmarkFile(b *testing.B) {
	text := statement("R", 100_000)
	s, _ := shelfOf(b, plainBank(), map[string]string{"a.csv": text})
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		units, err := s.Files(b.Context(), nil, false)
		if err != nil {
			b.Fatal(err)
		}
		for p, err := range units[0].Source.Pages(b.Context(), sources.Window{}, "") {
			if err != nil {
				b.Fatal(err)
			}
			p.Rows.Release()
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "rows/s")
}
