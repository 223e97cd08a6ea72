package schemas

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Reason says why a row was refused. Reasons are public: they stand in the
// quarantine, in metrics and in exports.
type Reason string

const (
	ReasonMissing   Reason = "missing_field"    // a required field is absent or empty
	ReasonType      Reason = "wrong_type"       // another JSON type than the field has
	ReasonDuplicate Reason = "duplicate_key"    // one JSON object names a key twice
	ReasonAmount    Reason = "amount_syntax"    // not a plain decimal literal: 1e3, NaN, "12,50"
	ReasonScale     Reason = "amount_scale"     // more fraction digits than the currency has
	ReasonRange     Reason = "amount_range"     // beyond 16 integer digits or int64 minor units
	ReasonCurrency  Reason = "currency_unknown" // not an active ISO 4217 code
	ReasonTime      Reason = "time_syntax"      // not a date-time, or a day that does not exist
	ReasonTooLong   Reason = "too_long"         // a literal above the cap
	ReasonForeign   Reason = "foreign_row"      // a row of another project, wallet or account
	ReasonText      Reason = "text_not_utf8"    // invalid UTF-8 or a control character
	ReasonConflict  Reason = "field_conflict"   // two spellings of one field with different values
	ReasonQuote     Reason = "broken_quote"     // a quote that opens or closes in the middle of a field, or never closes
	ReasonColumns   Reason = "column_count"     // more or fewer fields than the heading has
	ReasonTwice     Reason = "id_twice"         // one file gives an id to two different rows
)

// Reject is a row that could not be read. Good rows of the same page go on.
type Reject struct {
	RowID    string // as far as it could be read; never personal data
	Reason   Reason
	Field    string
	Amount   *int64 // minor units, where it could be read
	Currency string
	Raw      []byte // the row's own bytes; they go to the vault, sealed, and nowhere else
}

// ID identifies a rejected row by where it came from and its bytes, so that a
// row seen again is not counted again. 32 hexadecimal digits.
func (r Reject) ID(s Stream) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(s.Source), []byte(s.Table.Name), []byte(s.Wallet), r.Raw} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
