package schemas_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
)

func TestMaskCard(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"416973******1234":    "416973******1234",
		"**** 1234":           "**** 1234",
		"4169731234561234":    "416973••••••1234",
		"4169 7312 3456 1234": "4169 73•• •••• 1234",
		"4169 7312 **** 1234": "4169 73•• **** 1234",
	} {
		if got := schemas.MaskCard(in); got != want {
			t.Errorf("MaskCard(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"T-0012345678": "T-0012345678", "4169731234561234": "416973••••••1234"} {
		if got := schemas.MaskLong(in); got != want {
			t.Errorf("MaskLong(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMaskNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"Anam":                         "Anam",
		"İşıq, Nizami 12 m. 34":        "İşıq, Nizami 12 m. 34",
		"Anam +994 50 123 45 67":       "Anam +99450•••••67",
		"mama 0501234567 (ev)":         "mama +99450•••••67 (ev)",
		"kart 4169 7388 1234 5678 ABB": "kart 4169 73•• •••• 5678 ABB",
		"hesab 1200345678":             "hesab 1200345678",
	} {
		if got := schemas.MaskNumbers(in, "AZ"); got != want {
			t.Errorf("MaskNumbers(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		number := "+99450" + rapid.StringMatching(`[2-9][0-9]{6}`).Draw(t, "number")
		before, after := rapid.StringMatching(`[a-zəş ]{0,9}`).Draw(t, "before"), rapid.StringMatching(`([a-zəş,][a-zəş ,]{0,9})?`).Draw(t, "after")
		if got := schemas.MaskNumbers(before+number+after, "AZ"); strings.Contains(got, number[6:]) || !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
			t.Fatalf("%q became %q", before+number+after, got)
		}
	})
}
