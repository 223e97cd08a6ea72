// Package bundle packs files into one archive that says what it holds: a zip of
// stored entries without times, whose first entry, manifest.json, has the digest
// of every other one. The same files are the same bytes.
package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/paylake/paylake/sinks"
)

// ManifestName is the first entry; LogProof, if it is there, the last. It is not
// in the manifest: it grows with the log, and proves itself.
const (
	ManifestName = "manifest.json"
	LogProof     = "snapshot.tlog-proof"
)

// File is what a manifest says of an entry.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Of describes bytes.
func Of(path string, data []byte) File {
	sum := sha256.Sum256(data)
	return File{path, hex.EncodeToString(sum[:]), int64(len(data))}
}

// Entry is a file with its bytes.
type Entry struct {
	Path string
	Data []byte
}

// Write packs a manifest and entries, in their order.
func Write(w io.Writer, manifest any, entries []Entry) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(manifest); err != nil {
		return fmt.Errorf("the manifest of a bundle: %w", err)
	}
	z := zip.NewWriter(w)
	for _, e := range slices.Concat([]Entry{{ManifestName, text.Bytes()}}, entries) {
		out, err := z.CreateHeader(&zip.FileHeader{Name: e.Path, Method: zip.Store})
		if err != nil {
			return fmt.Errorf("bundle: %s: %w", e.Path, err)
		}
		if _, err := out.Write(e.Data); err != nil {
			return err
		}
	}
	return z.Close()
}

// limit is the most that is read of one entry.
const limit = 1 << 30

// Read unpacks a bundle into its manifest and entries, and compares these with
// what the manifest says of them. Its error wraps sinks.ErrCorrupt when they are
// something else.
func Read(r io.ReaderAt, size int64, manifest any, files func() []File) ([]Entry, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("it is no bundle: %w: %w", err, sinks.ErrCorrupt)
	}
	var entries []Entry
	for _, f := range z.File {
		data, err := readEntry(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %w", f.Name, err, sinks.ErrCorrupt)
		}
		entries = append(entries, Entry{f.Name, data})
	}
	if len(entries) == 0 || entries[0].Path != ManifestName {
		return nil, fmt.Errorf("its first entry is not %s: %w", ManifestName, sinks.ErrCorrupt)
	}
	if err := json.Unmarshal(entries[0].Data, manifest); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", ManifestName, err, sinks.ErrCorrupt)
	}
	return entries[1:], compare(entries[1:], files())
}

func readEntry(f *zip.File) ([]byte, error) {
	if f.Method != zip.Store || f.UncompressedSize64 > limit {
		return nil, errors.New("it is packed in another way than bundles are")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, limit))
}

func compare(entries []Entry, files []File) error {
	if n := len(entries); n > 0 && entries[n-1].Path == LogProof {
		entries = entries[:n-1]
	}
	for i, f := range files {
		if i >= len(entries) || entries[i].Path != f.Path {
			return fmt.Errorf("%s is missing, or not in its place: %w", f.Path, sinks.ErrCorrupt)
		}
		if is := Of(f.Path, entries[i].Data); is != f {
			return fmt.Errorf("%s has sha256 %s, the manifest says %s: %w", f.Path, is.SHA256, f.SHA256, sinks.ErrCorrupt)
		}
	}
	if len(entries) > len(files) {
		return fmt.Errorf("%s is not in the manifest: %w", entries[len(files)].Path, sinks.ErrCorrupt)
	}
	return nil
}
