package gate

import (
	"context"
	"errors"
	"time"
)

// Register keeps intents durably. It decides nothing itself: what changes is
// decided by the functions of this package, on one moment's view, and stored
// whole or not at all.
type Register interface {
	// Decide has decide look at the intents of the ids as they stand, and stores
	// what it returns, with one line of history each, in one durable transaction
	// that no other Decide and no change of the kill switch overlaps. Where decide
	// fails nothing changes and its error is returned. decide must not block and may
	// be called again.
	Decide(ctx context.Context, ask Ask, decide func(View) ([]Change, error)) error
	// Load reads one intent; ErrAbsent when there is none.
	Load(ctx context.Context, id string) (Intent, error)
	// Killed reports whether the kill switch is on. Whoever cannot read it must
	// take it for on.
	Killed(ctx context.Context) (bool, error)
}

// ErrAbsent is returned for an intent that the register does not have.
var ErrAbsent = errors.New("there is no such payment")

// Ask says what a decision needs to see.
type Ask struct {
	IDs   []string
	Since time.Time // money committed by intents first sent since then; zero: not asked
}

// View is what a decision sees, all of one moment.
type View struct {
	Intents map[string]Intent // by payment_id; those that there are
	Killed  bool
	Used    []Used
}

// Used is money that intents have committed: by whom, for whom.
type Used struct {
	Tenant, Job, ProviderCode, Currency string
	Minor                               int64
}

// Change is an intent as it shall stand, and the line that says why. The
// register counts versions: one more than the intent had, 1 for a new one.
type Change struct {
	Intent Intent
	Line   Transition
	// Wake wants the intent looked at by whoever drives payments, at NextAt.
	Wake bool
}
