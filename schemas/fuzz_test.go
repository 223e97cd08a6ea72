package schemas_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// FuzzMoney: what is accepted is the value that was written, exactly, and is
// written back as the same value.
func FuzzMoney(f *testing.F) {
	for _, lit := range []string{"-37.40", "0", "-0", "9999999999999999.99", "9223372036854775807", "37.4050", "1e3", "+1", "12,50", ".5", "5.", "\u0663"} {
		f.Add([]byte(lit), 2)
	}
	f.Fuzz(func(t *testing.T, lit []byte, exponent int) {
		exponent = int(uint(exponent) % 5)
		if v, err := schemas.ParseMinorInteger(lit); err == nil {
			if want, ok := new(big.Int).SetString(string(lit), 10); !ok || !want.IsInt64() || want.Int64() != v || v < 0 {
				t.Fatalf("ParseMinorInteger(%q) = %d", lit, v)
			}
		}
		v, err := schemas.ParseMinor(lit, exponent)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(string(lit))
		if !ok {
			t.Fatalf("ParseMinor(%q) = %d, which is no number", lit, v)
		}
		want.Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), nil)))
		if !want.IsInt() || !want.Num().IsInt64() || want.Num().Int64() != v {
			t.Fatalf("ParseMinor(%q, %d) = %d, want %s", lit, exponent, v, want)
		}
		if back, err := schemas.ParseMinor([]byte(schemas.FormatMinor(v, exponent)), exponent); err != nil || back != v {
			t.Fatalf("%d is written as %q and read as %d, %v", v, schemas.FormatMinor(v, exponent), back, err)
		}
	})
}

// FuzzInstant: a time that is accepted is the one that the standard library
// reads from the same text, where that reads it at all.
func FuzzInstant(f *testing.F) {
	for _, text := range []string{"2026-03-29T01:30:00+04:00", "2026-03-29 01:30:00", "2015-03-29T04:30:00", "2026-02-30T00:00:00Z",
		"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-0730", "2026-03-29T24:00:00Z", "2026-03-29T23:59:60Z", "2026-3-29"} {
		f.Add([]byte(text))
	}
	baku, err := time.LoadLocation("Asia/Baku")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		z := schemas.NewZone(baku)
		micros, offset, zoned, err := z.Parse(text)
		if err != nil {
			return
		}
		z.BusinessDate(micros)
		if !zoned { // in the hour that summer time left out it is the offset before
			if hour := int64(time.Hour / time.Microsecond); int64(offset) != z.Offset(micros) && int64(offset) != z.Offset(micros-hour) {
				t.Fatalf("%q: the offset is %d, the zone's %d", text, offset, z.Offset(micros))
			}
		}
		s := strings.Replace(string(text), " ", "T", 1)
		if want, err := time.Parse(time.RFC3339Nano, s); err == nil && want.Truncate(time.Microsecond).UnixMicro() != micros {
			t.Fatalf("%q is %d, the library says %d", text, micros, want.UnixMicro())
		}
	})
}

// FuzzMasks: an account that is shown is no card number, and masking again
// changes nothing.
func FuzzMasks(f *testing.F) {
	for _, text := range []string{"+994 50 123-45-67", "4169 7413 2222 1111", "0501234567 və 0557654321", "abc", "\xff1234567890123456", "١٢٣٤٥٦٧٨٩٠١٢"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, mask := range map[string]func(string) string{"card": schemas.MaskCard, "long": schemas.MaskLong, "account": schemas.MaskAccount,
			"numbers": func(s string) string { return schemas.MaskNumbers(s, "AZ") }, "reference": func(s string) string { return schemas.MaskReference(s, "AZ") }} {
			masked := mask(text)
			if name == "account" && schemas.CardNumber(masked) {
				t.Fatalf("%s: %q is shown as %q, a card number", name, text, masked)
			}
			if again := mask(masked); again != masked {
				t.Fatalf("%s: %q is shown as %q, then as %q", name, text, masked, again)
			}
		}
		schemas.Numbers([]byte(text), "AZ")
	})
}
