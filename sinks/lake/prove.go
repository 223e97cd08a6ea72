package lake

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// ErrUnlogged is returned for a manifest that the log does not cover yet.
var ErrUnlogged = errors.New("not in the transparency log yet")

// ErrNoProof is wrapped by the error for bytes that are no .tlog-proof at all.
var ErrNoProof = errors.New("not a .tlog-proof")

// ErrNoFile is wrapped by the error for a file that a manifest does not name.
var ErrNoFile = errors.New("no such file")

// proved is the extra data of a proof: the manifest's exact bytes, whose SHA-256
// is the entry, and the object that the proof is about, if it is about one.
type proved struct {
	Manifest string `json:"manifest"`
	Object   string `json:"object,omitempty"`
}

// Prove makes a .tlog-proof that a manifest, and with it everything it names, is
// in the lake's log. object narrows it to one of the manifest's files; empty:
// the whole manifest.
func Prove(ctx context.Context, lakeURL string, sequence int64, object string) (proof []byte, err error) {
	b, closeBucket, err := openBucket(ctx, lakeURL, false, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeBucket()) }()
	raw, err := b.Read(ctx, manifestKey(sequence), 0, -1)
	if errors.Is(err, errAbsent) {
		return nil, absentManifest(ctx, b, lakeURL, sequence)
	}
	if err != nil {
		return nil, err
	}
	m, err := decodeManifest(sequence, raw)
	if err != nil {
		return nil, err
	}
	if _, ok := fileOf(m, object); object != "" && !ok {
		return nil, fmt.Errorf("manifest %d names no file %s; paylake snapshots %d lists them: %w", sequence, object, sequence, ErrNoFile)
	}
	note, err := b.Read(ctx, translog.Latest, 0, -1)
	if err != nil && !errors.Is(err, errAbsent) {
		return nil, err
	}
	var c translog.Checkpoint
	if note != nil {
		if c, err = translog.ReadCheckpoint(note); err != nil {
			return nil, fmt.Errorf("%s: %w (%w)", fullPath(lakeURL, translog.Latest), err, sinks.ErrCorrupt)
		}
	}
	if note == nil {
		if err := lostCheckpoint(ctx, b, lakeURL); err != nil {
			return nil, err
		}
	}
	if c.Tree.N < sequence {
		return nil, fmt.Errorf("manifest %d is %w, which covers %d; the next paylake run does it", sequence, ErrUnlogged, c.Tree.N)
	}
	p, err := translog.Prove(ctx, logStore{b}, c, sequence-1)
	if err == nil {
		err = p.Check(c, logEntry(m.SHA256))
	}
	switch {
	case errors.Is(err, sinks.ErrUnavailable), err != nil && ctx.Err() != nil: // nothing is found out about the log
		return nil, fmt.Errorf("manifest %d: %w", sequence, err)
	case err != nil:
		return nil, fmt.Errorf("manifest %d: %w (%w)", sequence, err, sinks.ErrCorrupt)
	}
	lines, err := cosignatures(ctx, b, c.Tree.N)
	if err != nil {
		return nil, err
	}
	p.Checkpoint = append(p.Checkpoint, lines...)
	if p.Extra, err = json.Marshal(proved{string(raw), object}); err != nil {
		return nil, err
	}
	return p.Marshal(), nil
}

// lostCheckpoint is the error for a log that does not show its newest checkpoint
// and keeps others; nil where there is no log.
func lostCheckpoint(ctx context.Context, b bucket, lakeURL string) error {
	for f, err := range b.List(ctx, translog.Kept) {
		if err != nil {
			return err
		}
		if n, ok := translog.ParseKeptPath(f.Key); ok && n > 0 {
			return fmt.Errorf("%s is missing, although checkpoints of the log are kept; the next paylake run writes it again: %w", fullPath(lakeURL, translog.Latest), sinks.ErrCorrupt)
		}
	}
	return nil
}

