package schemas

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"regexp"
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

	// Of checks with severity reject; the row itself could be read.
	ReasonRequired   Reason = "check_required"   // a column that must say something is empty or NULL
	ReasonOutOfRange Reason = "check_range"      // a number or date beyond the bounds that the pipeline sets
	ReasonPattern    Reason = "check_pattern"    // a text of another form than the pipeline asks for
	ReasonVocabulary Reason = "check_vocabulary" // a word that the pipeline does not list
)

// Reject is a row that could not be read. Good rows of the same page go on.
type Reject struct {
	RowID    string // as far as it could be read; never personal data
	Reason   Reason
	Field    string
	Amount   *int64 // minor units, where it could be read
	Currency string
	Raw      []byte // the row's own bytes; they go to the vault, sealed, and nowhere else
	Columns  bool   // Raw is the row as it was decoded (see Refuse), not the upstream's text
	Keyed    string // what Pseudonymizer.NameReject says, where somebody has asked it
}

// ID identifies a rejected row by where it came from and its bytes, so that a
// row seen again is not counted again. 32 hexadecimal digits.
func (r Reject) ID(s Stream) string {
	if r.Keyed != "" {
		return r.Keyed
	}
	return r.PlainID(s)
}

// PlainID is the id without a key, which lakes of earlier versions hold: whoever
// knows a row but for a telephone number could try all numbers against it.
func (r Reject) PlainID(s Stream) string {
	h := sha256.New()
	r.identity(h, s)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// NameReject gives a rejected row its id, under the first pseudonym key, which no
// rotation changes: 32 hexadecimal digits. In a row that had been decoded, persons
// get their first names, for the same reason.
func (p *Pseudonymizer) NameReject(r *Reject, s Stream) error {
	key, err := hkdf.Key(sha256.New, p.keys[0].key, nil, "paylake quarantine id", sha256.Size)
	if err != nil {
		return err
	}
	if r.Columns {
		r.Raw = pseudonymForm.ReplaceAllFunc(r.Raw, func(name []byte) []byte {
			if first, ok := p.Former(string(name), p.keys[0].version); ok {
				return []byte(first)
			}
			return name
		})
	}
	m := hmac.New(sha256.New, key)
	r.identity(m, s)
	r.Keyed = hex.EncodeToString(m.Sum(nil)[:16])
	return nil
}

// Persons are the pseudonyms in a text.
func Persons(text []byte) (names []string) {
	for _, name := range pseudonymForm.FindAll(text, -1) {
		names = append(names, string(name))
	}
	return names
}

var pseudonymForm = regexp.MustCompile(`p[0-9]+_[0-9a-f]{32}`)

func (r Reject) identity(h hash.Hash, s Stream) {
	for _, part := range [][]byte{[]byte(s.Source), []byte(s.Table.Name), []byte(s.Wallet), r.Raw} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
}
