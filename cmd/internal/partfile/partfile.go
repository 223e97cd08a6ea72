// Package partfile writes a file whole or not at all, and can go on with one
// that was left unfinished: while it is written it is called FILE.part, and
// FILE.part.json says what it is of and how much of it is good. Only a finished
// file has the final name.
package partfile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/paylake/paylake/sinks"
)

// Mark is how far a file is good.
type Mark struct {
	Of     map[string]string `json:"of"`     // everything that its bytes are a function of
	Bytes  int64             `json:"bytes"`  // so many are whole rows
	SHA256 string            `json:"sha256"` // of these
	Rows   int64             `json:"rows"`
	State  json.RawMessage   `json:"state,omitempty"` // whatever else the writer goes on from
}

// File is a file that is being written. It is for one goroutine.
type File struct {
	path    string
	lock    *flock.Flock
	out     *os.File
	hash    hash.Hash
	written int64
	mark    Mark
	why     string
}

// Open begins FILE, or goes on with FILE.part where that is of the same. An
// empty of never goes on. The error wraps sinks.ErrBusy while somebody else
// writes the same file.
func Open(path string, of map[string]string) (*File, error) {
	f := &File{path: path, hash: sha256.New(), mark: Mark{Of: of}}
	if err := f.take(); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(f.part(), os.O_RDWR, 0o644)
	if err != nil {
		return nil, errors.Join(f.failed(err), f.lock.Unlock())
	}
	f.out = out
	if err := f.goOn(); err != nil {
		return nil, errors.Join(err, f.Keep())
	}
	return f, nil
}

func (f *File) part() string { return f.path + ".part" }

func (f *File) note() string { return f.path + ".part.json" }

// take locks the part. Somebody who finishes it while we wait gives it another
// name, and what we locked is then no part any more.
func (f *File) take() error {
	for range 100 {
		f.lock = flock.New(f.part(), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
		mine, err := f.lock.TryLock()
		if err != nil {
			return f.failed(err)
		}
		if !mine {
			return fmt.Errorf("write %s: another process is writing it: %w", f.path, sinks.ErrBusy)
		}
		locked, err := f.lock.Stat()
		if err != nil {
			return errors.Join(f.failed(err), f.lock.Unlock())
		}
		if named, err := os.Stat(f.part()); err == nil && os.SameFile(locked, named) {
			return nil
		}
		if err := f.lock.Unlock(); err != nil {
			return f.failed(err)
		}
	}
	return fmt.Errorf("write %s: others keep writing it: %w", f.path, sinks.ErrBusy)
}

// failed is a sentence about a disk or a folder.
func (f *File) failed(err error) error {
	if sinks.IsFull(err) {
		return fmt.Errorf("write %s: the disk is full; make room and type the same again: %w", f.path, err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("write %s: this user may not write to the folder: %w", f.path, err)
	}
	return fmt.Errorf("write %s: %w", f.path, err)
}

// goOn finds out whether what is there can be gone on with; what cannot is
// written anew. The bytes themselves are read: a note may be about some that a
// power cut took away.
func (f *File) goOn() error {
	text, err := os.ReadFile(f.note())
	var m Mark
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return f.failed(err)
	case json.Unmarshal(text, &m) != nil || m.Bytes < 0:
		f.why = "what it is of cannot be read"
	default:
		if f.why = differs(m.Of, f.mark.Of); f.why == "" {
			n, err := io.Copy(f.hash, io.LimitReader(f.out, m.Bytes))
			if err != nil {
				return f.failed(err)
			}
			if n == m.Bytes && hex.EncodeToString(f.hash.Sum(nil)) == m.SHA256 {
				f.mark, f.written = m, m.Bytes
			} else {
				f.why = "its bytes are not those that were written"
			}
		}
	}
	if f.mark.Bytes == 0 {
		f.hash.Reset()
		if err := os.Remove(f.note()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f.failed(err)
		}
	}
	if err := f.out.Truncate(f.mark.Bytes); err != nil {
		return f.failed(err)
	}
	if _, err := f.out.Seek(f.mark.Bytes, io.SeekStart); err != nil {
		return f.failed(err)
	}
	return nil
}

// differs names what is not the same; empty: nothing.
func differs(was, is map[string]string) string {
	var out []string
	both := maps.Clone(was)
	maps.Copy(both, is)
	for _, key := range slices.Sorted(maps.Keys(both)) {
		if was[key] != is[key] {
			out = append(out, fmt.Sprintf("%s %.20q, now %.20q", key, was[key], is[key]))
		}
	}
	if len(is) == 0 {
		return "files of this kind are written at once"
	}
	return strings.Join(out, "; ")
}

// Resumed is what was there already; false where nothing was.
func (f *File) Resumed() (Mark, bool) { return f.mark, f.mark.Bytes > 0 }

// Why says why something that was there was not gone on with.
func (f *File) Why() string { return f.why }

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.out.Write(p)
	f.hash.Write(p[:n])
	f.written += int64(n)
	if err != nil {
		return n, f.failed(err)
	}
	return n, nil
}

// Since is how many bytes were written after the last mark.
func (f *File) Since() int64 { return f.written - f.mark.Bytes }

// Mark notes that all that was written so far is whole rows.
func (f *File) Mark(rows int64, state any) error {
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	m := Mark{Of: f.mark.Of, Bytes: f.written, SHA256: f.SHA256(), Rows: rows, State: text}
	if text, err = json.Marshal(m); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	if err := os.WriteFile(f.note()+".new", text, 0o644); err != nil {
		return f.failed(err)
	}
	if err := os.Rename(f.note()+".new", f.note()); err != nil {
		return f.failed(err)
	}
	f.mark = m
	return nil
}

// Bytes is the length so far.
func (f *File) Bytes() int64 { return f.written }

// SHA256 is the digest so far.
func (f *File) SHA256() string { return hex.EncodeToString(f.hash.Sum(nil)) }

// Commit gives the file its final name, durably.
func (f *File) Commit() error {
	if err := f.out.Sync(); err != nil {
		return errors.Join(f.failed(err), f.Keep())
	}
	if err := os.Rename(f.part(), f.path); err != nil {
		return errors.Join(f.failed(err), f.Keep())
	}
	err := os.Remove(f.note())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if d, openErr := os.Open(filepath.Dir(f.path)); openErr == nil { // a power cut must not take the name away
		err = errors.Join(err, d.Sync(), d.Close())
	}
	return errors.Join(err, f.out.Close(), f.lock.Unlock())
}

// Keep lets go of an unfinished file, for another try; without a mark there is
// nothing to go on with, and it goes.
func (f *File) Keep() error {
	if f.mark.Bytes == 0 {
		return f.Discard()
	}
	_ = os.Remove(f.note() + ".new") // of a disk that was full
	return errors.Join(f.out.Close(), f.lock.Unlock())
}

// Discard removes an unfinished file.
func (f *File) Discard() error {
	var all []error
	for _, path := range []string{f.note() + ".new", f.note(), f.part()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(append(all, f.out.Close(), f.lock.Unlock())...)
}