// absentManifest says of a manifest that is not there that it never was, which
// the error says by wrapping ErrRange, or that it is lost: the log or a later one
// has it.
func absentManifest(ctx context.Context, b bucket, lakeURL string, sequence int64) error {
	size := int64(0)
	for f, err := range b.List(ctx, "") {
		if err != nil {
			return err
		}
		var n int64
		if kept, ok := translog.ParseKeptPath(f.Key); ok {
			size = max(size, kept)
		} else if _, err := fmt.Sscanf(f.Key, "manifests/%d.json", &n); err == nil && isManifest(f.Key) {
			size = max(size, n)
		}
	}
	if sequence <= size {
		return fmt.Errorf("%s is lost: %w", fullPath(lakeURL, manifestKey(sequence)), sinks.ErrCorrupt)
	}
	return fmt.Errorf("there is no manifest %d in %s, which has 1 to %d: %w", sequence, lakeURL, size, ErrRange)
}

// ProofReport is what a proof proves.
type ProofReport struct {
	Sequence int64           `json:"sequence"` // the manifest
	SHA256   string          `json:"sha256"`   // its digest
	Source   string          `json:"source"`
	Table    string          `json:"table"`
	Files    []File          `json:"files"` // what it names, or the one that was asked for
	Origin   string          `json:"origin"`
	Size     int64           `json:"size"` // of the checkpoint
	Checked  bool            `json:"signatures_checked"`
	SignedBy []string        `json:"signed_by"`
	Cosigned []Countersigned `json:"cosigned"` // by the given witnesses
}

// File is a file that a manifest names.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Rows   int64  `json:"rows"`
}

// CheckProof checks a proof on its own: the checkpoint's signature, the entry's
// place, and that the manifest in it is that entry; every given witness must have
// cosigned. Its error wraps sinks.ErrCorrupt when the proof does not hold.
func CheckProof(data []byte, keys translog.Verifiers, witnesses []translog.Witness) (ProofReport, error) {
	r := ProofReport{Files: []File{}, SignedBy: []string{}, Cosigned: []Countersigned{}, Checked: !keys.IsZero()}
	bad := func(err error) (ProofReport, error) { return r, fmt.Errorf("%w (%w)", err, sinks.ErrCorrupt) }
	p, err := translog.ParseProof(data)
	if err != nil {
		return bad(fmt.Errorf("%w: %w", ErrNoProof, err))
	}
	c, err := translog.ReadCheckpoint(p.Checkpoint)
	if err == nil && r.Checked {
		c, err = keys.Open(p.Checkpoint)
	}
	if err != nil {
		return bad(fmt.Errorf("the proof's checkpoint: %w", err))
	}
	for _, w := range witnesses {
		at, err := w.Cosigned(p.Checkpoint, "")
		if err != nil {
			return bad(err)
		}
		r.Cosigned = append(r.Cosigned, Countersigned{w.String(), c.Tree.N, at})
	}
	var extra proved
	if err := json.Unmarshal(p.Extra, &extra); err != nil {
		return bad(fmt.Errorf("the proof does not hold a manifest: %w", err))
	}
	m, err := decodeManifest(p.Index+1, []byte(extra.Manifest))
	if err != nil {
		return bad(err)
	}
	entry, err := hex.DecodeString(m.SHA256)
	if err == nil {
		err = p.Check(c, entry)
	}
	if err != nil {
		return bad(err)
	}
	r.Sequence, r.SHA256, r.Source, r.Table = m.Sequence, m.SHA256, m.Source, m.Table
	r.Origin, r.Size, r.SignedBy = c.Origin, c.Tree.N, append(r.SignedBy, c.Signed...)
	if extra.Object == "" {
		r.Files = append(r.Files, filesOf(m)...)
		return r, nil
	}
	f, ok := fileOf(m, extra.Object)
	if !ok {
		return bad(fmt.Errorf("the proof is about %s, which its manifest does not name", extra.Object))
	}
	r.Files = append(r.Files, f)
	return r, nil
}

func filesOf(m Entry) []File {
	var out []File
	for _, o := range m.Objects {
		out = append(out, File{o.Path, o.SHA256, o.Bytes, o.Rows})
	}
	for _, q := range m.Quarantine {
		out = append(out, File(q))
	}
	return out
}

func fileOf(m Entry, path string) (File, bool) {
	all := filesOf(m)
	i := slices.IndexFunc(all, func(f File) bool { return f.Path == path })
	if i < 0 {
		return File{}, false
	}
	return all[i], true
}
