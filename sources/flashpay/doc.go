// Package flashpay reads the payment platform Flashpay, a label of the
// ECommPay platform: its Data API and its signature.
//
//	flashpay.go    configuration
//	request.go refusal.go   one signed request and what can come back (I/O)
//	windowed.go    Sources read by intervals: windows and pages
//	observed.go    Sources of what is shown as of now: balances, rates
//	endpoint.go listings.go   the lists beyond operations, and their words
//	cut.go sheet.go sheetread.go rate.go   rows of any list into records (pure)
//	walk.go        limit/offset over a list that changes meanwhile (pure)
//	answer.go      from a body to verified rows (pure)
//	decode.go row.go text.go build.go   from rows to an Arrow record (pure)
//	signature.go flatten.go grammar.go natural.go   the platform's signature (pure)
//
// Subpackage flashpaytest is a working fake of the platform.
package flashpay
