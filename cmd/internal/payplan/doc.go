// Package payplan turns what a query of the warehouse answers into orders to
// pay. It is pure: the day, the rows and the payers are given.
//
//	templates.go  queries that need not be written
//	needs.go      since when what a template goes by must have been read
//	read.go       an answer into rows, strictly
//	payers.go     who pays: the file of telephone numbers
//	orders.go     rows and payers into orders
//
// A row that cannot be paid as it stands is a finding and becomes no order:
// nothing is guessed, rounded or repaired. The other rows go on.
package payplan
