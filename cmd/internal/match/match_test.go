package match_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/cmd/internal/match/matchtest"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// fact is one row of a test.
func fact(side match.Side, id string, amount int64, after time.Duration, more func(*match.Fact)) *match.Fact {
	f := &match.Fact{Side: side, Key: match.Key{Table: [...]string{"ledger", "bank_entries"}[side], Source: [...]string{"mpay", "bank"}[side], Account: "a", ID: id}, Currency: "AZN", Amount: amount, At: noon.Add(after).UnixMicro()}
	if more != nil {
		more(f)
	}
	return f
}

func ref(refs ...string) func(*match.Fact)   { return func(f *match.Fact) { f.Refs = refs } }
func by(person string) func(*match.Fact)     { return func(f *match.Fact) { f.Person = person } }
func account(name string) func(*match.Fact)  { return func(f *match.Fact) { f.Key.Account = name } }
func feeOf(fee int64) func(*match.Fact)      { return func(f *match.Fact) { f.Fee = fee } }
func currency(code string) func(*match.Fact) { return func(f *match.Fact) { f.Currency = code } }
func provider(code string) func(*match.Fact) { return func(f *match.Fact) { f.Provider = code } }
func group(name string) func(*match.Fact)    { return func(f *match.Fact) { f.Group = name } }
func all(more ...func(*match.Fact)) func(*match.Fact) {
	return func(f *match.Fact) {
		for _, m := range more {
			m(f)
		}
	}
}

// outcome writes matches as text: "l1~r1 l2+l3~r2 ?l4~r3"; a question mark for
// ambiguous ones.
func outcome(matches []match.Match) string {
	var out []string
	ids := func(facts []*match.Fact) string {
		var names []string
		for _, f := range facts {
			names = append(names, f.Key.ID)
		}
		return strings.Join(names, "+")
	}
	for i := range matches {
		m := &matches[i]
		out = append(out, map[match.State]string{match.Matched: "", match.Ambiguous: "?"}[m.State]+ids(m.Left)+"~"+ids(m.Right))
	}
	return strings.Join(out, " ")
}

