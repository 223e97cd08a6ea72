package camt

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// tags writes XML: elements of one message, in the order in which they come.
type tags struct {
	out *bufio.Writer
	err error
}

func (t *tags) raw(text string) {
	if t.err == nil {
		_, t.err = t.out.WriteString(text)
	}
}

func (t *tags) begins(names ...string) {
	for _, n := range names {
		t.raw("<" + n + ">")
	}
}

func (t *tags) close(names ...string) {
	for _, n := range names {
		t.raw("</" + n + ">")
	}
}

func (t *tags) fails(err error) {
	if t.err == nil {
		t.err = err
	}
}

// leaf writes an element with text; nothing where there is none.
func (t *tags) leaf(name, text string) {
	if text == "" {
		return
	}
	t.begins(name)
	t.raw(escaped(text))
	t.close(name)
}

// amount writes a sum with its currency.
func (t *tags) amount(name, currency, decimal string) {
	t.raw("<" + name + ` Ccy="` + escaped(currency) + `">` + decimal)
	t.close(name)
}

// escaped is text as it stands in XML. Characters that XML has no way to write
// become a space.
func escaped(text string) string {
	if plainXML(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r < ' ', r == 0x7F, r == utf8.RuneError, r == 0xFFFE, r == 0xFFFF:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func plainXML(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7F || c == '<' || c == '>' || c == '&' || c == '"' {
			return false
		}
	}
	return true
}

// cut is a text's first n characters.
func cut(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// reference is an identifier of at most n characters of the set that payment
// systems agree on (Latin letters, digits, / - ? : ( ) . , ' + and the space, no
// slash at an end, no two together), and the underscore that wallets' ids are
// written with. One that is not becomes H and the beginning
// of its SHA-256: a cut one could be somebody else's. whole says that it is as it
// was.
func reference(text string, n int) (ref string, whole bool) {
	if len(text) <= n && permitted(text) {
		return text, true
	}
	sum := sha256.Sum256([]byte(text))
	return "H" + hex.EncodeToString(sum[:])[:n-1], false
}

func permitted(text string) bool {
	if strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") || strings.Contains(text, "//") || strings.TrimSpace(text) != text {
		return false
	}
	for i := range len(text) {
		c := text[i]
		letterOrDigit := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letterOrDigit && !strings.ContainsRune("/-?:().,'+ _", rune(c)) {
			return false
		}
	}
	return true
}
