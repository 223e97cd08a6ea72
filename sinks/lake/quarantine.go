package lake

import (
	"context"
	"errors"
)

// QuarantineRow is one rejected row, as it lies in
// quarantine/<table>/<sha256>.jsonl.zst: allow-listed fields that name no
// person. The raw text lies in the vault, under ID.
type QuarantineRow struct {
	ID       string `json:"id"` // schemas.Reject.ID
	Source   string `json:"source"`
	Table    string `json:"table"`
	WalletID string `json:"wallet_id"`
	RowID    string `json:"row_id"`
	Reason   string `json:"reason"`
	Field    string `json:"field"`
	Amount   *int64 `json:"amount_minor,string"` // null when it could not be read
	Currency string `json:"currency"`
}

// ReadQuarantine returns the rows of one quarantine file.
func (l *Lake) ReadQuarantine(ctx context.Context, path string) ([]QuarantineRow, error) {
	return nil, errors.New("lake: ReadQuarantine is being written")
}
