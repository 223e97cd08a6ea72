package match

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var noon = epoch.Add(12 * time.Hour)

// fact is one row of a test.
func fact(side Side, id string, amount int64, after time.Duration, more func(*Fact)) *Fact {
	f := &Fact{Side: side, Key: Key{Table: [...]string{"ledger", "bank_entries"}[side], Source: [...]string{"mpay", "bank"}[side], Account: "a", ID: id}, Currency: "AZN", Amount: amount, At: noon.Add(after).UnixMicro()}
	if more != nil {
		more(f)
	}
	return f
}

func ref(refs ...string) func(*Fact)   { return func(f *Fact) { f.Refs = refs } }
func by(person string) func(*Fact)     { return func(f *Fact) { f.Person = person } }
func account(name string) func(*Fact)  { return func(f *Fact) { f.Key.Account = name } }
func feeOf(fee int64) func(*Fact)      { return func(f *Fact) { f.Fee = fee } }
func currency(code string) func(*Fact) { return func(f *Fact) { f.Currency = code } }
func provider(code string) func(*Fact) { return func(f *Fact) { f.Provider = code } }
func group(name string) func(*Fact)    { return func(f *Fact) { f.Group = name } }
func all(more ...func(*Fact)) func(*Fact) {
	return func(f *Fact) {
		for _, m := range more {
			m(f)
		}
	}
}

// outcome writes matches as text: "l1~r1 l2+l3~r2 ?l4~r3"; a question mark for
// ambiguous ones.
func outcome(matches []Match) string {
	var out []string
	ids := func(facts []*Fact) string {
		var names []string
		for _, f := range facts {
			names = append(names, f.Key.ID)
		}
		return strings.Join(names, "+")
	}
	for i := range matches {
		m := &matches[i]
		out = append(out, map[State]string{Matched: "", Ambiguous: "?"}[m.State]+ids(m.Left)+"~"+ids(m.Right))
	}
	return strings.Join(out, " ")
}

