package gate

import (
	"context"
	"errors"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Reply is what came of a request that moves money.
type Reply struct {
	Kind      Kind
	Code      Code
	RequestID string
	Why       string // for people; quotes no personal data
}

// without is a reply that does not repeat the payer's code: what a platform says
// of it is kept, and the code is not.
func (r Reply) without(code string) Reply {
	r.Code.Message, r.Why = strings.ReplaceAll(r.Code.Message, code, "***"), strings.ReplaceAll(r.Why, code, "***")
	return r
}

// discreet is a reply whose message for people cannot repeat the payer's code.
// The number of the platform's code stays.
func (r Reply) discreet() Reply {
	said := r.Code.Message
	r.Code.Message = schemas.HideCodes(said)
	if head, ok := strings.CutSuffix(r.Why, said); ok {
		r.Why = head + r.Code.Message
	}
	return r
}

// discreet is evidence that cannot repeat the payer's code.
func (e Evidence) discreet() Evidence {
	e.State, e.Code.Message = schemas.HideCodes(e.State), schemas.HideCodes(e.Code.Message)
	return e
}

// hasCode reports whether a code of the payer was asked for or given: from then on
// what the platform says may repeat it, now or much later.
func (it Intent) hasCode() bool {
	return !it.CodeAsked.IsZero() || !it.CodeGiven.IsZero() || it.CodeState != ""
}

// Kind of a reply. Everything that is not certain is Unsure.
type Kind uint8

// Kinds of replies.
const (
	Unsure  Kind = iota // it may have been taken: timeouts, broken answers, server errors
	NotSent             // certainly no byte of it went out
	Taken               // accepted, which is not paid
	Refused             // certainly not taken: the request is wrong
	Barred              // certainly not taken: we are not let in
	Exists              // the platform has a payment of this id: its status says which
)

// Platform is a payment platform's Gate. Requests end with their contexts, and
// none is ever repeated by itself.
type Platform interface {
	// Sale sends the canonical bytes of an order once.
	Sale(ctx context.Context, body []byte) Reply
	// Clarify hands the payer's approval code over once.
	Clarify(ctx context.Context, paymentID, code string) Reply
	// Status asks how a payment stands. ErrNotFound: the platform says that there is
	// none. Every other error says nothing about the payment.
	Status(ctx context.Context, paymentID string) (Evidence, error)
}

// ErrNotFound is returned when the platform says that it has no such payment.
var ErrNotFound = errors.New("the platform has no such payment")
