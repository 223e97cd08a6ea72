package csv

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paylake/paylake/sources"
)

// Refused lines read again become what the whole file, read anew, makes of them:
// also rows without an id, whose names count the equal rows before them.
func TestRedriveIsWhatTheFileSays(t *testing.T) {
	m := plainBank()
	m.ID = nil
	text := heading
	line := func(day string, amount int) { text += fmt.Sprintf("r;acc;%s;%d,00;AZN;x;;\n", day, amount) }
	for range 10 { // equal rows, all in a spelling that the mapping cannot read yet
		line("2026/03/01", 1)
		line("01.03.2026", 2)
	}
	for range 10 { // in both spellings
		line("01.03.2026", 3)
		line("2026/03/01", 3)
	}
	s, b := shelfOf(t, m, map[string]string{"f.csv": text})
	units, err := s.Files(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	first := collect(t, units[0].Source)
	if len(first.rejects) != 20 {
		t.Fatalf("%d rejects", len(first.rejects))
	}
	var rows []sources.Refused
	for _, r := range first.rejects {
		rows = append(rows, sources.Refused{RowID: r.RowID, Currency: r.Currency, Raw: r.Raw})
	}
	for i, one := range s.Redrive(t.Context(), rows) { // with the mapping of then
		if one.Err != nil || one.Page.Rows.NumRows() != 0 || len(one.Page.Rejects) != 1 {
			t.Fatalf("row %s: %+v", rows[i].RowID, one)
		}
		one.Page.Rows.Release()
	}
	m.Dates = append(m.Dates, "yyyy/MM/dd")
	s.config.Mapping = m
	want := map[string]bool{} // names of the file's rows that were not there before
	for _, r := range readFile(t, m, text).rows {
		want[r["entry_id"]] = true
	}
	for _, r := range first.rows {
		delete(want, r["entry_id"])
	}
	refused := 0
	for i, one := range s.Redrive(t.Context(), rows) {
		if one.Err != nil {
			if !strings.Contains(one.Err.Error(), "two spellings") || i < 10 {
				t.Errorf("row %s: %v", rows[i].RowID, one.Err)
			}
			refused++
			continue
		}
		id := one.Page.Rows.Column(s.table.Index("entry_id")).ValueStr(0)
		if !want[id] {
			t.Errorf("row %s is called %s, which is another row's name, or none of the file's", rows[i].RowID, id)
		}
		delete(want, id)
		one.Page.Rows.Release()
	}
	if refused != 10 || len(want) != 10 {
		t.Errorf("%d refused, names left: %v", refused, want)
	}
	for name, change := range map[string]string{"the line is another one": strings.ReplaceAll(text, ";x;;", ";y;;"), "it has no such line": heading} {
		if err := b.WriteAll(t.Context(), "f.csv", []byte(change), nil); err != nil {
			t.Fatal(err)
		}
		if one := s.Redrive(t.Context(), rows[9:10])[0]; one.Err == nil || !strings.Contains(one.Err.Error(), name) {
			t.Errorf("%s: %+v", name, one)
		}
	}
	if err := b.Delete(t.Context(), "f.csv"); err != nil {
		t.Fatal(err)
	}
	for _, one := range s.Redrive(t.Context(), append(rows[:1:1], sources.Refused{RowID: "nowhere"})) {
		if one.Err == nil {
			t.Error("a row of a file that is gone has been read")
		}
	}
}