// What is a match, and what is none.
func TestMatches(t *testing.T) {
	t.Parallel()
	l, x := Left, Right
	for name, c := range map[string]struct {
		facts []*Fact
		rule  func(*Rule)
		want  string
	}{
		"an amount":                        {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, time.Minute, nil)}, want: "l~r"},
		"another amount":                   {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 101, time.Minute, nil)}},
		"another amount, same reference":   {facts: []*Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 101, time.Minute, ref("x"))}},
		"another currency":                 {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, 0, currency("USD"))}},
		"another currency, same reference": {facts: []*Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 100, 0, all(ref("x"), currency("USD")))}},
		"another person":                   {facts: []*Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, 0, by("q"))}},
		"another provider":                 {facts: []*Fact{fact(l, "l", 100, 0, all(ref("x"), provider("A"))), fact(x, "r", 100, 0, all(ref("x"), provider("B")))}},
		"at the end of the window":         {facts: []*Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, 72*time.Hour, by("p"))}, want: "l~r"},
		"after the window":                 {facts: []*Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, 72*time.Hour+time.Second, by("p"))}},
		"before the window":                {facts: []*Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, -11*time.Minute, by("p"))}},
		"a reference reaches further":      {facts: []*Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 100, 30*24*time.Hour, ref("y", "x"))}, want: "l~r"},
		"but not for ever":                 {facts: []*Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 100, 32*24*time.Hour, ref("x"))}},
		"amount and time do not do":        {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, 0, nil)}, rule: func(r *Rule) { r.Enough = 70 }},
		"a reference is a condition":       {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, 0, nil)}, rule: func(r *Rule) { r.NeedReference = true }},
		"one source":                       {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, 0, func(f *Fact) { f.Key.Source = "mpay" })}, rule: func(r *Rule) { r.OtherSource = true }},
		"the fee that it names":            {facts: []*Fact{fact(l, "l", 100, 0, feeOf(3)), fact(x, "r", 97, 0, nil)}, want: "l~r"},
		"a fee that is known":              {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 50, 0, nil)}, rule: func(r *Rule) { r.Fees = []int64{50} }, want: "l~r"},
		"the whole amount goes before":     {facts: []*Fact{fact(l, "l", 100, 0, feeOf(3)), fact(x, "r", 97, 0, nil), fact(x, "s", 100, time.Hour, nil)}, want: "l~s"},
		"a reference goes before":          {facts: []*Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 100, 0, nil), fact(x, "s", 100, 40*time.Hour, ref("x"))}, want: "l~s"},
		"a person goes before":             {facts: []*Fact{fact(l, "l", 100, 0, by("p")), fact(x, "r", 100, 0, nil), fact(x, "s", 100, 40*time.Hour, by("p"))}, want: "l~s"},
		"the nearer one":                   {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, time.Minute, account("b")), fact(x, "s", 100, 20*time.Minute, nil)}, want: "l~r"},
		"two that are as good":             {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, time.Minute, account("b")), fact(x, "s", 100, 2*time.Minute, nil)}, want: "?l~r ?l~s"},
		"two payers that are as good":      {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(l, "m", 100, time.Minute, account("b")), fact(x, "r", 100, 2*time.Minute, nil)}, want: "?m~r ?l~r"},
		"two of one account":               {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(x, "r", 100, time.Minute, nil), fact(x, "s", 100, 2*time.Minute, nil)}, want: "l~r"},
		"two and two, in time order":       {facts: []*Fact{fact(l, "l", 100, 0, nil), fact(l, "m", 100, time.Minute, account("b")), fact(x, "r", 100, 2*time.Minute, account("b")), fact(x, "s", 100, 3*time.Minute, nil)}, want: "l~r m~s"},
		"parts of a payment":               {facts: []*Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 60, time.Hour, ref("x")), fact(x, "s", 40, 2*time.Hour, ref("x"))}, want: "l~r+s"},
		"parts that do not add up":         {facts: []*Fact{fact(l, "l", 100, 0, ref("x")), fact(x, "r", 60, time.Hour, ref("x")), fact(x, "s", 41, 2*time.Hour, ref("x"))}},
		"many and their settlement":        {facts: []*Fact{fact(l, "l", 100, 0, all(ref("x"), feeOf(2))), fact(l, "m", 50, 0, all(ref("x"), feeOf(1))), fact(x, "r", 147, time.Hour, ref("x"))}, want: "l+m~r"},
		"many on both sides":               {facts: []*Fact{fact(l, "l", 70, 0, ref("x")), fact(l, "m", 30, 0, ref("x")), fact(x, "r", 60, 0, ref("x")), fact(x, "s", 40, 0, ref("x"))}},
		"a day and its settlement":         {facts: []*Fact{fact(l, "l", 70, 0, group("d")), fact(l, "m", 30, time.Hour, group("d")), fact(x, "r", 100, 20*time.Hour, nil)}, want: "l+m~r"},
		"a day, less its fees":             {facts: []*Fact{fact(l, "l", 70, 0, all(group("d"), feeOf(2))), fact(l, "m", 30, 0, all(group("d"), feeOf(1))), fact(x, "r", 97, 20*time.Hour, nil)}, want: "l+m~r"},
		"half a day":                       {facts: []*Fact{fact(l, "l", 70, 0, group("d")), fact(l, "m", 30, 0, group("d")), fact(l, "n", 1, 0, group("d")), fact(x, "r", 100, 20*time.Hour, nil)}},
		"a sum that is no amount":          {facts: []*Fact{fact(l, "l", math.MaxInt64, 0, all(ref("x"), group("d"))), fact(l, "m", 2, 0, all(ref("x"), group("d"))), fact(x, "r", math.MinInt64+1, time.Hour, ref("x"))}},
		"two settlements of a day":         {facts: []*Fact{fact(l, "l", 70, 0, group("d")), fact(l, "m", 30, 0, group("d")), fact(x, "r", 100, 20*time.Hour, nil), fact(x, "s", 100, 20*time.Hour, account("b"))}, want: "?l+m~r"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rule()
			if c.rule != nil {
				c.rule(&r)
			}
			_, got, _ := found(t, r, Slice{r, c.facts}, Decided{})
			if outcome(got) != c.want {
				t.Errorf("%q, want %q", outcome(got), c.want)
			}
			for i := range got {
				points := 0
				for _, why := range got[i].Reasons {
					points += why.Points
				}
				if min(points, 100) != got[i].Score || Explain(got[i].Reasons) == "" {
					t.Errorf("a score of %d, explained as %s", got[i].Score, Explain(got[i].Reasons))
				}
			}
		})
	}
}

