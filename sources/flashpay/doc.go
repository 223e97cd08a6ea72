// Package flashpay reads the payment platform Flashpay, a label of the
// ECommPay platform: its Data API (operations/get) and its signature.
//
//	flashpay.go    configuration and the one signed request (I/O)
//	operations.go  the Source: windows, pages, one request at a time
//	walk.go        limit/offset over a list that changes meanwhile (pure)
//	answer.go      from a body to verified rows (pure)
//	decode.go row.go build.go   from rows to an Arrow record (pure)
//	signature.go flatten.go natural.go   the platform's signature (pure)
//
// Subpackage flashpaytest is a working fake of the platform.
package flashpay
