package translog

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement of a log's size and root hash
// (https://c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Tree   tlog.Tree
	Raw    []byte   // the whole note, signatures included
	Signed []string // "name+id" of the given keys whose signatures hold
}

// treeText is the note's text: origin, size, root.
func treeText(origin string, t tlog.Tree) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, t.N, t.Hash)
}

// ReadCheckpoint reads a checkpoint without believing it: no signature is
// checked.
func ReadCheckpoint(raw []byte) (Checkpoint, error) {
	_, err := note.Open(raw, nil)
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return Checkpoint{}, fmt.Errorf("it is not a signed note: %w", ErrInvalid)
	}
	for _, s := range unverified.Note.UnverifiedSigs { // x/mod lets the last character say the same in four ways
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return Checkpoint{}, fmt.Errorf("the signature by %s is not in base64 proper: %w", s.Name, ErrInvalid)
		}
	}
	return parseText(unverified.Note.Text, raw)
}

func parseText(text string, raw []byte) (Checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || lines[0] == "" {
		return Checkpoint{}, fmt.Errorf("it is not a checkpoint of three lines: %w", ErrInvalid)
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("its size %q is no number: %w", lines[1], ErrInvalid)
	}
	c := Checkpoint{Origin: lines[0], Raw: raw}
	hash, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(hash) != tlog.HashSize {
		return Checkpoint{}, fmt.Errorf("its root %q is no SHA-256 in base64: %w", lines[2], ErrInvalid)
	}
	c.Tree = tlog.Tree{N: n, Hash: tlog.Hash(hash)}
	if n == 0 && c.Tree.Hash != emptyRoot {
		return Checkpoint{}, fmt.Errorf("its root is not that of an empty log: %w", ErrInvalid)
	}
	return c, nil
}

// emptyRoot is the root of a log without entries: SHA-256 of nothing.
var emptyRoot = func() tlog.Hash {
	h, _ := tlog.ParseHash("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
	return h
}()

// Open reads a checkpoint and checks its signatures. At least one of the keys
// must have signed, under the origin's own name, and no signature by one of them
// may be false. Its error wraps ErrInvalid.
func (v Verifiers) Open(raw []byte) (Checkpoint, error) {
	c, err := ReadCheckpoint(raw)
	if err != nil {
		return c, err
	}
	n, err := note.Open(raw, note.VerifierList(v.notes()...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return c, fmt.Errorf("%w (it is signed by %s): %w", ErrUnknownKey, signers(unverified.Note.UnverifiedSigs), ErrInvalid)
	case err != nil:
		return c, fmt.Errorf("%w: %w", err, ErrInvalid)
	}
	for _, s := range n.Sigs {
		if s.Name == c.Origin {
			c.Signed = append(c.Signed, keyName(s.Name, s.Hash))
		}
	}
	if len(c.Signed) == 0 {
		return c, fmt.Errorf("%w (the keys are of %s, the log is %s): %w", ErrUnknownKey, signers(n.Sigs), c.Origin, ErrInvalid)
	}
	return c, nil
}

func signers(sigs []note.Signature) string {
	var names []string
	for _, s := range sigs {
		names = append(names, keyName(s.Name, s.Hash))
	}
	return strings.Join(names, ", ")
}

func keyName(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }
