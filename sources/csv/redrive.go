package csv

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

var _ sources.Redriver = (*Shelf)(nil)

// Redrive implements sources.Redriver. What a line means hangs on its file: the
// heading, the encoding, and how many equal rows stand before it. So the file
// must be there, and the line in it what it was.
func (s *Shelf) Redrive(ctx context.Context, rows []sources.Refused) []sources.Decoded {
	out := make([]sources.Decoded, len(rows))
	byFile := map[string]map[int64][]int{} // file → line → rows
	for i, row := range rows {
		name, line, ok := placeOf(row.RowID)
		if !ok {
			out[i].Err = sources.Errorf(sources.ErrShape, "%q names no line of a file", row.RowID)
			continue
		}
		if byFile[name] == nil {
			byFile[name] = map[int64][]int{}
		}
		byFile[name][line] = append(byFile[name][line], i)
	}
	for _, name := range sortedKeys(byFile) {
		err := s.again(ctx, name, byFile[name], rows, out)
		for _, at := range byFile[name] {
			for _, i := range at {
				if err != nil && out[i].Err == nil && out[i].Page.Rows == nil {
					out[i].Err = err
				}
			}
		}
	}
	return out
}

// placeOf reads file:line.
func placeOf(rowID string) (name string, line int64, ok bool) {
	at := strings.LastIndexByte(rowID, ':')
	if at <= 0 {
		return "", 0, false
	}
	line, err := strconv.ParseInt(rowID[at+1:], 10, 64)
	return rowID[:at], line, err == nil
}

// again reads a file from its beginning and keeps what the wanted lines become.
func (s *Shelf) again(ctx context.Context, name string, wanted map[int64][]int, rows []sources.Refused, out []sources.Decoded) error {
	left := len(wanted)
	contents := map[uint64][]byte{} // of rows without an id: content → spelling
	lines := map[uint64][]int64{}
	err := s.each(ctx, name, func(r *reading, page sources.Page, line int64, raw []byte) bool {
		at, ok := wanted[line]
		if !ok {
			page.Rows.Release()
			return true
		}
		left--
		if len(r.own.ids) == 0 && page.Rows.NumRows() > 0 {
			contents[r.last], lines[r.last] = slices.Clone(raw), append(lines[r.last], line)
		}
		s.keep(name, at, raw, page, rows, out)
		return left > 0
	})
	if err != nil || left > 0 {
		if err == nil {
			err = sources.Errorf(sources.ErrShape, "%s has changed since the row was refused: it has no such line; a corrected file is read by paylake run", name)
		}
		return err
	}
	if len(contents) == 0 {
		return nil
	}
	return s.twins(ctx, name, contents, lines, wanted, out)
}

// twins refuses rows without an id that the file also has in another spelling:
// that one may have been readable before, so that nobody can say which of the
// two is there already. Equal spellings have had one fate.
func (s *Shelf) twins(ctx context.Context, name string, contents map[uint64][]byte, lines map[uint64][]int64, wanted map[int64][]int, out []sources.Decoded) error {
	return s.each(ctx, name, func(r *reading, page sources.Page, _ int64, raw []byte) bool {
		rows := page.Rows.NumRows()
		page.Rows.Release()
		spelt, ok := contents[r.last]
		if rows == 0 || !ok || bytes.Equal(spelt, raw) {
			return true
		}
		for _, line := range lines[r.last] {
			for _, i := range wanted[line] {
				if out[i].Page.Rows != nil {
					out[i].Page.Rows.Release()
				}
				out[i] = sources.Decoded{Err: sources.Errorf(sources.ErrShape, "%s has this row in two spellings and rows have no id: nobody can say which is there already; paylake run with --from reads the whole file again", name)}
			}
		}
		delete(contents, r.last)
		return len(contents) > 0
	})
}

// each hands over every record of a file, with its line and its own bytes, until
// do says false. The page, of one row at most, is do's.
func (s *Shelf) each(ctx context.Context, name string, do func(r *reading, page sources.Page, line int64, raw []byte) bool) error {
	r := (&file{shelf: s, info: schemas.File{Name: name}}).reading(sources.Window{})
	r.workers, r.most = 1, 1
	defer r.close()
	if err := r.open(ctx); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := r.line.next()
		switch {
		case b.err != nil:
			return r.broken(b.err)
		case len(b.records) == 0:
			r.line.back(b)
			return nil
		}
		line, raw := b.records[0].line, bytes.Clone(b.raw(0))
		page, err := r.merge(b)
		r.line.back(b)
		if err != nil {
			return err
		}
		if !do(r, page, line, raw) {
			return nil
		}
	}
}

// numbered is what tells equal bad rows of one file apart.
var numbered = regexp.MustCompile(`\n#[0-9]+$`)

// keep hands a page to the one row that is this line, if it still is.
func (s *Shelf) keep(name string, at []int, raw []byte, page sources.Page, rows []sources.Refused, out []sources.Decoded) {
	given := false
	for _, i := range at {
		if bytes.Equal(rows[i].Raw, raw) || bytes.Equal(numbered.ReplaceAll(rows[i].Raw, nil), raw) {
			if !given {
				out[i].Page, given = page, true
				continue
			}
		}
		out[i].Err = sources.Errorf(sources.ErrShape, "%s has changed since the row was refused: the line is another one; a corrected file is read by paylake run", name)
	}
	if !given {
		page.Rows.Release()
	}
}
