package translog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Verifiers are the public keys that a reader trusts: one note verifier key per
// line, `name+id+base64`. While keys rotate there are several.
type Verifiers struct{ keys []verifier }

type verifier struct {
	note.Verifier
	text string
}

// ParseVerifiers reads a file of verifier keys; empty lines and lines that begin
// with # mean nothing.
func ParseVerifiers(file []byte) (Verifiers, error) {
	var v Verifiers
	for i, line := range keyLines(file) {
		if strings.HasPrefix(line, signerPrefix) {
			return v, fmt.Errorf("key %d is a private key: give auditors the verifier key that paylake keys show audit prints", i+1)
		}
		if isWitnessKey(line) {
			return v, fmt.Errorf("key %d is a witness's key: give it with --witness", i+1)
		}
		one, err := note.NewVerifier(line)
		if err != nil {
			return v, fmt.Errorf("key %d is no verifier key (name+id+base64, as paylake keys show audit prints it): %w", i+1, err)
		}
		v = v.And(Verifiers{[]verifier{{one, line}}})
	}
	if len(v.keys) == 0 {
		return v, errors.New("there is no verifier key in it")
	}
	return v, nil
}

func keyLines(file []byte) []string {
	var out []string
	for line := range strings.Lines(string(file)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// And is the union of two sets, in order.
func (v Verifiers) And(o Verifiers) Verifiers {
	out := Verifiers{slices.Clone(v.keys)}
	for _, k := range o.keys {
		if !slices.ContainsFunc(out.keys, func(h verifier) bool { return h.text == k.text }) {
			out.keys = append(out.keys, k)
		}
	}
	return out
}

// IsZero reports whether there is no key.
func (v Verifiers) IsZero() bool { return len(v.keys) == 0 }

// Lines are the keys as text.
func (v Verifiers) Lines() []string {
	var out []string
	for _, k := range v.keys {
		out = append(out, k.text)
	}
	return out
}

func (v Verifiers) notes() []note.Verifier {
	var out []note.Verifier
	for _, k := range v.keys {
		out = append(out, k)
	}
	return out
}

const signerPrefix = "PRIVATE+KEY+"

// Signer holds the keys that sign a log's checkpoints: one, or while keys rotate
// the new one and the ones before it. Every checkpoint carries a signature by
// each, so that whoever has any of the verifier keys can check it.
type Signer struct {
	origin string
	keys   []note.Signer
	public Verifiers
	secret func() []string // behind a function so that no format prints it
}

// minSecret is the shortest secret that a key is derived from.
const minSecret = 32

// ParseSigner reads the value of `keys.audit`: note signer keys as GenerateKey
// makes them, one per line and all of one log, or any secret of at least 32
// bytes, which a key is derived from. The value never appears in an error.
func ParseSigner(value []byte) (*Signer, error) {
	if !bytes.Contains(value, []byte(signerPrefix)) {
		if len(value) < minSecret {
			return nil, fmt.Errorf("it has %d bytes; put a key there that paylake keys generate audit printed, or a secret of at least %d bytes", len(value), minSecret)
		}
		seed, err := hkdf.Key(sha256.New, value, nil, "paylake audit key v1", ed25519.SeedSize)
		if err != nil {
			return nil, err
		}
		skey, _, err := encodeKey(ed25519.NewKeyFromSeed(seed), "")
		if err != nil {
			return nil, err
		}
		value = []byte(skey)
	}
	s := &Signer{}
	lines := keyLines(value)
	s.secret = func() []string { return lines }
	for i, line := range lines {
		one, err := note.NewSigner(line)
		if err != nil {
			return nil, fmt.Errorf("line %d is no signing key; paylake keys generate audit prints one", i+1)
		}
		if s.origin == "" {
			s.origin = one.Name()
		}
		if one.Name() != s.origin {
			return nil, fmt.Errorf("line %d is of the log %s, line 1 of %s: a log keeps its name for ever", i+1, one.Name(), s.origin)
		}
		vkey, err := verifierOf(line)
		if err != nil {
			return nil, err
		}
		s.keys, s.public = append(s.keys, one), s.public.And(vkey)
	}
	return s, nil
}

// verifierOf derives the public key of an encoded signer key.
func verifierOf(skey string) (Verifiers, error) {
	parts := strings.SplitN(skey, "+", 5) // PRIVATE, KEY, name, id, base64, which may hold plus signs
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return Verifiers{}, errors.New("it is no Ed25519 signing key")
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(parts[2], public)
	if err != nil {
		return Verifiers{}, err
	}
	return ParseVerifiers([]byte(vkey))
}

// GenerateKey makes a signing key and its verifier key, each one line. A log
// without a name gets one that is a function of the key.
func GenerateKey(origin string) (skey, vkey string, err error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	return encodeKey(private, origin)
}

func encodeKey(private ed25519.PrivateKey, origin string) (skey, vkey string, err error) {
	public := private.Public().(ed25519.PublicKey)
	if origin == "" {
		h := sha256.Sum256(public)
		origin = "paylake/" + hex.EncodeToString(h[:8])
	}
	if vkey, err = note.NewEd25519VerifierKey(origin, public); err != nil {
		return "", "", err
	}
	if _, err := note.NewVerifier(vkey); err != nil {
		return "", "", fmt.Errorf("%q cannot be a log's name: it has no spaces and no plus sign", origin)
	}
	id := strings.Split(vkey, "+")[1]
	seed := append([]byte{1}, private.Seed()...) // 1: Ed25519
	return signerPrefix + origin + "+" + id + "+" + base64.StdEncoding.EncodeToString(seed), vkey, nil
}

// Origin is the log's name: the first line of its checkpoints.
func (s *Signer) Origin() string { return s.origin }

// Verifiers are the public keys.
func (s *Signer) Verifiers() Verifiers { return s.public }

// Secrets are the signing keys as text, the newest first: for the file that
// keeps them, and nothing else.
func (s *Signer) Secrets() []string { return s.secret() }

// Sign makes a checkpoint.
func (s *Signer) Sign(t tlog.Tree) (Checkpoint, error) {
	raw, err := note.Sign(&note.Note{Text: treeText(s.origin, t)}, s.keys...)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign the checkpoint: %w", err)
	}
	return s.public.Open(raw)
}
