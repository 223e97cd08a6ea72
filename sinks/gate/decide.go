package gate

import (
	"errors"
	"fmt"
	"time"
)

// ErrBatch is returned for a batch whose drafts are not what they were when it
// was looked at.
var ErrBatch = errors.New("the drafts have changed since; look at them again: paylake pay status --state draft")

// ApproveBatch decides that a whole batch is approved: the drafts of the ids, all
// of them and as they were when the batch was made, or none.
func ApproveBatch(ids []string, ap Approval, a Approvers, now time.Time) func(View) ([]Change, error) {
	return func(v View) ([]Change, error) {
		drafts := make([]Intent, 0, len(ids))
		for _, id := range ids {
			it, ok := v.Intents[id]
			if !ok {
				return nil, fmt.Errorf("%s: %w", id, ErrAbsent)
			}
			drafts = append(drafts, it)
		}
		b, err := BatchOf(drafts)
		if err != nil {
			return nil, err
		}
		if b.ID != ap.Batch {
			return nil, fmt.Errorf("batch %s: %w", ap.Batch, ErrBatch)
		}
		changes := make([]Change, 0, len(drafts))
		for _, it := range drafts {
			it, line, err := it.Approve(ap, a, now)
			if err != nil {
				return nil, err
			}
			changes = append(changes, Change{Intent: it, Line: line})
		}
		return changes, nil
	}
}
