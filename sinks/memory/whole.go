package memory

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// What a part that states a whole says about rows that it does not hold: a
// corrected file withdraws them, a catalogue retires them.

func statedKeys(read [][]offered) map[schemas.Key]bool {
	out := map[schemas.Key]bool{}
	for _, rows := range read {
		for _, o := range rows {
			out[o.key] = true
		}
	}
	return out
}

func timeOf(t *schemas.Table, rec arrow.Record, i int) time.Time {
	if t.Time == "" {
		return time.Time{}
	}
	return time.UnixMicro(int64(rec.Column(t.Index(t.Time)).(*array.Timestamp).Value(i))).UTC()
}

// withdraw takes back the rows of a corrected file's days that nobody states.
func (s *Sink) withdraw(p *sinks.Part, current map[schemas.Key]row, stated map[schemas.Key]bool, st *stream, r *sinks.Receipt) {
	if p.File == nil || p.File.Replaces.IsZero() {
		return
	}
	for k, old := range current {
		if !stated[k] && p.File.Replaces.Contains(old.at) {
			delete(current, k)
			r.Retracted++
			st.done.Rows--
		}
	}
}

// news reports whether a part completes a wording of a file that is not known.
func (st *stream) news(f *schemas.File) bool {
	if f == nil || !f.Last {
		return false
	}
	old, ok := st.done.Files[f.Name]
	return !ok || !old.Last || old.Version != f.Version
}

func (st *stream) note(f *schemas.File) {
	if f == nil {
		return
	}
	if st.done.Files == nil {
		st.done.Files = map[string]schemas.File{}
	}
	st.done.Files[f.Name] = *f
}

// listed copies a row of a table that retires.
func listed(t *schemas.Table, rec arrow.Record, i int) arrow.Record {
	if !t.Retires() {
		return nil
	}
	columns := make([]arrow.Array, rec.NumCols())
	for c := range columns {
		one := array.NewSlice(rec.Column(c), int64(i), int64(i+1))
		columns[c], _ = array.Concatenate([]arrow.Array{one}, memory.DefaultAllocator) // of one type, so it never fails
		one.Release()
	}
	return array.NewRecord(t.ArrowSchema(), columns, 1)
}

// unlisted are the rows that a catalogue's part no longer lists, as retired. A
// listing with a rejected row, a file, and an empty one of nobody prove nothing.
func (s *Sink) unlisted(p *sinks.Part, stated map[schemas.Key]bool) (out []offered) {
	t := p.Stream.Table
	if !t.Retires() || p.File != nil || len(p.Rejects) > 0 || p.Stream.Wallet == "" && p.Rows.Len() == 0 {
		return nil
	}
	for k, old := range s.current[p.Stream.Source+"/"+t.Name] {
		if stated[k] || old.wallet != p.Stream.Wallet || old.listed.Column(t.Index("status")).ValueStr(0) == schemas.StatusRetired {
			continue
		}
		rec := retired(t, old.listed)
		_, hashes := schemas.NewHasher(t).Rows(rec, nil, nil)
		out = append(out, offered{k, row{hash: hashes[0], wallet: old.wallet, listed: rec}})
	}
	return out
}

func retired(t *schemas.Table, rec arrow.Record) arrow.Record {
	columns := make([]arrow.Array, rec.NumCols())
	for c, f := range t.Fields {
		switch f.Name {
		case "status":
			b := array.NewStringBuilder(memory.DefaultAllocator)
			b.Append(schemas.StatusRetired)
			columns[c] = b.NewArray()
		case "updated_at":
			b := array.NewTimestampBuilder(memory.DefaultAllocator, f.Kind.Arrow().(*arrow.TimestampType))
			b.Append(0)
			columns[c] = b.NewArray()
		default:
			columns[c] = rec.Column(c)
		}
	}
	return array.NewRecord(t.ArrowSchema(), columns, 1)
}
