// Package chaos holds tests alone: upstreams that misbehave in every way they
// know, read by the real pipeline into a real lake in virtual time. What is
// drawn is a history of an upstream; what must hold is that no row is ever
// missing in silence, and that in the end the lake is the upstream's ledger.
package chaos
