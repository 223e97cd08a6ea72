// Package gate initiates payments at a payment platform: money moves here, and
// every rule is about moving it at most once.
//
//	order.go     what is to be paid: its id, its bytes, its fingerprint
//	intent.go    an order with everything that has happened to it
//	method.go    what payment methods can do       limits.go    what may be sent in a day
//	plan.go      a plan against the register       approval.go  signed batches
//	decide.go    approving a whole batch           steps.go     what we do to an intent
//	evidence.go  what the platform says of one     next.go      when to ask again
//	doubt.go     evidence that does not settle     erase.go     a payer who is forgotten
//	resolve.go   what a person ends
//	register.go  the contract of what keeps intents
//	reply.go     the contract of a platform        client.go, answer.go  its Gate over HTTP
//	sender.go    the protocol: claim, send once, ask
//	link.go      links to the Payment Page         differences.go  register against list
//
// All but client.go and sender.go take values and return values.
//
// An intent goes draft → approved → sending → accepted or unknown → success,
// decline or manual. It is durably `sending` before a socket is opened, and
// nothing but evidence leads out of `unknown`: no timer ever sends again.
package gate
