package csv

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"hash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sources"
)

var update = flag.Bool("update", false, "write testdata/outcomes.golden anew")

// A case is a file that a seed decides, with the mapping that reads it.
func strange(seed uint64) (Mapping, string) {
	rng := rand.New(rand.NewPCG(seed, 5))
	m := plainBank()
	m.Encoding = []string{"", "windows-1251", "windows-1254"}[seed%3]
	m.Ignore = []string{"Total"}
	if seed%2 == 1 { // rows are known by their content
		m.ID = nil
		delete(m.Columns, "entry_id")
	}
	head := heading
	if m.Encoding != "" {
		m.Columns["amount"], m.Columns["remittance_information"] = []string{"Mebleg"}, []string{"Teyinat"}
		m.Columns["provider_code"], m.Columns["counterparty"] = []string{"Satici"}, []string{"Kime"}
		head = "Ref;Hesab;Tarix;Mebleg;Valyuta;Teyinat;Satici;Kime\n"
	}
	var b strings.Builder
	if seed%5 == 0 && m.Encoding == "" {
		b.WriteString("\xef\xbb\xbf")
	}
	b.WriteString("Statement;;;\n" + head)
	for i := range 300 + rng.IntN(400) {
		b.WriteString(strangeLine(rng, i))
	}
	text := b.String()
	switch seed % 4 {
	case 1:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	case 2:
		text = strings.TrimRight(text, "\n")
	case 3:
		text = strings.ReplaceAll(text, ";", "|")
	}
	return m, text
}

// strangeLine is a row that may be read, or one of the ways in which it may not.
func strangeLine(rng *rand.Rand, i int) string {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	id := fmt.Sprintf("R%d", i-rng.IntN(2)*rng.IntN(3))
	day := pick("18.03.2026 11:02:11", "01.04.2026", "31.12.2026", "12.31.2026", "", fmt.Sprintf("%02d.05.2026", 1+rng.IntN(28)))
	amount := pick("-1 237,40", "+5,00", "0", "7,1", "1,234", "", "x", "99999999999999999,00", "12,00", "12,00")
	text := pick("zeng +994501234567", "kart 4111111111111111", "plain", "\xf6\xe7", "\xc3\xb6", "\"quoted; text\"", "\"two\nlines\"", "\"with \"\"quotes\"\"\"",
		"in \"the\" middle", "\"never closed", "=HYPERLINK(1)", "\x01", "\"\"", "a\"")
	who := pick("0501234567", "AZ21NABZ00000000137010001944", "*4455", "", "someone", "0559998877")
	switch rng.IntN(40) {
	case 0:
		return "\n"
	case 1:
		return ";;;;;;;\n"
	case 2:
		return "Total;;;1;;;;\n"
	case 3:
		return id + ";acc;01.04.2026\n"
	case 4:
		return id + ",acc,01.04.2026,1,AZN,x,y,z\n"
	case 5:
		return strings.Repeat("y", rng.IntN(90_000)) + ";x\n"
	case 6:
		return strings.Repeat(";", 1500) + "\n"
	case 7:
		return fmt.Sprintf("%s;acc;02.04.2026;1,00;AZN;\"%s\";y;z\n", id, strings.Repeat("long ", rng.IntN(20_000)))
	}
	return strings.Join([]string{id, pick("acc", "AZ77AIIB40050019440000123456", " acc "), day, amount, pick("AZN", "AZN", "JPY", "XXX", ""), text,
		pick("Azersu", "Azersu", "M 1"), who}, ";") + "\n"
}

// outcomeOf is everything that a file gives: rows, rejects, places, totals.
func outcomeOf(t testing.TB, s *Shelf, w sources.Window, sum hash.Hash) error {
	t.Helper()
	units, err := s.Files(t.Context(), nil, false)
	if err != nil || len(units) != 1 {
		t.Fatal(len(units), err)
	}
	for p, err := range units[0].Source.Pages(t.Context(), w, "") {
		if err != nil {
			fmt.Fprintf(sum, "error %v\n", err)
			return err
		}
		p.File.Modified = time.Time{}
		fmt.Fprintf(sum, "page %s outside %d %+v\n", p.Next, p.Outside, *p.File)
		for c := range int(p.Rows.NumCols()) {
			fmt.Fprintf(sum, "%s %s\n", p.Rows.ColumnName(c), p.Rows.Column(c))
		}
		for _, x := range p.Rejects {
			amount := "none"
			if x.Amount != nil {
				amount = fmt.Sprint(*x.Amount)
			}
			fmt.Fprintf(sum, "%s %s %q %s %s %q\n", x.RowID, x.Reason, x.Field, amount, x.Currency, x.Raw)
		}
		p.Rows.Release()
	}
	return nil
}

// cases is how many a test makes up: few by default, PAYLAKE_TEST_CASES of them
// when somebody asks.
func cases(few int) int {
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_CASES")); err == nil {
		return n
	}
	return few
}

// What files give never changes: the golden file was written by a reader that
// took one record after the other.
func TestFilesGiveWhatTheyGave(t *testing.T) {
	var got strings.Builder
	for seed := range uint64(24) {
		m, text := strange(seed)
		s, _ := shelfOf(t, m, map[string]string{"f.csv": text})
		w := sources.Window{}
		if seed%7 == 0 {
			w = sources.Window{From: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, 15, 0, 0, 0, 0, time.UTC)}
		}
		sum := sha256.New()
		_ = outcomeOf(t, s, w, sum) // an error is an outcome, too
		fmt.Fprintf(&got, "%d %s\n", seed, hex.EncodeToString(sum.Sum(nil)))
	}
	for _, c := range [][2]string{{"pages", statement("a", 2*pageRows+100)}, {"whole pages", statement("a", pageRows)}, {"long lines", longLines()}} {
		s, _ := shelfOf(t, plainBank(), map[string]string{"f.csv": c[1]})
		sum := sha256.New()
		if err := outcomeOf(t, s, sources.Window{}, sum); err != nil {
			t.Errorf("%s: %v", c[0], err)
		}
		fmt.Fprintf(&got, "%s %s\n", c[0], hex.EncodeToString(sum.Sum(nil)))
	}
	path := filepath.Join("testdata", "outcomes.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// longLines: one beyond every buffer, and a quote that opens over megabytes.
func longLines() string {
	const row = ";acc;01.04.2026;1,00;AZN;x;y;z\n"
	return heading + strings.Repeat("x", 3<<20) + "\nR1" + row + "\"" + strings.Repeat("q;\n", 30_000) + strings.Repeat("p", 2<<20) + "\nR2" + row
}
