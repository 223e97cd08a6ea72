package csv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// Which files are to be read, and how.

// fresh is how young a file may be for its time of change to be trusted: another
// change within the clock's grain would not show in it.
const fresh = 2 * time.Second

// Files implements sources.Shelf. A file of the known size and time is skipped
// without reading it, one of the known content after hashing it.
func (s *Shelf) Files(ctx context.Context, known map[string]schemas.File, again bool) ([]sources.Unit, error) {
	for _, f := range s.units {
		f.close()
	}
	s.units = nil
	all, err := s.list(ctx, func(name string) bool { return readable(name) || packedName(name) != nil })
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(slices.Clone(all), func(l schemas.File) bool { return !readable(l.Name) })
	var units []sources.Unit
	for _, l := range all {
		var f *file
		err := packedName(l.Name)
		if err == nil {
			f, err = s.unit(ctx, l, known, again, list)
		}
		if f == nil && err == nil {
			continue
		}
		var src sources.Source = unreadable{s.Stream(), err}
		if err == nil {
			s.units = append(s.units, f)
			src = f
		}
		if s.config.Wrap != nil {
			src = s.config.Wrap(src)
		}
		units = append(units, sources.Unit{Name: l.Name, Source: src})
	}
	return units, ctx.Err()
}

// unit decides about one file; nil when there is nothing to read.
func (s *Shelf) unit(ctx context.Context, l schemas.File, known map[string]schemas.File, again bool, list []schemas.File) (*file, error) {
	old, seen := known[l.Name]
	f := &file{shelf: s, info: l}
	if s.config.Now().Sub(l.Modified) < fresh {
		f.info.Modified = time.Time{}
	}
	same := seen && old.Bytes == l.Bytes && !l.Modified.IsZero() && old.Modified.Equal(l.Modified)
	switch {
	case !seen, same && !old.Last: // new, or begun and not ended: rows that are there already are duplicates
		return f, nil
	case same && strings.HasSuffix(old.Version, "-"+s.digest):
		if again {
			return f, nil
		}
		return nil, nil
	}
	version, err := s.version(ctx, l.Name)
	if err != nil {
		return nil, err
	}
	if version == old.Version {
		if again {
			return f, nil
		}
		return nil, nil
	}
	f.info.Version = version
	return s.correction(ctx, f, old, known, list)
}

// version hashes a file.
func (s *Shelf) version(ctx context.Context, name string) (string, error) {
	b, err := s.open(ctx, name)
	if err != nil {
		return "", err
	}
	defer b.Close()
	h := sha256.New()
	if _, err := io.Copy(h, b); err != nil {
		return "", sources.Errorf(sources.ErrTransient, "read %s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)) + "-" + s.digest, nil
}

// correction reads a file again that is known otherwise. Its former rows are
// those of its days that no other file holds; so files that share those days
// are read with it, and all of them must be there.
func (s *Shelf) correction(ctx context.Context, f *file, old schemas.File, known map[string]schemas.File, list []schemas.File) (*file, error) {
	if old.Span.IsZero() { // it held no rows
		return f, nil
	}
	f.info.Replaces = old.Span
	at := func(name string) bool {
		return slices.ContainsFunc(list, func(l schemas.File) bool { return l.Name == name })
	}
	for _, name := range sortedKeys(known) {
		other := known[name]
		if name == f.info.Name || other.Span.IsZero() || !other.Span.Overlaps(old.Span) {
			continue
		}
		if at(name) {
			f.also = append(f.also, name)
			continue
		}
		renamed, err := s.renamed(ctx, other, known, list)
		if err != nil {
			return nil, err
		}
		if !renamed {
			return nil, sources.Errorf(sources.ErrShape,
				"%s was corrected, but which of its rows are gone cannot be told without %s, which holds rows of the same days and is no longer there; put it back, then: paylake run",
				f.info.Name, name)
		}
	}
	return f, nil
}

// renamed reports whether a file that is gone lies there under another name.
func (s *Shelf) renamed(ctx context.Context, gone schemas.File, known map[string]schemas.File, list []schemas.File) (bool, error) {
	for _, l := range list {
		if l.Bytes != gone.Bytes {
			continue
		}
		if known[l.Name].Version == gone.Version && gone.Version != "" {
			return true, nil
		}
		version, err := s.version(ctx, l.Name)
		if err != nil {
			return false, err
		}
		if version == gone.Version {
			return true, nil
		}
	}
	return false, nil
}

// unreadable is a file whose turn ends with an error.
type unreadable struct {
	stream sources.Stream
	err    error
}

func (u unreadable) Stream() sources.Stream { return u.stream }

func (u unreadable) Pages(context.Context, sources.Window, sources.Cursor) iter.Seq2[sources.Page, error] {
	return func(yield func(sources.Page, error) bool) {
		yield(sources.Page{}, u.err)
	}
}

// Sighting is what `paylake check` shows of one file.
type Sighting struct {
	File      schemas.File
	Delimiter string
	Encoding  string
	Line      int64             // of the heading
	Found     map[string]string // column → heading
	Unmapped  []string          // headings that nothing reads
	Err       error             // what is missing or doubled
}

// Look reads the beginning of up to most files and says what they map to.
func (s *Shelf) Look(ctx context.Context, most int) (seen []Sighting, files int, err error) {
	list, err := s.list(ctx, func(name string) bool { return readable(name) || packedName(name) != nil })
	if err != nil {
		return nil, 0, err
	}
	files = len(list)
	if len(list) > most {
		list = list[len(list)-most:]
	}
	for _, l := range list {
		seen = append(seen, s.look(ctx, l))
	}
	return seen, files, ctx.Err()
}

func (s *Shelf) look(ctx context.Context, l schemas.File) Sighting {
	out := Sighting{File: l, Found: map[string]string{}}
	if out.Err = packedName(l.Name); out.Err != nil {
		return out
	}
	b, err := s.open(ctx, l.Name)
	if err != nil {
		out.Err = err
		return out
	}
	defer b.Close()
	sample, err := io.ReadAll(io.LimitReader(b, sniffed))
	if err != nil {
		out.Err = fmt.Errorf("read %s: %w", l.Name, err)
		return out
	}
	h, err := readHead(s.config.Mapping, s.table, sample)
	out.Err = err
	if h == nil {
		return out
	}
	out.Delimiter, out.Encoding, out.Line, out.Unmapped = string(h.delim), h.encoding, h.line, h.unmapped()
	for c, i := range h.columns {
		out.Found[c] = h.headings[i]
	}
	return out
}
