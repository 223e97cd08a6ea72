package schemas

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Errors of ParseMinor. Each has its Reason; see AmountReason.
var (
	ErrAmountSyntax    = errors.New("not a plain decimal amount")
	ErrAmountScale     = errors.New("more fraction digits than the currency has")
	ErrAmountRange     = errors.New("amount out of range")
	ErrCurrencyUnknown = errors.New("not an active ISO 4217 currency")
)

// AmountReason maps an error of ParseMinor to the reason kept in quarantine.
func AmountReason(err error) Reason {
	switch {
	case errors.Is(err, ErrAmountScale):
		return ReasonScale
	case errors.Is(err, ErrAmountRange):
		return ReasonRange
	case errors.Is(err, ErrCurrencyUnknown):
		return ReasonCurrency
	default:
		return ReasonAmount
	}
}

// maxIntegerDigits bounds the digits before the point, so that an amount always
// fits Decimal(38,4) and every sum of a lake fits Int128.
const maxIntegerDigits = 16

// ParseMinor reads a signed major-unit decimal literal, such as -37.40, as
// minor units of a currency with exponent fraction digits. The digits are read
// as they stand: no float, no rounding. Accepted: -?(0|[1-9]\d{0,15})(\.\d+)?
// with no more fraction digits than the exponent, trailing zeros aside.
func ParseMinor(lit []byte, exponent int) (int64, error) {
	s := lit
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	i, v := 0, int64(0)
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		if i < maxIntegerDigits {
			v = v*10 + int64(s[i]-'0')
		}
		i++
	}
	if i == 0 || (s[0] == '0' && i > 1) {
		return 0, ErrAmountSyntax
	}
	digits, frac := i, s[i:]
	if len(frac) > 0 {
		if frac[0] != '.' || len(frac) == 1 {
			return 0, ErrAmountSyntax
		}
		frac = frac[1:]
		for _, c := range frac {
			if c < '0' || c > '9' {
				return 0, ErrAmountSyntax
			}
		}
		for len(frac) > 0 && frac[len(frac)-1] == '0' {
			frac = frac[:len(frac)-1]
		}
	}
	if digits > maxIntegerDigits {
		return 0, ErrAmountRange
	}
	if len(frac) > exponent {
		return 0, ErrAmountScale
	}
	for k := range exponent {
		d := int64(0)
		if k < len(frac) {
			d = int64(frac[k] - '0')
		}
		if v > (math.MaxInt64-d)/10 {
			return 0, ErrAmountRange
		}
		v = v*10 + d
	}
	if neg {
		v = -v
	}
	return v, nil
}

// ParseMinorInteger reads an unsigned integer literal that is in minor units
// already, as payment platforms send them.
func ParseMinorInteger(lit []byte) (int64, error) {
	if len(lit) == 0 || (lit[0] == '0' && len(lit) > 1) {
		return 0, ErrAmountSyntax
	}
	v := int64(0)
	for _, c := range lit {
		if c < '0' || c > '9' {
			return 0, ErrAmountSyntax
		}
		d := int64(c - '0')
		if v > (math.MaxInt64-d)/10 {
			return 0, ErrAmountRange
		}
		v = v*10 + d
	}
	return v, nil
}

// FormatMinor writes minor units as a major-unit decimal with exactly the
// currency's fraction digits: FormatMinor(-3740, 2) is "-37.40".
func FormatMinor(v int64, exponent int) string {
	neg := v < 0
	u := uint64(v)
	if neg {
		u = -u
	}
	s := strconv.FormatUint(u, 10)
	if exponent > 0 {
		if len(s) <= exponent {
			s = strings.Repeat("0", exponent-len(s)+1) + s
		}
		s = s[:len(s)-exponent] + "." + s[len(s)-exponent:]
	}
	if neg {
		s = "-" + s
	}
	return s
}

// AddMinor adds two amounts and fails instead of wrapping around.
func AddMinor(a, b int64) (int64, error) {
	c := a + b
	if (a > 0 && b > 0 && c < 0) || (a < 0 && b < 0 && c >= 0) {
		return 0, fmt.Errorf("%d + %d: %w", a, b, ErrAmountRange)
	}
	return c, nil
}
