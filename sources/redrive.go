package sources

import "context"

// Refused is a row that was refused, as quarantine keeps it.
type Refused struct {
	RowID    string
	Currency string // that its money was read in: the row's own or its answer's; may be empty
	Raw      []byte
}

// Decoded is what became of a Refused row: a page of its rows or of the reject
// that it still is, or why it cannot be decoded again by itself.
type Decoded struct {
	Page Page
	Err  error
}

// Redriver is a Source that can decode refused rows again, each as if it came in
// an answer of its own, whatever window it belongs to. There is one Decoded for
// every row, in their order. The receiver owns the pages' rows.
type Redriver interface {
	Source
	Redrive(ctx context.Context, rows []Refused) []Decoded
}
