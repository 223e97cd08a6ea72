// Package reconcile compares what somebody expects of a period with what the
// lake and the warehouse hold. It is pure: rows, expectations and the clock are
// given.
//
//	period.go   a month or a quarter, and whether it is over
//	line.go     what a line of an expectation file says
//	csv.go      expectations from CSV
//	yaml.go     expectations from YAML
//	resolve.go  lines against what is known: codes, wallets, currencies, decimals
//	row.go      a row of the ledger, and what it counts for
//	book.go     one side summed up
//	groups.go   expectations by what they are about
//	rows.go     the rows in which two sides differ
//	parts.go    the rows behind a sum
//	complete.go what was not read yet
//	compare.go  everything together, and the report
//
// Money is integer minor units; a sum that does not fit is an error.
package reconcile
