package flashpay

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// The signed text is path:value joined by semicolons, and nothing in it says
// where a value ends. {"a":"x;b:y"} and {"a":"x","b":"y"} sign alike, and so
// do bodies that swallow whole rows into one text. The grammar leaves one
// reading of every signed text: keys hold neither colon nor semicolon, and no
// value holds a semicolon that something like a leaf follows.

// keyGrammar refuses keys that could be taken for something else.
func keyGrammar(name []byte) error {
	switch {
	case len(name) == 0 || len(name) > maxKey:
		return fmt.Errorf("a key of %d bytes: %w", len(name), ErrGrammar)
	case bytes.IndexByte(name, ':') >= 0 || bytes.IndexByte(name, ';') >= 0 || bytes.ContainsFunc(name, control):
		return fmt.Errorf("a colon, semicolon or control character in a key: %w", ErrGrammar)
	case len(bytes.TrimSpace(name)) != len(name):
		return fmt.Errorf("white space around a key: %w", ErrGrammar)
	}
	return nil
}

// textGrammar refuses texts that could be taken for further leaves and, unless
// the text is a row's (its decoder judges the fields it reads), semicolons and
// control characters in the fields that decide.
func textGrammar(key, text []byte, row bool) error {
	if bytes.IndexByte(text, ';') >= 0 && hidesLeaf(text) {
		return fmt.Errorf("a value that could be taken for further fields: %w", ErrGrammar)
	}
	if !row && decides(key) && (bytes.IndexByte(text, ';') >= 0 || bytes.ContainsFunc(text, control)) {
		return fmt.Errorf("a semicolon or control character in a field that decides: %w", ErrGrammar)
	}
	return nil
}

// hidesLeaf reports whether something after a semicolon looks like key:value.
func hidesLeaf(text []byte) bool {
	_, text, _ = bytes.Cut(text, []byte(";"))
	for piece := range bytes.SplitSeq(text, []byte(";")) {
		key, _, ok := bytes.Cut(piece, []byte(":"))
		if ok && keyGrammar(key) == nil {
			return true
		}
	}
	return false
}

// freeText names the fields that people fill with sentences. Everything else
// decides something: an id, a status, an amount, a date.
var freeText = []string{"message", "description", "name", "comment", "reason", "text", "address", "details"}

func decides(key []byte) bool {
	for _, f := range freeText {
		if bytes.HasSuffix(key, []byte(f)) {
			return false
		}
	}
	return true
}

func control(r rune) bool { return r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) }

// grammar wraps an error of the JSON reader. Its text may quote the input, so
// only what kind of error it was is kept.
func grammar(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("%w: %w", jsontext.ErrDuplicateName, ErrGrammar)
	default:
		return fmt.Errorf("not valid JSON: %w", ErrGrammar)
	}
}