// What is a match, and what is none.
func TestMatches(t *testing.T) {
	t.Parallel()
	l, x := match.Left, match.Right
	for name, c := range map[string]struct {
		facts []*match.Fact
		rule  func(*match.Rule)
		want  string
	}{
		"an amount":                         {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, time.Minute, nil)}, want: "l~r"},
		"another amount":                    {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 101, time.Minute, nil)}},
		"another amount, same reference":    {facts: []*match.Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 101, time.Minute, ref("x"))}},
		"another currency":                  {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, 0, currency("USD"))}},
		"another currency, same reference":  {facts: []*match.Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 100, 0, all(ref("x"), currency("USD")))}},
		"another person":                    {facts: []*match.Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, 0, by("q"))}},
		"another provider":                  {facts: []*match.Fact{fact(l, "l", 100, 0, all(ref("x"), provider("A"))), fact(x, "r", 100, 0, all(ref("x"), provider("B")))}},
		"at the end of the window":          {facts: []*match.Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, 72*time.Hour, by("p"))}, want: "l~r"},
		"after the window":                  {facts: []*match.Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, 72*time.Hour+time.Second, by("p"))}},
		"before the window":                 {facts: []*match.Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, -11*time.Minute, by("p"))}},
		"a reference reaches further":       {facts: []*match.Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 100, 30*24*time.Hour, ref("y", "x"))}, want: "l~r"},
		"but not for ever":                  {facts: []*match.Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 100, 32*24*time.Hour, ref("x"))}},
		"amount and time do not do":         {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, 0, nil)}, rule: func(r *match.Rule) { r.Enough = 70 }},
		"a reference is a condition":        {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, 0, nil)}, rule: func(r *match.Rule) { r.NeedReference = true }},
		"one source":                        {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, 0, func(f *match.Fact) { f.Key.Source = "mpay" })}, rule: func(r *match.Rule) { r.OtherSource = true }},
		"the fee that it names":             {facts: []*match.Fact{fact(l, "l", 100, 0, feeOf(3)), fact(x, "r", 97, 0, nil)}, want: "l~r"},
		"the fee that the other side names": {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 103, 0, feeOf(3))}, want: "l~r"},
		"a fee that is known":               {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 50, 0, nil)}, rule: func(r *match.Rule) { r.Fees = []int64{50} }, want: "l~r"},
		"the whole amount goes before":      {facts: []*match.Fact{fact(l, "l", 100, 0, feeOf(3)), fact(x, "r", 97, 0, nil), fact(x, "s", 100, time.Hour, nil)}, want: "l~s"},
		"a reference goes before":           {facts: []*match.Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 100, 0, nil), fact(x, "s", 100, 40*time.Hour, ref("x"))}, want: "l~s"},
		"a person goes before":              {facts: []*match.Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, 0, nil), fact(x, "s", 100, 40*time.Hour, by("p"))}, want: "l~s"},
		"the nearer one":                    {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, time.Minute, account("b")), fact(x, "s", 100, 20*time.Minute, nil)}, want: "l~r"},
		"two that are as good":              {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, time.Minute, account("b")), fact(x, "s", 100, 2*time.Minute, nil)}, want: "?l~r ?l~s"},
		"two payers that are as good":       {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(l, "m", 100, time.Minute, account("b")), fact(x, "r", 100, 2*time.Minute, nil)}, want: "?m~r ?l~r"},
		"two of one account":                {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, time.Minute, nil), fact(x, "s", 100, 2*time.Minute, nil)}, want: "l~r"},
		"two and two, in time order":        {facts: []*match.Fact{fact(l, "l", 100, 0, nil), fact(l, "m", 100, time.Minute, account("b")), fact(x, "r", 100, 2*time.Minute, account("b")), fact(x, "s", 100, 3*time.Minute, nil)}, want: "l~r m~s"},
		"parts of a payment":                {facts: []*match.Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 60, time.Hour, ref("x")), fact(x, "s", 40, 2*time.Hour, ref("x"))}, want: "l~r+s"},
		"parts that do not add up":          {facts: []*match.Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 60, time.Hour, ref("x")), fact(x, "s", 41, 2*time.Hour, ref("x"))}},
		"many and their settlement":         {facts: []*match.Fact{fact(l, "l", 100, 0, all(ref("x"), feeOf(2))), fact(l, "m", 50, 0, all(ref("x"), feeOf(1))), fact(x, "r", 147, time.Hour, ref("x"))}, want: "l+m~r"},
		"many on both sides":                {facts: []*match.Fact{fact(l, "l", 70, 0, ref("x")), fact(l, "m", 30, 0, ref("x")), fact(x, "r", 60, 0, ref("x")), fact(x, "s", 40, 0, ref("x"))}},
		"a day and its settlement":          {facts: []*match.Fact{fact(l, "l", 70, 0, group("d")), fact(l, "m", 30, time.Hour, group("d")), fact(x, "r", 100, 20*time.Hour, nil)}, want: "l+m~r"},
		"a day, less its fees":              {facts: []*match.Fact{fact(l, "l", 70, 0, all(group("d"), feeOf(2))), fact(l, "m", 30, 0, all(group("d"), feeOf(1))), fact(x, "r", 97, 20*time.Hour, nil)}, want: "l+m~r"},
		"half a day":                        {facts: []*match.Fact{fact(l, "l", 70, 0, group("d")), fact(l, "m", 30, 0, group("d")), fact(l, "n", 1, 0, group("d")), fact(x, "r", 100, 20*time.Hour, nil)}},
		"a sum that is no amount":           {facts: []*match.Fact{fact(l, "l", math.MaxInt64, 0, all(ref("x"), group("d"))), fact(l, "m", 2, 0, all(ref("x"), group("d"))), fact(x, "r", math.MinInt64+1, time.Hour, ref("x"))}},
		"two settlements of a day":          {facts: []*match.Fact{fact(l, "l", 70, 0, group("d")), fact(l, "m", 30, 0, group("d")), fact(x, "r", 100, 20*time.Hour, nil), fact(x, "s", 100, 20*time.Hour, account("b"))}, want: "?l+m~r"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := matchtest.Rule()
			if c.rule != nil {
				c.rule(&r)
			}
			_, got, _ := found(t, r, match.Slice{r, c.facts}, match.Decided{})
			if outcome(got) != c.want {
				t.Errorf("%q, want %q", outcome(got), c.want)
			}
			for i := range got {
				points := 0
				for _, why := range got[i].Reasons {
					points += why.Points
				}
				if min(points, 100) != got[i].Score || match.Explain(got[i].Reasons) == "" {
					t.Errorf("a score of %d, explained as %s", got[i].Score, match.Explain(got[i].Reasons))
				}
			}
		})
	}
}

