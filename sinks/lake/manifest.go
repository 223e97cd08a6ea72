package lake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Format is the version of the on-disk format that this code writes, and the
// highest that it reads.
const Format = 1

// KindData marks the manifest of rows read from a source.
const KindData = "data"

// KindCompact marks a manifest that changes no row: it names objects that hold
// the rows of several older ones, to be read instead of these.
const KindCompact = "compact"

// KindDecision and KindClose mark manifests of what persons decided: rows of
// schemas.Decisions and nothing else. Closing a period has a kind of its own, so
// that history shows where books were closed without an object being read.
const (
	KindDecision = "decision"
	KindClose    = "close"
)

// Manifest is one commit, as it lies in manifests/<20 digits>.json. Money and
// hashes are JSON strings, counts are numbers; keys that a reader does not know
// are ignored.
type Manifest struct {
	Format        int              `json:"format"`
	Kind          string           `json:"kind"`
	Sequence      int64            `json:"sequence"`
	PrevSHA256    string           `json:"prev_sha256"` // of the previous manifest's exact bytes; empty in the first
	CreatedAt     time.Time        `json:"created_at"`
	Source        string           `json:"source"`
	Table         string           `json:"table"`
	SchemaVersion int              `json:"schema_version"`
	Kept          []string         `json:"kept,omitempty"` // columns beyond the version (keep:), in order
	Parts         []Part           `json:"parts"`
	Objects       []Object         `json:"objects"`
	Quarantine    []QuarantineFile `json:"quarantine"`
	Totals        []Total          `json:"totals"` // of all objects, by provider and currency, ascending
	Merged        []Merge          `json:"merged,omitempty"`
}

// Merge says, in a manifest of kind compact, which objects one of its objects
// holds the rows of.
type Merge struct {
	Object string         `json:"object"` // path of the new one
	From   []MergedObject `json:"from"`   // in the order of their commits
}

// MergedObject is an older object, as the manifest says that published it.
type MergedObject struct {
	Path     string `json:"path"`
	SHA256   string `json:"sha256"`
	Sequence int64  `json:"sequence"` // of that manifest
	Rows     int64  `json:"rows"`
	HashSum  uint64 `json:"hash_sum,string"`
}

// Part is one window of one wallet.
type Part struct {
	WalletID    string           `json:"wallet_id"`
	Window      schemas.Window   `json:"window,omitzero"` // absent for a catalogue
	Final       bool             `json:"final"`           // completes the window
	Past        bool             `json:"past"`            // before the look-back
	Rows        int64            `json:"rows"`            // read: inserted + duplicates
	Inserted    int64            `json:"inserted"`        // new rows and revisions
	Retracted   int64            `json:"retracted"`
	Duplicates  int64            `json:"duplicates"`
	Quarantined Quarantined      `json:"quarantined"`
	Chain       BalanceChain     `json:"balance_chain"`
	Unknown     map[string]int64 `json:"unknown,omitempty"`
	ConsentID   string           `json:"consent_id,omitempty"`
	File        *schemas.File    `json:"file,omitempty"`     // what the part was read from, where it was a file
	Resolves    []string         `json:"resolves,omitempty"` // ids of quarantined rows that came in after all, ascending
	Hint        bool             `json:"hint,omitempty"`     // read from notices, which what is read later confirms
	Asked       bool             `json:"asked,omitempty"`    // read because a person named its days, not by the plan
}

// Quarantined counts the rejects of a part that the lake had not seen before.
// Its totals have no provider; rejects whose amount could not be read are
// counted under an empty currency.
type Quarantined struct {
	Rows   int64   `json:"rows"`
	Totals []Total `json:"totals"`
}

// BalanceChain is the verdict on a part's running balance.
type BalanceChain struct {
	State    sinks.ChainState `json:"state"`
	Boundary *int64           `json:"boundary_minor,string,omitempty"` // closing of the window before, where it was checked
	Opening  *int64           `json:"opening,string"`                  // balance before the first row; null when unknown
	Closing  *int64           `json:"closing,string"`                  // balance after the last row; null when unknown
	ClosedAt time.Time        `json:"closed_at,omitzero"`              // time of the row that Closing belongs to
	Breaks   []Break          `json:"breaks"`
}

