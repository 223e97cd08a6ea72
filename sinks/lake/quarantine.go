package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"

	"github.com/paylake/paylake/sinks"
)

// QuarantineRow is one rejected row, as it lies in
// quarantine/<table>/<sha256>.jsonl.zst: allow-listed fields that name no
// person. The raw text lies in the vault, under ID. No other hash of it is
// kept: an unkeyed hash of a text that is known but for a telephone number can
// be reversed.
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

// maxQuarantineFile bounds a quarantine file after decompression.
const maxQuarantineFile = 1 << 30

// ReadQuarantine returns the rows of one quarantine file.
func (l *Lake) ReadQuarantine(ctx context.Context, path string) ([]QuarantineRow, error) {
	data, err := l.ReadObject(ctx, path)
	if err != nil {
		return nil, err
	}
	rows, err := decodeQuarantine(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.full(path), err)
	}
	return rows, nil
}

func decodeQuarantine(data []byte) ([]QuarantineRow, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxQuarantineFile))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	text, err := z.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, sinks.ErrCorrupt)
	}
	var rows []QuarantineRow
	for line := range bytes.Lines(text) {
		var r QuarantineRow
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("row %d: %w: %w", len(rows)+1, err, sinks.ErrCorrupt)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// encodeQuarantine writes rows, sorted by id, as a file whose name is its hash.
func encodeQuarantine(z *zstd.Encoder, table string, rows []QuarantineRow) (QuarantineFile, []byte, error) {
	slices.SortFunc(rows, func(a, b QuarantineRow) int { return strings.Compare(a.ID, b.ID) })
	var text bytes.Buffer
	for i := range rows {
		line, err := json.Marshal(&rows[i], jsontext.AllowInvalidUTF8(true))
		if err != nil {
			return QuarantineFile{}, nil, fmt.Errorf("quarantine row %s: %w", rows[i].ID, err)
		}
		text.Write(line)
		text.WriteByte('\n')
	}
	data := z.EncodeAll(text.Bytes(), nil)
	sha := digest(data)
	return QuarantineFile{Path: quarantineKey(table, sha), SHA256: sha, Bytes: int64(len(data)),
		Rows: int64(len(rows))}, data, nil
}

func quarantineKey(table, sha string) string { return "quarantine/" + table + "/" + sha + ".jsonl.zst" }

// loadSeen reads the quarantine files that were committed since the last time,
// so that a rejected row seen again is not counted again.
func (l *Lake) loadSeen(ctx context.Context, id tableID) (map[string]struct{}, error) {
	l.mu.Lock()
	t := l.state(id)
	files, from := t.quarantine, t.seenFiles
	l.mu.Unlock()
	for _, path := range files[from:] {
		rows, err := l.ReadQuarantine(ctx, path)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			t.seen[r.ID] = struct{}{} // only touched under committing
		}
		t.seenFiles++
	}
	return t.seen, nil
}

// QuarantineTotals adds up rejected rows by currency, ascending; those whose
// amount could not be read stand under the empty one.
func QuarantineTotals(rows []QuarantineRow) []Total {
	sums := map[string]*Total{}
	for _, r := range rows {
		addRejected(sums, r)
	}
	return sortedTotals(sums)
}

// quarantineOf turns a part's rejects that are not known yet into rows and
// counts them.
func quarantineOf(p *sinks.Part, known func(id string) bool) ([]QuarantineRow, Quarantined) {
	q := Quarantined{Totals: []Total{}}
	var rows []QuarantineRow
	sums := map[string]*Total{}
	for _, r := range p.Rejects {
		id := r.ID(p.Stream)
		if known(id) || r.Keyed != "" && known(r.PlainID(p.Stream)) { // before ids were keyed
			continue
		}
		row := QuarantineRow{ID: id, Source: p.Stream.Source, Table: p.Stream.Table.Name, WalletID: p.Stream.Wallet,
			RowID: r.RowID, Reason: string(r.Reason), Field: r.Field, Amount: r.Amount, Currency: r.Currency}
		rows = append(rows, row)
		addRejected(sums, row)
	}
	q.Rows = int64(len(rows))
	q.Totals = sortedTotals(sums)
	return rows, q
}

func addRejected(sums map[string]*Total, r QuarantineRow) {
	currency := r.Currency
	if r.Amount == nil {
		currency = ""
	}
	t := sums[currency]
	if t == nil {
		t = &Total{Currency: currency}
		sums[currency] = t
	}
	amount := int64(0)
	if r.Amount != nil {
		amount = *r.Amount
	}
	t.add(amount, 1)
}

// add counts one row with its sign.
func (t *Total) add(amount int64, sign int32) {
	t.Count += int64(sign)
	v := Amount{}.Add(amount)
	side := &t.Credit
	if amount < 0 {
		v, side = Amount{}.Minus(v), &t.Debit
	}
	if sign < 0 {
		v = Amount{}.Minus(v)
	}
	*side = side.Plus(v)
}

func sortedTotals(sums map[string]*Total) []Total {
	out := make([]Total, 0, len(sums))
	for _, t := range sums {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Total) int {
		if c := strings.Compare(a.Provider, b.Provider); c != 0 {
			return c
		}
		return strings.Compare(a.Currency, b.Currency)
	})
	return out
}

// putOnce stores a file whose name is a hash of its content: there already is
// as good as stored, if its bytes are those. What a crash left long ago may have
// rotted since, and no manifest may publish that.
func putOnce(ctx context.Context, b bucket, key string, data []byte) error {
	err := b.Create(ctx, key, data)
	if errors.Is(err, errTaken) {
		return mend(ctx, b, key, data)
	}
	return err
}