// What a person said stands: a pair that was taken apart is not made again, and
// a row that a person matched is not looked at.
func TestPeopleDecide(t *testing.T) {
	t.Parallel()
	l, near, far := fact(match.Left, "l", 100, 0, ref("x")), fact(match.Right, "r", 100, 0, ref("x")), fact(match.Right, "s", 100, time.Hour, nil)
	facts := match.Slice{matchtest.Rule(), []*match.Fact{l, near, far}}
	for name, c := range map[string]struct {
		decided match.Decided
		want    string
	}{
		"nothing":           {match.Decided{}, "l~r"},
		"a pair apart":      {match.Decided{Never: map[[2]match.Key]bool{{l.Key, near.Key}: true}}, "l~s"},
		"named from behind": {match.Decided{Never: map[[2]match.Key]bool{{near.Key, l.Key}: true, {l.Key, far.Key}: true}}, ""},
		"a row is bound":    {match.Decided{Bound: []match.Key{near.Key}}, "l~s"},
	} {
		if _, got, _ := found(t, matchtest.Rule(), facts, c.decided); outcome(got) != c.want {
			t.Errorf("%s: %q, want %q", name, outcome(got), c.want)
		}
	}
	parts := match.Slice{matchtest.Rule(), []*match.Fact{fact(match.Left, "l", 100, 0, ref("x")), fact(match.Right, "r", 60, 0, ref("x")), fact(match.Right, "s", 40, 0, ref("x"))}}
	apart := match.Decided{Never: map[[2]match.Key]bool{{parts.Facts[0].Key, parts.Facts[2].Key}: true}}
	if _, got, _ := found(t, matchtest.Rule(), parts, apart); outcome(got) != "" {
		t.Errorf("a part that was taken out: %q", outcome(got))
	}
}

// The outcome is a function of the set of facts: the order in which they are
// given changes nothing, and neither does their number in other amounts.
func TestWhateverArrivesFirst(t *testing.T) {
	t.Parallel()
	ambiguous := 0
	for seed := range uint64(20) {
		w := matchtest.Generate(seed, 600, true)
		for i, f := range w.Facts { // crowd them: ties everywhere
			f.Amount %= 700
			f.Fee = f.Fee % 3
			f.At = f.At / 3_600_000_000 * 3_600_000_000
			if i%3 == 0 {
				f.Refs, f.Person = nil, ""
			}
			if f.Group != "" && i%2 == 0 {
				f.Group = "day"
			}
		}
		tell := func() string {
			var b strings.Builder
			_, all, _ := found(t, matchtest.Rule(), match.Slice{matchtest.Rule(), w.Facts}, match.Decided{})
			for i := range all {
				fmt.Fprintf(&b, "%s %s %d %s %d %s\n", all[i].ID, all[i].State, all[i].Score, outcome(all[i:i+1]), all[i].Difference, match.Explain(all[i].Reasons))
			}
			return b.String()
		}
		want := tell()
		ambiguous += strings.Count(want, string(match.Ambiguous))
		if strings.Count(want, "\n") < 50 {
			t.Fatalf("seed %d: %d matches prove little", seed, strings.Count(want, "\n"))
		}
		for range 5 {
			rand.New(rand.NewPCG(seed, 1)).Shuffle(len(w.Facts), func(i, j int) { w.Facts[i], w.Facts[j] = w.Facts[j], w.Facts[i] })
			if got := tell(); got != want {
				t.Fatalf("seed %d: another order, another outcome", seed)
			}
		}
	}
	if ambiguous == 0 {
		t.Error("nothing was ambiguous: proves little")
	}
}
