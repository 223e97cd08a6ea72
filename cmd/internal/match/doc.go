// Package match finds rows of two systems that are about the same money: a
// top-up and the terminal's event, a payment and the bank's card entry, the
// operations of a day and the settlement that the bank books for them. Pure: it
// reads ordered streams of facts and knows neither lake nor warehouse.
//
//	fact.go       what is known of a row, and the orders in which facts come
//	rule.go       which sides, which window, what evidence weighs
//	decided.go    what people said: pairs that hold, and pairs that never will
//	run.go        the passes over the streams
//	reference.go  facts with a common reference: one to one, and parts of a sum
//	amount.go     facts of one amount: who pays what, when
//	group.go      a day's rows of an account against one row of their sum
//	pair.go       one to one within a block: best evidence first, then time order
//	score.go      what speaks for a pair, in points
//	slice.go      facts in memory
//
// The outcome is a function of the set of facts: streams are sorted by their
// content, ties are broken by keys, and nothing depends on what arrived first or
// on what was matched before. A fact is in one match of a rule at most.
//
// A pair that is only one of several equally good ones is never guessed. Where
// the others are interchangeable (the same account, person and provider, the
// same amount) the first in time gets the first in time, which cannot be wrong
// in money; everywhere else the candidates are reported as ambiguous.
//
// Memory: one block at a time (a reference, an amount within its window, a
// group), 16 bytes for each fact that is matched, and one sum for each group.
package match
