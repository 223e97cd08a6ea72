package schemas

import (
	"fmt"
	"testing"
)

// What judging costs a row, with five checks of which none is broken.
func BenchmarkJudge(b *testing.B) {
	rows := make([]judgedRow, 8192)
	for i := range rows {
		rows[i] = judgedRow{id: fmt.Sprint(i), word: []string{"a", "bb", "abc"}[i%3], person: "p", amount: int64(i), day: 5}
	}
	rec := judgedRecord(rows)
	defer rec.Release()
	j, err := NewJudge(judged, []Check{{Name: "a", Field: "amount", Rule: Range{Min: ptr(0), Max: ptr(1 << 40)}}, {Name: "b", Field: "word", Rule: Required{}},
		{Name: "c", Field: "word", Rule: Pattern{"[a-c]+"}}, {Name: "d", Field: "word", Rule: Vocabulary{[]string{"a", "bb", "abc"}}},
		{Name: "e", Field: "day", Rule: Range{Min: ptr(1)}, When: []Condition{{"person", []string{"p"}}}}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if j.Rows(rec, nil) != nil {
			b.Fatal("a row is broken")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}
