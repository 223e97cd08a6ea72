package gate

import "time"

// Status is where an intent stands.
type Status string

// The states. Success and decline are final; manual waits for a person.
const (
	Draft     Status = "draft"     // planned
	Approved  Status = "approved"  // by somebody else than the maker
	Sending   Status = "sending"   // durably so before a socket is opened
	Accepted  Status = "accepted"  // the platform has it and has not decided
	Unknown   Status = "unknown"   // sent, perhaps; only evidence leads on
	Success   Status = "success"   // the money has moved
	Decline   Status = "decline"   // it has not, and will not
	Manual    Status = "manual"    // a person must look
	Withdrawn Status = "withdrawn" // never sent, and not wanted any more
)

// Statuses lists all states, in the order in which they follow each other.
func Statuses() []Status {
	return []Status{Draft, Approved, Sending, Accepted, Unknown, Success, Decline, Manual, Withdrawn}
}

// Final reports whether nothing follows by itself.
func (s Status) Final() bool { return s == Success || s == Decline || s == Withdrawn }

// Committed reports whether the money counts against limits: it has moved, or
// may have or may still.
func (s Status) Committed() bool {
	switch s {
	case Sending, Accepted, Unknown, Success, Manual:
		return true
	}
	return false
}

// Intent is an order with everything that has happened to it.
type Intent struct {
	PaymentID   string `json:"payment_id"`
	Order       Order  `json:"order"`
	Fingerprint string `json:"fingerprint"`
	Status      Status `json:"status"`
	Version     int64  `json:"version"` // changes so far; the register counts them

	Maker      string   `json:"maker"`
	PlannedFor string   `json:"planned_for,omitempty"` // YYYY-MM-DD, the day of the plan that made or changed the draft
	Approval   Approval `json:"approval,omitzero"`

	Fence    int64     `json:"fence,omitempty"`      // sendings so far; an answer belongs to one
	Resent   bool      `json:"resent,omitempty"`     // a person had it sent again: an earlier sending may have been taken
	SentAt   time.Time `json:"sent_at,omitzero"`     // when it was first claimed for sending
	Lease    time.Time `json:"lease,omitzero"`       // until then its sender may still be at it
	Accepted time.Time `json:"accepted_at,omitzero"` // when the platform was first known to have it
	Settled  time.Time `json:"settled_at,omitzero"`  // when it became final
	Changed  time.Time `json:"changed_at"`

	Absent   int       `json:"absent,omitempty"`   // agreeing answers "not found" since the last sending
	AbsentAt time.Time `json:"absent_at,omitzero"` // the latest that counted
	Again    bool      `json:"again,omitempty"`    // evidence says that the platform has nothing: a person may have the same bytes sent again
	NextAt   time.Time `json:"next_at,omitzero"`   // when there is something to do again; zero: nothing by itself

	CodeAsked time.Time `json:"code_asked_at,omitzero"` // the platform waits for the payer's code since then
	CodeGiven time.Time `json:"code_given_at,omitzero"` // a code was on its way to the platform at that time
	CodeState CodeState `json:"code_state,omitempty"`

	Told      string `json:"told,omitempty"`         // the platform's latest word for the payment's state
	Operation string `json:"operation_id,omitempty"` // the platform's
	Request   string `json:"request_id,omitempty"`   // the platform's
	Code      Code   `json:"code,omitzero"`          // of the latest refusal or decision
	Finding   string `json:"finding,omitempty"`      // what a person should look at; empty: nothing
	Reason    string `json:"reason,omitempty"`       // why it stands where it stands
}

// Code is a code of the platform. Request errors and results of operations use
// the same numbers for different things.
type Code struct {
	Space   string `json:"space"` // request or operation
	Number  string `json:"number"`
	Message string `json:"message,omitempty"`
}

// Approval is somebody's signed consent to an order.
type Approval struct {
	By    string    `json:"by"`
	Batch string    `json:"batch"`
	At    time.Time `json:"at"`
	Note  string    `json:"note"` // the signed text with every fingerprint of the batch
}

// CodeState is how far the payer's approval code is.
type CodeState string

// States of the code; empty: none was handed over.
const (
	CodeSending CodeState = "sending" // durably so before it goes out
	CodeTaken   CodeState = "taken"
	CodeRefused CodeState = "refused"
	CodeUnknown CodeState = "unknown"
)

// Transition is one line of an intent's history.
type Transition struct {
	PaymentID string    `json:"payment_id"`
	Version   int64     `json:"version"` // from 1 on
	At        time.Time `json:"at"`
	From      Status    `json:"from,omitempty"` // empty: it was not there
	To        Status    `json:"to"`
	Event     string    `json:"event"` // what happened: planned, approved, claimed, …
	By        string    `json:"by"`    // a person, or sender, poll, callback
	Reason    string    `json:"reason,omitempty"`
}
