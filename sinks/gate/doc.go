// Package gate initiates payments at a payment platform: money moves here, and
// every rule is about moving it at most once.
//
//	order.go    what is to be paid: its id, its bytes, its fingerprint
//	intent.go   an order with everything that has happened to it
//	method.go   what payment methods can do
//
// An intent goes draft → approved → sending → accepted or unknown → success,
// decline or manual. It is durably `sending` before a socket is opened, and
// nothing but evidence leads out of `unknown`: no timer ever sends again.
package gate
