package schemas_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
)

func TestParseMinor(t *testing.T) {
	cases := []struct {
		lit  string
		exp  int
		want int64
		err  error
	}{
		{"-37.40", 2, -3740, nil},
		{"212.55", 2, 21255, nil},
		{"-12.00", 2, -1200, nil},
		{"0", 2, 0, nil},
		{"-0", 2, 0, nil},
		{"-0.01", 2, -1, nil},
		{"5", 0, 5, nil},
		{"5.000", 0, 5, nil},
		{"37.4050", 3, 37405, nil},
		{"9999999999999999.99", 2, 999999999999999999, nil},
		{"9999999999999999", 2, 999999999999999900, nil},
		{"37.405", 2, 0, schemas.ErrAmountScale},
		{"0.5", 0, 0, schemas.ErrAmountScale},
		{"10000000000000000", 2, 0, schemas.ErrAmountRange},
		{"9223372036854775808", 0, 0, schemas.ErrAmountRange},
		{"9999999999999999.9999", 4, 0, schemas.ErrAmountRange},
		{"1e3", 2, 0, schemas.ErrAmountSyntax},
		{"NaN", 2, 0, schemas.ErrAmountSyntax},
		{"12,50", 2, 0, schemas.ErrAmountSyntax},
		{"", 2, 0, schemas.ErrAmountSyntax},
		{"-", 2, 0, schemas.ErrAmountSyntax},
		{"+5", 2, 0, schemas.ErrAmountSyntax},
		{"05", 2, 0, schemas.ErrAmountSyntax},
		{"5.", 2, 0, schemas.ErrAmountSyntax},
		{".5", 2, 0, schemas.ErrAmountSyntax},
		{" 5", 2, 0, schemas.ErrAmountSyntax},
		{"5 ", 2, 0, schemas.ErrAmountSyntax},
		{"5.0x", 2, 0, schemas.ErrAmountSyntax},
		{"1_000", 2, 0, schemas.ErrAmountSyntax},
		{"--5", 2, 0, schemas.ErrAmountSyntax},
	}
	for _, c := range cases {
		got, err := schemas.ParseMinor([]byte(c.lit), c.exp)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("ParseMinor(%q, %d) = %d, %v; want %d, %v", c.lit, c.exp, got, err, c.want, c.err)
		}
	}
}

// The oracle is exact rational arithmetic: whatever is accepted is the value
// that was written, to the minor unit.
func TestParseMinorNeverAltersAnAmount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lit := rapid.StringMatching(`-?(0|[1-9]\d{0,17})(\.\d{1,5})?`).Draw(t, "literal")
		exp := rapid.IntRange(0, 4).Draw(t, "exponent")
		got, err := schemas.ParseMinor([]byte(lit), exp)
		want, _ := new(big.Rat).SetString(lit)
		want.Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exp)), nil)))
		digits := len(strings.TrimPrefix(strings.SplitN(lit, ".", 2)[0], "-"))
		fits := want.IsInt() && want.Num().IsInt64() && digits <= 16
		if fits != (err == nil) {
			t.Fatalf("ParseMinor(%q, %d): error %v, but fits = %t", lit, exp, err, fits)
		}
		if err == nil && got != want.Num().Int64() {
			t.Fatalf("ParseMinor(%q, %d) = %d, want %s", lit, exp, got, want.Num())
		}
	})
}

func TestMoneyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(-999999999999999999, 999999999999999999).Draw(t, "minor")
		exp := rapid.IntRange(2, 4).Draw(t, "exponent")
		text := schemas.FormatMinor(v, exp)
		back, err := schemas.ParseMinor([]byte(text), exp)
		if err != nil || back != v {
			t.Fatalf("%d → %q → %d, %v", v, text, back, err)
		}
	})
	if got := schemas.FormatMinor(math.MinInt64, 2); got != "-92233720368547758.08" {
		t.Errorf("FormatMinor(MinInt64) = %s", got)
	}
}

func TestParseMinorInteger(t *testing.T) {
	for lit, want := range map[string]int64{"0": 0, "5000": 5000, "9223372036854775807": math.MaxInt64} {
		if got, err := schemas.ParseMinorInteger([]byte(lit)); got != want || err != nil {
			t.Errorf("ParseMinorInteger(%q) = %d, %v", lit, got, err)
		}
	}
	for _, lit := range []string{"", "-1", "1.0", "1e3", "007", "9223372036854775808", "abc"} {
		if _, err := schemas.ParseMinorInteger([]byte(lit)); err == nil {
			t.Errorf("ParseMinorInteger(%q) was accepted", lit)
		}
	}
}

func TestAddMinorFailsInsteadOfWrapping(t *testing.T) {
	if _, err := schemas.AddMinor(math.MaxInt64, 1); !errors.Is(err, schemas.ErrAmountRange) {
		t.Error("overflow was not seen")
	}
	if _, err := schemas.AddMinor(math.MinInt64, -1); !errors.Is(err, schemas.ErrAmountRange) {
		t.Error("underflow was not seen")
	}
	if v, err := schemas.AddMinor(-3740, 25000); v != 21260 || err != nil {
		t.Errorf("AddMinor = %d, %v", v, err)
	}
}

func TestExponents(t *testing.T) {
	for code, want := range map[string]int{"AZN": 2, "KGS": 2, "USD": 2, "JPY": 0, "KWD": 3, "CLF": 4} {
		if got, err := schemas.Exponent(code); got != want || err != nil {
			t.Errorf("Exponent(%s) = %d, %v", code, got, err)
		}
	}
	for _, code := range []string{"", "azn", "XXX", "AZM"} {
		if _, err := schemas.Exponent(code); !errors.Is(err, schemas.ErrCurrencyUnknown) {
			t.Errorf("Exponent(%q) was accepted", code)
		}
	}
}
