package translog

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof is a .tlog-proof (https://c2sp.org/tlog-proof): an entry's place in a
// log, which needs nothing but the log's verifier key to be checked. It proves
// the entry, not Extra, which is what the entry's hash was made of.
type Proof struct {
	Extra      []byte
	Index      int64 // of the entry, from 0
	Hashes     tlog.RecordProof
	Checkpoint []byte
}

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	maxHashes   = 63
)

// Prove makes the proof of one entry of a log.
func Prove(ctx context.Context, store Store, c Checkpoint, index int64) (Proof, error) {
	if index < 0 || index >= c.Tree.N {
		return Proof{}, fmt.Errorf("entry %d is not among the %d of the checkpoint", index, c.Tree.N)
	}
	hashes, err := tlog.ProveRecord(c.Tree.N, index, newTreeReader(ctx, store, c.Tree))
	return Proof{Index: index, Hashes: hashes, Checkpoint: c.Raw}, err
}

// Check reports whether the entry is where the proof says in the tree of the
// checkpoint.
func (p Proof) Check(c Checkpoint, entry []byte) error {
	if p.Index >= c.Tree.N {
		return fmt.Errorf("entry %d is not among the %d of the checkpoint: %w", p.Index, c.Tree.N, ErrInvalid)
	}
	if err := tlog.CheckRecord(p.Hashes, c.Tree.N, c.Tree.Hash, p.Index, tlog.RecordHash(entry)); err != nil {
		return fmt.Errorf("entry %d does not belong to the checkpoint of size %d: %w", p.Index, c.Tree.N, ErrInvalid)
	}
	return nil
}

// Marshal writes the proof's file.
func (p Proof) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(proofHeader + "\n")
	if len(p.Extra) > 0 {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseProof reads a proof's file. Nothing is checked but its form.
func ParseProof(data []byte) (Proof, error) {
	var p Proof
	bad := func(what string) (Proof, error) { return Proof{}, fmt.Errorf("%s: %w", what, ErrInvalid) }
	head, checkpoint, ok := strings.Cut(string(data), "\n\n")
	if !ok {
		return bad("it is not a .tlog-proof: no empty line before the checkpoint")
	}
	lines := strings.Split(head, "\n")
	if lines[0] != proofHeader {
		return bad("it is not a .tlog-proof: its first line is not " + proofHeader)
	}
	lines = lines[1:]
	strict := base64.StdEncoding.Strict()
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		extra, err := strict.DecodeString(lines[0][len("extra "):])
		if err != nil {
			return bad("its extra data is no base64")
		}
		p.Extra, lines = extra, lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return bad("it has no index")
	}
	index := lines[0][len("index "):]
	n, err := strconv.ParseInt(index, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != index {
		return bad("its index is no number")
	}
	p.Index = n
	if len(lines)-1 > maxHashes {
		return bad("it has too many hashes")
	}
	for _, line := range lines[1:] {
		hash, err := strict.DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return bad("a line of it is no SHA-256 in base64")
		}
		p.Hashes = append(p.Hashes, tlog.Hash(hash))
	}
	p.Checkpoint = []byte(checkpoint)
	return p, nil
}
