// Package intents reads what payments write about themselves: with every step
// of a payment a line goes into the inbox, in the transaction that takes the
// step, and from there into the lake as a row of schemas.PaymentIntents.
//
//	line.go   one line, strictly
//	rows.go   lines into rows
//
// Lines come from paylake itself. One that cannot be read is a fault of a
// program and not of somebody's data, so it is an error and no reject: it stays
// in the inbox and everybody hears of it.
package intents
