package schemas

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// judged is a small table of every kind of column.
var judged = &Table{Name: "judged", Version: 1, Key: []string{"id"}, Amount: "amount", Currency: "currency", Fields: []Field{
	{Name: "source", Kind: Code}, {Name: "id", Kind: String}, {Name: "at", Kind: Instant}, {Name: "day", Kind: Date},
	{Name: "amount", Kind: Minor}, {Name: "currency", Kind: Code}, {Name: "maybe", Kind: Int64, Nullable: true},
	{Name: "small", Kind: Int32}, {Name: "word", Kind: Code}, {Name: "person", Kind: String},
}}

type judgedRow struct {
	id, word, person string
	amount           int64
	day, small       int32
	maybe            *int64
}

func judgedRecord(rows []judgedRow) arrow.Record {
	rb := array.NewRecordBuilder(memory.DefaultAllocator, judged.ArrowSchema())
	defer rb.Release()
	for _, r := range rows {
		rb.Field(0).(*array.StringBuilder).Append("s")
		rb.Field(1).(*array.StringBuilder).Append(r.id)
		rb.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(1767225600123456 + int64(r.small)))
		rb.Field(3).(*array.Date32Builder).Append(arrow.Date32(r.day))
		rb.Field(4).(*array.Int64Builder).Append(r.amount)
		rb.Field(5).(*array.StringBuilder).Append("AZN")
		if r.maybe == nil {
			rb.Field(6).(*array.Int64Builder).AppendNull()
		} else {
			rb.Field(6).(*array.Int64Builder).Append(*r.maybe)
		}
		rb.Field(7).(*array.Int32Builder).Append(r.small)
		rb.Field(8).(*array.StringBuilder).Append(r.word)
		rb.Field(9).(*array.StringBuilder).Append(r.person)
	}
	return rb.NewRecord()
}

func ptr(v int64) *int64 { return &v }

// Every kind against the plainest way of saying the same, row by row.
func TestJudgeAgainstPlainRules(t *testing.T) {
	form := regexp.MustCompile(`^(?s:[a-c]+x?)$`)
	checks := []struct {
		c     Check
		broke func(judgedRow) bool
	}{
		{Check{Name: "a", Field: "word", Rule: Required{}}, func(r judgedRow) bool { return r.word == "" }},
		{Check{Name: "b", Field: "maybe", Rule: Required{}}, func(r judgedRow) bool { return r.maybe == nil }},
		{Check{Name: "c", Field: "amount", Rule: Range{Min: ptr(-5), Max: ptr(7)}}, func(r judgedRow) bool { return r.amount < -5 || r.amount > 7 }},
		{Check{Name: "d", Field: "maybe", Rule: Range{Max: ptr(3)}}, func(r judgedRow) bool { return r.maybe != nil && *r.maybe > 3 }},
		{Check{Name: "e", Field: "day", Rule: Range{Min: ptr(4)}}, func(r judgedRow) bool { return r.day < 4 }},
		{Check{Name: "f", Field: "small", Rule: Range{Max: ptr(4)}}, func(r judgedRow) bool { return r.small > 4 }},
		{Check{Name: "g", Field: "word", Rule: Pattern{"[a-c]+x?"}}, func(r judgedRow) bool { return r.word != "" && !form.MatchString(r.word) }},
		{Check{Name: "h", Field: "word", Rule: Vocabulary{[]string{"a", "bb"}}}, func(r judgedRow) bool { return r.word != "" && r.word != "a" && r.word != "bb" }},
		{Check{Name: "i", Field: "amount", Rule: Range{Max: ptr(0)}, When: []Condition{{"word", []string{"a", ""}}, {"person", []string{"p"}}}},
			func(r judgedRow) bool { return (r.word == "a" || r.word == "") && r.person == "p" && r.amount > 0 }},
	}
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"", "a", "bb", "abcx", "abcd", "c\nx", "x", "ü", "aa\n"}
	for range 50 {
		rows := make([]judgedRow, random.IntN(40))
		for i := range rows {
			rows[i] = judgedRow{id: fmt.Sprint(i), word: words[random.IntN(len(words))], person: []string{"", "p"}[random.IntN(2)],
				amount: random.Int64N(21) - 10, day: random.Int32N(9), small: random.Int32N(9)}
			if random.IntN(3) > 0 {
				rows[i].maybe = ptr(random.Int64N(9))
			}
		}
		all := judgedRecord(rows)
		from := 0
		if len(rows) > 3 {
			from = 2 // a slice of a longer record is judged by its own rows
		}
		rec := all.NewSlice(int64(from), int64(len(rows)))
		var list []Check
		for n, c := range checks {
			list = append(list, c.c)
			j, err := NewJudge(judged, []Check{c.c})
			if err != nil {
				t.Fatal(err)
			}
			got := j.Rows(rec, nil)
			for i, r := range rows[from:] {
				if broken := got != nil && got[i] == 0; broken != c.broke(r) {
					t.Fatalf("check %s (%d): row %+v is broken: %t", c.c.Name, n, r, broken)
				}
			}
		}
		j, _ := NewJudge(judged, list)
		first := j.Rows(rec, nil)
		for i, r := range rows[from:] {
			want := slices.IndexFunc(checks, func(c struct {
				c     Check
				broke func(judgedRow) bool
			}) bool {
				return c.broke(r)
			})
			if first == nil && want >= 0 || first != nil && first[i] != want {
				t.Fatalf("row %+v: first broken check %v, want %d", r, first, want)
			}
		}
		rec.Release()
		all.Release()
	}
}

