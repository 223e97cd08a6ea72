package gatetest

import "time"

// Payment is what the fake remembers of one payment, for whoever looks in from
// outside. It holds no telephone number.
type Payment struct {
	ID         string    `json:"payment_id"`
	CustomerID string    `json:"customer_id"`
	Account    string    `json:"account_masked"`
	Minor      int64     `json:"amount_minor"` // KGS
	Status     string    `json:"status"`       // in the platform's words; empty: asked for and not taken
	Operation  int64     `json:"operation_id,omitempty"`
	Request    string    `json:"request_id,omitempty"`
	Created    time.Time `json:"created_at,omitzero"`
	Decided    time.Time `json:"decided_at,omitzero"`
	Asked      int       `json:"asked"`    // sales asked for
	Executed   int       `json:"executed"` // how often the money has moved
}

// Payments lists what the fake remembers, in the order in which it came.
func (g *Gate) Payments() []Payment {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Payment, 0, len(g.order))
	for _, id := range g.order {
		p := g.payments[id]
		out = append(out, Payment{p.id, p.customer, p.account, p.amount, p.status, p.operation, p.request, p.created, p.decided, p.asked, p.executed})
	}
	return out
}

// Restore has a new fake remember what another one did.
func (g *Gate) Restore(list []Payment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range list {
		g.payments[p.ID] = &paid{id: p.ID, customer: p.CustomerID, account: p.Account, amount: p.Minor, status: p.Status, operation: p.Operation,
			request: p.Request, created: p.Created, decided: p.Decided, asked: p.Asked, executed: p.Executed}
		g.order = append(g.order, p.ID)
		g.serial = max(g.serial, p.Operation-firstOperation)
	}
}

// Behave changes how payments are treated from now on.
func (g *Gate) Behave(b Behaviour) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.o.Behave = func(string, int) Behaviour { return b }
}
