// Package webhook tells other systems what happened: a follower of the lake
// that turns committed rows into events, and what delivers them, signed, until
// the receiver has taken them.
//
// An event's id is a function of what happened, made of the provider's own
// references: after a crash, a rebuild or a second look it is the same, and a
// receiver that knows it has been told already. Delivery is at least once.
//
//	manifest ─▶ events ─▶ outbox (one transaction with position and steps) ─▶ Deliver ─▶ receiver
//
// What is stored, and who calls Deliver when, is for the caller: see Outbox and
// Deliveries.
package webhook
