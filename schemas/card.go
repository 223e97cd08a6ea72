package schemas

import (
	"strings"
	"unicode/utf8"
)

// MaskCard shows a payment card to people: of its digits never more than the
// first six and the last four, whatever the source has masked itself.
func MaskCard(text string) string { return maskDigits(text, 10) }

// MaskLong masks text like MaskCard when it holds as many digits as a payment
// card number, and returns every other one as it came: ids of terminals.
func MaskLong(text string) string { return maskDigits(text, 12) }

// maskDigits dots the digits between the sixth and the fourth from the end of a
// text with more than limit digits.
func maskDigits(text string, limit int) string {
	n := countDigits(text)
	if n <= limit {
		return text
	}
	var b strings.Builder
	i := 0
	for _, r := range text {
		if isDigit(r) {
			if i++; i > 6 && i <= n-4 {
				r = '•'
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// MaskNumbers masks every telephone and payment card number inside a free text
// (a name that a person chose), reading national forms in region.
func MaskNumbers(text, region string) string {
	if countDigits(text) < 7 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		n := numberAt(text)
		if n == 0 {
			_, size := utf8.DecodeRuneInString(text)
			b.WriteString(text[:size])
			text = text[size:]
			continue
		}
		number := strings.TrimRight(text[:n], " -(")
		b.WriteString(MaskLong(MaskReference(number, region)))
		b.WriteString(text[len(number):n])
		text = text[n:]
	}
	return b.String()
}

// numberAt is the length of a number written at the beginning of text: digits
// with what people put between them. 0 when there is none.
func numberAt(text string) int {
	if !isDigit(rune(text[0])) && text[0] != '+' && text[0] != '(' {
		return 0
	}
	for i := range len(text) {
		if !isDigit(rune(text[i])) && !strings.ContainsRune("+ -()", rune(text[i])) {
			return i
		}
	}
	return len(text)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func countDigits(s string) int {
	n := 0
	for _, r := range s {
		if isDigit(r) {
			n++
		}
	}
	return n
}