// Break is sinks.Break with its amount as a string.
type Break struct {
	After   string    `json:"after"`
	Before  string    `json:"before"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Missing int64     `json:"missing_minor,string"`
}

// Object is one Parquet file: rows of one table and one month.
type Object struct {
	Path      string    `json:"path"`
	SHA256    string    `json:"sha256"`
	Bytes     int64     `json:"bytes"`
	Rows      int64     `json:"rows"` // retraction rows included
	MinTime   time.Time `json:"min_time,omitzero"`
	MaxTime   time.Time `json:"max_time,omitzero"` // inclusive
	Month     string    `json:"month,omitempty"`   // YYYY-MM of business_date; absent for a catalogue
	MinWallet string    `json:"min_wallet,omitempty"`
	MaxWallet string    `json:"max_wallet,omitempty"`
	HashSum   uint64    `json:"hash_sum,string"` // Σ row_hash modulo 2^64 over all rows, retractions included
	Sums      []Sum     `json:"sums"`            // by currency, ascending
}

// Sum is one currency's share of an object: what a follower checks a load
// against.
type Sum struct {
	Currency string `json:"currency"`
	Rows     int64  `json:"rows"`         // rows, retractions included
	Amount   Amount `json:"amount_minor"` // Σ sign·amount
}

// QuarantineFile is one file of rejected rows.
type QuarantineFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Rows   int64  `json:"rows"`
}

// Total is the control total of one provider and currency. Tables without
// amounts have totals with an empty currency and a count alone.
type Total struct {
	Provider string `json:"provider_code"`
	Currency string `json:"currency"`
	Count    int64  `json:"count"`        // Σ sign
	Debit    Amount `json:"debit_minor"`  // Σ sign·|amount| of negative amounts
	Credit   Amount `json:"credit_minor"` // Σ sign·amount of positive amounts
}

// Entry is a manifest and the SHA-256 of its exact bytes.
type Entry struct {
	Manifest
	SHA256 string
}

// encode writes a manifest's bytes: one key per line, so that people can read
// and compare them.
func (m *Manifest) encode() ([]byte, error) {
	b, err := json.Marshal(m, jsontext.WithIndent(" "), json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("manifest %d: %w", m.Sequence, err)
	}
	return append(b, '\n'), nil
}

// decodeManifest reads the manifest stored under a sequence number.
func decodeManifest(seq int64, data []byte) (Entry, error) {
	var head struct {
		Format int `json:"format"`
	}
	var e Entry
	if err := json.Unmarshal(data, &head); err != nil {
		return e, fmt.Errorf("manifest %d is not readable: %w: %w", seq, err, sinks.ErrCorrupt)
	}
	if head.Format > Format {
		return e, fmt.Errorf("manifest %d has format %d, this paylake reads up to %d: %w", seq, head.Format, Format, sinks.ErrNewer)
	}
	if err := json.Unmarshal(data, &e.Manifest); err != nil {
		return e, fmt.Errorf("manifest %d is not readable: %w: %w", seq, err, sinks.ErrCorrupt)
	}
	if e.Format != Format || e.Sequence != seq {
		return e, fmt.Errorf("manifest %d says format %d, sequence %d: %w", seq, e.Format, e.Sequence, sinks.ErrCorrupt)
	}
	if e.Kind == KindCompact && len(e.Parts)+len(e.Quarantine) > 0 {
		return e, fmt.Errorf("manifest %d merges objects and has parts of its own: %w", seq, sinks.ErrCorrupt)
	}
	if err := e.checkKind(seq); err != nil {
		return e, err
	}
	e.SHA256 = digest(data)
	return e, nil
}

// checkKind refuses rows under a kind that may not bring them. A decision that
// came as data could pass for something that an upstream said.
func (e *Entry) checkKind(seq int64) error {
	decided := e.Table == schemas.Decisions.Name
	switch {
	case len(e.Parts)+len(e.Objects)+len(e.Quarantine) == 0 || e.Kind == KindCompact:
		return nil
	case e.Kind == KindData && !decided:
		return nil
	case e.Kind == KindData:
		return fmt.Errorf("manifest %d brings decisions as data: %w", seq, sinks.ErrCorrupt)
	case (e.Kind == KindDecision || e.Kind == KindClose) && decided:
		if e.Source != schemas.DecisionSource || len(e.Quarantine) > 0 {
			return fmt.Errorf("manifest %d has decisions of source %q, or rejects of some: %w", seq, e.Source, sinks.ErrCorrupt)
		}
		return nil
	}
	return fmt.Errorf("manifest %d of kind %q changes rows in a way this paylake does not know: %w", seq, e.Kind, sinks.ErrNewer)
}

func digest(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

func manifestKey(seq int64) string { return fmt.Sprintf("manifests/%020d.json", seq) }