// What a consent does not cover is not looked at, and a check that needs it says
// nothing.
func TestJudgeLeavesOutWhatIsNotCovered(t *testing.T) {
	rec := judgedRecord([]judgedRow{{id: "1"}})
	defer rec.Release()
	j, err := NewJudge(judged, []Check{{Name: "w", Field: "word", Rule: Required{}},
		{Name: "when", Field: "id", Rule: Vocabulary{[]string{"2"}}, When: []Condition{{"person", []string{""}}}}})
	if err != nil {
		t.Fatal(err)
	}
	covered := slices.Repeat([]bool{true}, len(judged.Fields))
	if got := j.Rows(rec, covered); !slices.Equal(got, []int{0}) {
		t.Errorf("covered: %v", got)
	}
	covered[judged.Index("word")], covered[judged.Index("person")] = false, false
	if got := j.Rows(rec, covered); got != nil {
		t.Errorf("not covered: %v", got)
	}
}

// A refused row keeps its money, and its text makes the same row again.
func TestRefusedRowComesBack(t *testing.T) {
	rows := []judgedRow{{id: "1", word: "a"}, {id: "x \"7\"", word: "wörd", person: "p2_" + strings.Repeat("b", 32), amount: -1<<62 - 3, day: -7, small: -4, maybe: ptr(0)}}
	rec := judgedRecord(rows)
	defer rec.Release()
	c := Check{Name: "n", Field: "word", Rule: Vocabulary{[]string{"a"}}}
	r, err := Refuse(judged, rec, 1, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Amount == nil || *r.Amount != rows[1].amount || r.Currency != "AZN" || r.RowID != rows[1].id || r.Reason != ReasonVocabulary || r.Field != "word" || !r.Columns {
		t.Errorf("%+v", r)
	}
	if !IsRowText(r.Raw) || IsRowText([]byte(`{"id":"1"}`)) {
		t.Error("which text is a decoded row is not told apart")
	}
	back, err := RowOfText(judged, r.Raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Release()
	want := rec.NewSlice(1, 2)
	defer want.Release()
	if !array.RecordEqual(back, want) {
		t.Errorf("%v\nis not %v", back, want)
	}
	erased, err := RowOfText(judged, r.Raw, func(s string) string {
		if s == rows[1].person {
			return Erased
		}
		return s
	})
	if err != nil || erased.Column(judged.Index("person")).(*array.String).Value(0) != Erased {
		t.Errorf("%v, %v", erased, err)
	}
	for _, bad := range []string{`{}`, `{"paylake_row":{"table":"other","columns":{}}}`, `{"paylake_row":{"table":"judged","columns":{"id":"1"}}}`,
		strings.Replace(string(r.Raw), `"word"`, `"gone"`, 1), strings.Replace(string(r.Raw), `"day":"1969`, `"day":"x`, 1)} {
		if _, err := RowOfText(judged, []byte(bad), nil); err == nil {
			t.Errorf("%s is taken for a row", bad)
		}
	}
	left := Without(judgedRecord(rows), func(row int) bool { return row == 1 })
	defer left.Release()
	first := rec.NewSlice(0, 1)
	defer first.Release()
	if !array.RecordEqual(left, first) {
		t.Errorf("without the refused row: %v", left)
	}
}

// The id is keyed, does not change with the key's rotation, and tells streams
// and texts apart; the one of earlier versions is still known.
func TestRejectIDs(t *testing.T) {
	key, newer := []byte(strings.Repeat("k", 32)), []byte(strings.Repeat("n", 32))
	old, _ := NewPseudonymizer(1, key)
	rotated, _ := NewPseudonymizer(1, key)
	if err := rotated.Rotate(2, newer); err != nil {
		t.Fatal(err)
	}
	other, _ := NewPseudonymizer(1, newer)
	id := func(p *Pseudonymizer, r Reject, s Stream) string {
		t.Helper()
		if err := p.NameReject(&r, s); err != nil || len(r.Keyed) != 32 {
			t.Fatalf("%q, %v", r.Keyed, err)
		}
		return r.Keyed
	}
	s := Stream{Source: "mpay", Wallet: "w", Table: Ledger}
	r := Reject{Raw: []byte(`{"id":"1","msisdn":"+994501234567"}`)}
	first := id(old, r, s)
	if first == r.PlainID(s) || first != id(rotated, r, s) || first == id(other, r, s) {
		t.Error("the id is not keyed, or a rotation changes it")
	}
	if first == id(old, r, Stream{Source: "mpay", Wallet: "v", Table: Ledger}) || first == id(old, Reject{Raw: []byte("x")}, s) {
		t.Error("the id does not tell streams or texts apart")
	}
	if r.ID(s) != r.PlainID(s) {
		t.Error("without a key the id is not the one of earlier versions")
	}
	if r.Keyed = first; r.ID(s) != first {
		t.Error("the keyed id is not used")
	}
	text := func(person string) Reject {
		return Reject{Columns: true, Raw: []byte(`{"paylake_row":{"table":"ledger","columns":{"counterparty":"` + person + `"}}}`)}
	}
	if id(old, text(old.Of("+994501234567")), s) != id(rotated, text(rotated.Of("+994501234567")), s) {
		t.Error("a rotation gives a decoded row another id")
	}
}
