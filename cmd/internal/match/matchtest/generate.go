// Package matchtest makes facts of two systems whose true matches are known.
package matchtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/paylake/paylake/cmd/internal/match"
)

// World is two systems whose true matches are known. What makes
// matching hard is in it: clocks that differ, postings that come late, fees,
// equal amounts on one day (of one person, and of several), rows without a
// partner on either side, settlements of many rows, and amounts that are split.
type World struct {
	dice  *rand.Rand
	Facts []*match.Fact
	Truth map[[2]match.Key]bool
	n     int
	days  int
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Generate makes so many rows on the right side. Groups says whether days are
// settled without a reference.
func Generate(seed uint64, perSide int, groups bool) *World {
	w := &World{dice: rand.New(rand.NewPCG(seed, 7)), Truth: map[[2]match.Key]bool{}, days: 90}
	for w.n = 0; w.n < perSide; {
		switch p := w.dice.IntN(1000); {
		case p < 500:
			w.pair(func(l, r *match.Fact) { w.reference(l, r) })
		case p < 750:
			w.pair(func(l, r *match.Fact) { w.person(l, r) })
		case p < 880:
			w.pair(func(l, r *match.Fact) { w.soon(l, r) })
		case p < 930:
			w.pair(func(l, r *match.Fact) { w.fee(l, r) })
		case p < 945:
			w.twins()
		case p < 960:
			w.alone(match.Left)
		case p < 975:
			w.alone(match.Right)
		case p < 990:
			w.split()
		case p < 995:
			w.batch()
		case groups:
			w.day()
		}
	}
	return w
}

func (w *World) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.dice.Int64N(int64(b-a)))
}

func (w *World) amount() int64 {
	if w.dice.IntN(10) == 0 { // what people type
		return []int64{500, 1000, 2000, 5000, 10_000}[w.dice.IntN(5)]
	}
	return 100 + w.dice.Int64N(200_000)
}

func (w *World) fact(side match.Side, at time.Time, amount int64) *match.Fact {
	w.n += int(side) // rows of the right side are counted
	f := &match.Fact{Side: side, Currency: "AZN", Amount: amount, At: at.UnixMicro(), Date: int32(at.Sub(time.Unix(0, 0)) / (24 * time.Hour)),
		Key: match.Key{Table: [...]string{"ledger", "bank_entries"}[side], Source: [...]string{"mpay", "bank"}[side], Account: fmt.Sprintf("acc_%d", w.dice.IntN(200)), ID: fmt.Sprintf("%s%08d", [...]string{"l", "r"}[side], len(w.Facts))}}
	w.Facts = append(w.Facts, f)
	return f
}

func (w *World) when() time.Time {
	return epoch.Add(w.between(0, time.Duration(w.days)*24*time.Hour))
}

// pair makes one fact on each side; clocks differ by a minute and a half.
func (w *World) pair(more func(l, r *match.Fact)) {
	at, amount := w.when(), w.amount()
	l, r := w.fact(match.Left, at, amount), w.fact(match.Right, at.Add(w.between(-90*time.Second, 90*time.Second)), amount)
	more(l, r)
	w.Truth[[2]match.Key{l.Key, r.Key}] = true
}

func (w *World) late(r *match.Fact, upTo time.Duration) { r.At += w.between(0, upTo).Microseconds() }

func (w *World) reference(l, r *match.Fact) {
	w.late(r, 48*time.Hour)
	l.Refs = []string{"ref_" + l.Key.ID}
	r.Refs = []string{"own_" + r.Key.ID, "ref_" + l.Key.ID}
}

func (w *World) person(l, r *match.Fact) {
	w.late(r, 12*time.Hour)
	l.Person = fmt.Sprintf("p1_%d", w.dice.IntN(50_000))
	r.Person = l.Person
}

// soon: nothing but amount and time speaks for the pair.
func (w *World) soon(l, r *match.Fact) { w.late(r, 2*time.Minute) }

func (w *World) fee(l, r *match.Fact) {
	if w.dice.IntN(2) == 0 {
		w.reference(l, r)
	} else {
		w.person(l, r)
	}
	l.Amount += 1000
	l.Fee = 10 + w.dice.Int64N(90)
	r.Amount = l.Amount - l.Fee
}

// twins are payments of one amount on one day by several persons.
func (w *World) twins() {
	at, amount := w.when(), w.amount()
	for range 3 {
		l, r := w.fact(match.Left, at.Add(w.between(0, 4*time.Hour)), amount), w.fact(match.Right, at, amount)
		r.At = l.At
		w.person(l, r)
		w.Truth[[2]match.Key{l.Key, r.Key}] = true
	}
}

func (w *World) alone(s match.Side) {
	f := w.fact(s, w.when(), w.amount())
	if w.dice.IntN(2) == 0 {
		f.Refs = []string{"lost_" + f.Key.ID}
	} else {
		f.Person = fmt.Sprintf("p1_%d", w.dice.IntN(50_000))
	}
}

// split is one row that the other system has in parts.
func (w *World) split() {
	at := w.when()
	l := w.fact(match.Left, at, 0)
	l.Refs = []string{"split_" + l.Key.ID}
	for range 2 + w.dice.IntN(3) {
		r := w.fact(match.Right, at.Add(w.between(0, 24*time.Hour)), w.amount())
		r.Refs = l.Refs
		l.Amount += r.Amount
		w.Truth[[2]match.Key{l.Key, r.Key}] = true
	}
}

// batch is one row for many, less their fees.
func (w *World) batch() {
	at := w.when()
	r := w.fact(match.Right, at.Add(24*time.Hour), 0)
	r.Refs = []string{"batch_" + r.Key.ID}
	for range 2 + w.dice.IntN(20) {
		l := w.fact(match.Left, at.Add(w.between(0, 12*time.Hour)), w.amount())
		l.Refs, l.Fee = r.Refs, w.dice.Int64N(50)
		r.Amount += l.Amount - l.Fee
		w.Truth[[2]match.Key{l.Key, r.Key}] = true
	}
}

// day is one row for a day's rows of an account, which it does not name.
func (w *World) day() {
	at := w.when()
	r := w.fact(match.Right, at.Add(24*time.Hour), 0)
	group := fmt.Sprintf("day %d", len(w.Facts))
	for range 2 + w.dice.IntN(20) {
		l := w.fact(match.Left, at.Add(w.between(0, 12*time.Hour)), 100+w.dice.Int64N(1_000_000))
		l.Group, l.Fee = group, w.dice.Int64N(50)
		r.Amount += l.Amount - l.Fee
		w.Truth[[2]match.Key{l.Key, r.Key}] = true
	}
}

// Rule is what the generated systems are matched by.
func Rule() match.Rule {
	return match.Rule{Name: "test", Before: 10 * time.Minute, After: 72 * time.Hour, Related: 31 * 24 * time.Hour, Resolution: 5 * time.Minute,
		Weights: match.DefaultWeights(), Enough: 45, Groups: match.LeftGroups}
}
