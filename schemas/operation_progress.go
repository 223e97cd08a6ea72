package schemas

// Ranks of operation states.
const (
	rankUnderway = iota // nothing is decided yet
	rankDecided         // the platform is done with it
	rankUndone          // decided, and taken back since
)

// underway and undone are the platform's states that something may follow. All
// others are final, those that nobody has told us about included: an unknown
// word must never be overwritten by "processing".
var (
	underway = map[string]bool{
		"": true, "processing": true, "external processing": true, "awaiting approval": true, "awaiting 3ds result": true,
		"awaiting merchant auth": true, "awaiting redirect result": true, "awaiting customer": true, "awaiting customer action": true,
		"awaiting clarification": true, "awaiting capture": true, "awaiting payment": true, "awaiting confirmation": true,
		"awaiting retry": true, "awaiting clearing": true, "partially paid": true,
	}
	decided = map[string]bool{"success": true, "decline": true, "error": true, "cancelled": true, "canceled": true, "expired": true,
		"internal error": true, "external error": true}
	undone = map[string]bool{"reversed": true, "partially reversed": true, "refunded": true, "partially refunded": true}
)

// OperationFinal reports whether a state of an operation is one that the
// platform does not move on from by itself.
func OperationFinal(state string) bool { return !underway[state] }

// OperationRank orders the states of operations. A success may be taken back;
// nothing decided is ever under way again.
func OperationRank(state string) int {
	switch {
	case underway[state]:
		return rankUnderway
	case undone[state]:
		return rankUndone
	}
	return rankDecided
}

// OperationKnown reports whether a state is one of the platform's published ones.
func OperationKnown(state string) bool { return underway[state] || decided[state] || undone[state] }
