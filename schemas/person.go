package schemas

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers/v2"
)

// E164 normalises a telephone number, reading national forms in region (AZ,
// KG). ok is false for text that is not a possible number of its country; it
// is then returned with everything but its digits and plus sign removed, so
// that it still has one pseudonym.
func E164(text, region string) (e164 string, ok bool) {
	if azerbaijaniMobile(text) { // most of them by far; the library takes 14 µs
		return text, true
	}
	n, err := phonenumbers.Parse(text, region)
	if err == nil && phonenumbers.IsValidNumber(n) {
		return phonenumbers.Format(n, phonenumbers.E164), true
	}
	return strings.Map(func(r rune) rune {
		if (r >= '0' && r <= '9') || r == '+' {
			return r
		}
		return -1
	}, text), false
}

// azerbaijaniMobile recognises a number that is written in full: +994, the
// prefix of a mobile operator, seven digits. What it recognises the library
// calls valid, too (a test says so).
func azerbaijaniMobile(text string) bool {
	if len(text) != 13 || text[:4] != "+994" {
		return false
	}
	for _, c := range []byte(text[4:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	switch text[4:6] {
	case "10", "40", "44", "50", "51", "55", "60", "70", "77", "99":
		return true
	}
	return false
}

// Numbers finds what may be telephone numbers in a text of any form: up to
// eight, normalised. It would rather take a number of another kind for a
// telephone number than miss one.
func Numbers(text []byte, region string) []string {
	var out []string
	for _, at := range numberLike.FindAllIndex(text, 64) {
		if at[0] > 0 && wordByte(text[at[0]-1]) || at[1] < len(text) && wordByte(text[at[1]]) {
			continue // a part of an identifier
		}
		token := string(text[at[0]:at[1]])
		e164, ok := E164(token, region)
		if !ok && strings.ContainsAny(token, " -()") || slices.Contains(out, e164) {
			continue
		}
		if out = append(out, e164); len(out) == maxNumbers {
			break
		}
	}
	return out
}

const maxNumbers = 8

var numberLike = regexp.MustCompile(`\+?[0-9](?:[ ()-]{0,2}[0-9]){8,14}`)

func wordByte(c byte) bool {
	return c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// MaskPhone shows a number to people: country and operator prefix, then dots,
// then the last two digits: +99450•••••67. Short text is masked whole.
func MaskPhone(e164 string) string { return mask(e164, 6, 2) }

// MaskAccount shows an account or card number: the first three and the last
// three characters, none of a short one. Text that the source has masked
// itself (it holds * or •) is returned as it came, unless a whole card number
// is still in it.
func MaskAccount(text string) string {
	if maskedAlready(text) {
		return text
	}
	return mask(text, 3, 3)
}

func maskedAlready(text string) bool { return strings.ContainsAny(text, "*•") && !CardNumber(text) }

func mask(s string, head, tail int) string {
	r := []rune(s)
	if len(r) < head+tail+3 {
		head, tail = 0, 0
	}
	for i := head; i < len(r)-tail; i++ {
		r[i] = '•'
	}
	return string(r)
}

// MaskReference masks a free reference (a subscriber, a customer) if it is a
// person's telephone number or a payment card number, and returns every other
// one as it came: contract and meter numbers are what accountants need. Bare
// digits without a country or trunk prefix count as a telephone number only if
// they are a mobile one; a meter number of that very form is masked too.
func MaskReference(text, region string) string {
	if maskedAlready(text) {
		return text
	}
	if n := len(text); n < 7 || n > 24 || !mostlyDigits(text) {
		return text
	}
	if e164, ok := E164(text, region); ok && (prefixed(text, e164) || mobile(e164)) {
		return MaskPhone(e164)
	}
	if CardNumber(text) {
		return MaskAccount(text)
	}
	return text
}

// prefixed reports whether a number is written with its country or trunk prefix.
func prefixed(text, e164 string) bool {
	return text[0] == '+' || text[0] == '0' || text[0] == '(' || strings.HasPrefix(text, e164[1:4])
}

func mobile(e164 string) bool {
	n, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return false
	}
	kind := phonenumbers.GetNumberType(n)
	return kind == phonenumbers.MOBILE || kind == phonenumbers.FIXED_LINE_OR_MOBILE
}

func mostlyDigits(s string) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && !strings.ContainsRune("+ -()", c) {
			return false
		}
	}
	return true
}

// CardNumber reports whether s holds 13 to 19 digits, whatever stands between
// them, with a valid card check digit.
func CardNumber[T string | []byte](s T) bool {
	sum, n := 0, 0
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		d := int(s[i] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		n++
	}
	return n >= 13 && n <= 19 && sum%10 == 0
}