// What a person said stands: a pair that was taken apart is not made again, and
// a row that a person matched is not looked at.
func TestPeopleDecide(t *testing.T) {
	t.Parallel()
	l, near, far := fact(Left, "l", 100, 0, ref("x")), fact(Right, "r", 100, 0, ref("x")), fact(Right, "s", 100, time.Hour, nil)
	facts := Slice{rule(), []*Fact{l, near, far}}
	for name, c := range map[string]struct {
		decided Decided
		want    string
	}{
		"nothing":           {Decided{}, "l~r"},
		"a pair apart":      {Decided{Never: map[[2]Key]bool{{l.Key, near.Key}: true}}, "l~s"},
		"named from behind": {Decided{Never: map[[2]Key]bool{{near.Key, l.Key}: true, {l.Key, far.Key}: true}}, ""},
		"a row is bound":    {Decided{Bound: []Key{near.Key}}, "l~s"},
	} {
		if _, got, _ := found(t, rule(), facts, c.decided); outcome(got) != c.want {
			t.Errorf("%s: %q, want %q", name, outcome(got), c.want)
		}
	}
	parts := Slice{rule(), []*Fact{fact(Left, "l", 100, 0, ref("x")), fact(Right, "r", 60, 0, ref("x")), fact(Right, "s", 40, 0, ref("x"))}}
	apart := Decided{Never: map[[2]Key]bool{{parts.Facts[0].Key, parts.Facts[2].Key}: true}}
	if _, got, _ := found(t, rule(), parts, apart); outcome(got) != "" {
		t.Errorf("a part that was taken out: %q", outcome(got))
	}
}

// The outcome is a function of the set of facts: the order in which they are
// given changes nothing, and neither does their number in other amounts.
func TestWhateverArrivesFirst(t *testing.T) {
	t.Parallel()
	ambiguous := 0
	for seed := range uint64(20) {
		w := generate(seed, 600)
		for i, f := range w.facts { // crowd them: ties everywhere
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
			_, all, _ := found(t, rule(), Slice{rule(), w.facts}, Decided{})
			for i := range all {
				fmt.Fprintf(&b, "%s %s %d %s %d %s\n", all[i].ID, all[i].State, all[i].Score, outcome(all[i:i+1]), all[i].Difference, Explain(all[i].Reasons))
			}
			return b.String()
		}
		want := tell()
		ambiguous += strings.Count(want, string(Ambiguous))
		if strings.Count(want, "\n") < 50 {
			t.Fatalf("seed %d: %d matches prove little", seed, strings.Count(want, "\n"))
		}
		for range 5 {
			rand.New(rand.NewPCG(seed, 1)).Shuffle(len(w.facts), func(i, j int) { w.facts[i], w.facts[j] = w.facts[j], w.facts[i] })
			if got := tell(); got != want {
				t.Fatalf("seed %d: another order, another outcome", seed)
			}
		}
	}
	if ambiguous == 0 {
		t.Error("nothing was ambiguous: proves little")
	}
}
