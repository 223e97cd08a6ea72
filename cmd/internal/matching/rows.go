package matching

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// link is one row of schemas.Matches.
type link struct {
	match, rule, state, shape, reasons, counted, adds, decision string

	score      int32
	left       *match.Fact
	right      *match.Fact
	amount     int64
	difference int64
}

func linkOf(d decisions.Decision, l, r *found, state, shape string, score int32, id string) link {
	k := link{match: id, rule: Manual, state: state, shape: shape, score: score, reasons: d.By + ": " + d.Reason, counted: counted(l.Key, r.Key), decision: d.ID,
		left: &l.Fact, right: &r.Fact, amount: l.Amount}
	if shape == "1:n" {
		k.amount = r.Amount
	}
	if state == "matched" {
		k.adds = "double_count"
	}
	return k
}

// linksOf hands out the pairs of a match of a rule.
func linksOf(r *Rule, m *match.Match, each func(*link) error) error {
	k := link{match: m.ID, rule: r.Name, state: string(m.State), shape: m.Shape(), score: int32(m.Score), reasons: match.Explain(m.Reasons), difference: m.Difference}
	for _, l := range m.Left {
		for _, x := range m.Right {
			k.left, k.right, k.amount, k.counted = l, x, l.Amount, counted(l.Key, x.Key)
			if len(m.Right) > 1 {
				k.amount = x.Amount
			}
			if k.adds = ""; r.Once && m.State == match.Matched {
				k.adds = "double_count"
			}
			if err := each(&k); err != nil {
				return err
			}
		}
	}
	return nil
}

// id names the pair of a rule.
func (k *link) id() string {
	sum := sha256.Sum256([]byte(k.rule + "\n" + k.left.Key.String() + "\n" + k.right.Key.String()))
	return "lnk_" + hex.EncodeToString(sum[:8])
}

func (k *link) text(column string) string {
	l, r := &k.left.Key, &k.right.Key
	switch column {
	case "source":
		return schemas.DecisionSource
	case "link_id":
		return k.id()
	case "match_id":
		return k.match
	case "rule":
		return k.rule
	case "state":
		return k.state
	case "shape":
		return k.shape
	case "reasons":
		return k.reasons
	case "counted":
		return k.counted
	case "adds":
		return k.adds
	case "currency":
		return k.left.Currency
	case "decision_id":
		return k.decision
	case "left_table":
		return l.Table
	case "left_source":
		return l.Source
	case "left_account":
		return l.Account
	case "left_id":
		return l.ID
	case "right_table":
		return r.Table
	case "right_source":
		return r.Source
	case "right_account":
		return r.Account
	}
	return r.ID
}

func (k *link) number(column string) int64 {
	switch column {
	case "left_at":
		return k.left.At
	case "right_at":
		return k.right.At
	case "amount_minor":
		return k.amount
	case "left_minor":
		return k.left.Amount
	case "right_minor":
		return k.right.Amount
	}
	return k.difference
}

// month collects the rows of one month of left_at, in UTC.
type month struct {
	from, to time.Time
	rows     *sinks.Spool
	b        *array.RecordBuilder
	n        int
	digest   hash.Hash
	line     []byte // of one row, for the digest
}

// Rows of a month that are in memory before they go to disk, and of a record.
const (
	held   = 8192
	record = 1024
)

// rowsByMonth collects links.
type rowsByMonth struct {
	months map[string]*month
	temp   string
}

func monthOf(micros int64) (name string, from, to time.Time) {
	at := time.UnixMicro(micros).UTC()
	from = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return from.Format("2006-01"), from, from.AddDate(0, 1, 0)
}

func (m *rowsByMonth) add(k *link) error {
	name, from, to := monthOf(k.left.At)
	p := m.months[name]
	if p == nil {
		schema := schemas.Matches.ArrowSchema()
		p = &month{from: from, to: to, rows: sinks.NewSpool(schema, m.temp, held), b: array.NewRecordBuilder(memory.NewGoAllocator(), schema), digest: sha256.New()}
		m.months[name] = p
	}
	p.line = p.line[:0]
	for i, f := range schemas.Matches.Fields {
		switch b := p.b.Field(i).(type) {
		case *array.StringBuilder:
			text := k.text(f.Name)
			b.Append(text)
			p.line = append(append(strconv.AppendInt(p.line, int64(len(text)), 10), ' '), text...)
		case *array.Int64Builder:
			b.Append(k.number(f.Name))
			p.line = append(strconv.AppendInt(p.line, int64(k.number(f.Name)), 10), ' ')
		case *array.Int32Builder:
			b.Append(k.score)
			p.line = append(strconv.AppendInt(p.line, int64(k.score), 10), ' ')
		case *array.TimestampBuilder:
			b.Append(arrow.Timestamp(k.number(f.Name)))
			p.line = append(strconv.AppendInt(p.line, int64(k.number(f.Name)), 10), ' ')
		case *array.Date32Builder:
			b.Append(arrow.Date32(k.left.Date))
			p.line = append(strconv.AppendInt(p.line, int64(k.left.Date), 10), ' ')
		}
	}
	p.digest.Write(p.line)
	if p.n++; p.n < record {
		return nil
	}
	return p.flush()
}

func (p *month) flush() error {
	if p.n == 0 {
		return nil
	}
	p.n = 0
	return p.rows.Append(p.b.NewRecord())
}

func (m *rowsByMonth) names() []string { return slices.Sorted(maps.Keys(m.months)) }

func (m *rowsByMonth) release() {
	for _, p := range m.months {
		p.rows.Release()
		p.b.Release()
	}
	m.months = nil
}
