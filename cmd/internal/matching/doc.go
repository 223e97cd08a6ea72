// Package matching is what package match needs around it: which rows of which
// tables are facts, the rules of every user, what people decided, and the rows
// of schemas.Matches that come of it.
//
//	kinds.go    what is read as a fact, by name
//	rules.go    the rules, and how a configuration changes them
//	facts.go    facts from the warehouse, sorted there
//	manual.go   pairs that people made or took apart
//	rows.go     matches as rows of the lake, by month
//	step.go     one matching, from what the warehouse shows to what the lake says
//	print.go    what a matching depends on, to know that nothing has changed
//
// Facts are sorted by ClickHouse and paired here. It has them, sorts on disk
// beyond a bound, and reads as columns; a pairing in SQL would need a join of
// rows by ranges of time, whose result for equal amounts grows with their square,
// and could not explain itself. docs/figures.md has the times.
package matching
