// Package decisions is what persons decide about what the lake holds, and how
// that is kept: as rows of schemas.Decisions, each a commit of its own.
//
//	decision.go  one decision, what it says, and what it is called
//	ledger.go    all of them in their order: which is in force
//	period.go    months, quarters, and a month with all that follow
//	check.go     what cannot be decided
//	rows.go      to and from rows
//	record.go    reading them from the lake, and committing more
//
// Nothing is ever changed. Who thinks otherwise decides again, and the last word
// about a subject is in force.
package decisions
