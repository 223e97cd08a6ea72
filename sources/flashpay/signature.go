package flashpay

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

var (
	// ErrGrammar is returned for a body that has more than one reading, or none.
	ErrGrammar = errors.New("not in the strict grammar of signed bodies")
	// ErrSignature is returned for a body whose signature is missing or belongs
	// to none of the secrets.
	ErrSignature = errors.New("the signature does not hold")
)

// Variant is the order in which the signed leaves were sorted. The official
// SDKs differ; all three are accepted and the one that matched is recorded.
type Variant uint8

const (
	VariantNone    Variant = iota
	VariantNatural         // natural order of paths: the documentation and PHP
	VariantPath            // bytewise order of paths: Python
	VariantText            // bytewise order of path:value: Go
)

func (v Variant) String() string {
	switch v {
	case VariantNatural:
		return "natural"
	case VariantPath:
		return "path"
	case VariantText:
		return "text"
	}
	return "none"
}

// Sign returns the signature of a JSON object: 88 characters of base64 of the
// HMAC-SHA-512 over its leaves in natural order. A `signature` or `frame_mode`
// that the object has already is left out. Numbers keep their literals, so what
// is sent must be the very text that was signed. Errors wrap ErrGrammar.
func Sign(payload []byte, secret []byte) (string, error) {
	f, err := flatten(payload, toSign, doublesRefused)
	if err != nil {
		return "", fmt.Errorf("flashpay: sign: %w", err)
	}
	f.sort(VariantNatural)
	return mac(f.text(), secret), nil
}

// Verify checks the signature that a JSON object carries at its root or in its
// `general` object against every secret that is live (more than one while
// rotating), and returns the sort order that matched.
//
// The body must be in the strict grammar first: UTF-8 JSON, one object, no key
// twice, no colon, semicolon or control character in a key, one signature and
// no frame_mode, no more than 20,000 values, and no text that could be taken for further fields: the signed
// string has no escapes, and without these rules one signature would hold for
// several bodies. What it still cannot tell apart (true and "1", null and "",
// a list and an object with number keys, [] and nothing) the caller's types
// must. The signature has no time in it: whoever acts on a body must know
// whether it was acted on before. Errors wrap ErrGrammar or ErrSignature and
// quote nothing of the body.
func Verify(payload []byte, secrets [][]byte) (Variant, error) {
	f, err := flatten(payload, strict, doublesRefused)
	if err != nil {
		return VariantNone, fmt.Errorf("flashpay: verify: %w", err)
	}
	v, err := f.verify(secrets)
	if err != nil {
		return VariantNone, fmt.Errorf("flashpay: verify: %w", err)
	}
	return v, nil
}

// verify tries the three orders. Within one order every secret is compared in
// constant time and none is left out; which order is tried says nothing about
// a secret.
func (f *flat) verify(secrets [][]byte) (Variant, error) {
	if f.signature == nil {
		return VariantNone, fmt.Errorf("no signature: %w", ErrSignature)
	}
	if len(secrets) == 0 {
		return VariantNone, fmt.Errorf("no secret to verify with: %w", ErrSignature)
	}
	for v := VariantNatural; v <= VariantText; v++ {
		f.sort(v)
		text, held := f.text(), 0
		for _, s := range secrets {
			// An empty secret is one that everybody knows.
			nonEmpty := subtle.ConstantTimeLessOrEq(1, len(s))
			held |= nonEmpty & subtle.ConstantTimeCompare([]byte(mac(text, s)), f.signature)
		}
		if held == 1 {
			return v, nil
		}
	}
	return VariantNone, ErrSignature
}

// sort puts the leaves into one of the orders. Paths that compare equal keep
// the body's order, as in PHP.
func (f *flat) sort(v Variant) {
	path := func(l leaf) []byte { return f.arena[l.start:l.colon] }
	order := func(a, b leaf) int { return natural(path(a), path(b)) }
	switch v {
	case VariantPath:
		order = func(a, b leaf) int { return bytes.Compare(path(a), path(b)) }
	case VariantText:
		order = func(a, b leaf) int { return bytes.Compare(f.arena[a.start:a.end], f.arena[b.start:b.end]) }
	}
	slices.SortFunc(f.leaves, func(a, b leaf) int {
		if c := order(a, b); c != 0 {
			return c
		}
		return cmp.Compare(a.start, b.start)
	})
}

// text is the string to sign.
func (f *flat) text() []byte {
	out := make([]byte, 0, len(f.arena)+len(f.leaves))
	for _, l := range f.leaves {
		if l.dead {
			continue
		}
		if len(out) > 0 {
			out = append(out, ';')
		}
		out = append(out, f.arena[l.start:l.end]...)
	}
	return out
}

func mac(text, secret []byte) string {
	m := hmac.New(sha512.New, secret)
	m.Write(text)
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}
