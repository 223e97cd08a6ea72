package schemas_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

func TestPseudonymsAreKeyedStableAndVersioned(t *testing.T) {
	if _, err := schemas.NewPseudonymizer(1, []byte("short")); err == nil {
		t.Fatal("a short key was accepted")
	}
	a, err := schemas.NewPseudonymizer(1, bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := schemas.NewPseudonymizer(2, bytes.Repeat([]byte("x"), 32))
	p := a.Of("+994501234567")
	if !strings.HasPrefix(p, "p1_") || len(p) != 3+32 || p != a.Of("+994501234567") {
		t.Errorf("pseudonym %q is not versioned, 128 bits long and stable", p)
	}
	if p == b.Of("+994501234567") || p == a.Of("+994501234568") || strings.Contains(p, "501234567") {
		t.Error("the pseudonym does not depend on key and number, or shows the number")
	}
	if a.Of("") != "" {
		t.Error("nobody has a pseudonym")
	}
}

func TestE164(t *testing.T) {
	for text, want := range map[string]string{
		"+994501234567": "+994501234567", "050 123 45 67": "+994501234567", "00994501234567": "+994501234567", "994501234567": "+994501234567",
	} {
		if got, ok := schemas.E164(text, "AZ"); !ok || got != want {
			t.Errorf("E164(%q) = %q, %t", text, got, ok)
		}
	}
	if got, ok := schemas.E164("189011234567", "KG"); ok || got != "189011234567" {
		t.Errorf("the seed's sample is not a Kyrgyz number: %q, %t", got, ok)
	}
}

func TestMasks(t *testing.T) {
	cases := []struct{ got, want string }{
		{schemas.MaskPhone("+994501234567"), "+99450•••••67"},
		{schemas.MaskPhone("12345"), "•••••"},
		{schemas.MaskPhone("12"), "••"},
		{schemas.MaskAccount("341******554"), "341******554"},
		{schemas.MaskAccount("4242424242424242"), "424••••••••••242"},
		{schemas.MaskAccount(""), ""},
		{schemas.MaskReference("****821", "AZ"), "****821"},
		{schemas.MaskReference("+994501234567", "AZ"), "+99450•••••67"},
		{schemas.MaskReference("0501234567", "AZ"), "+99450•••••67"},
		{schemas.MaskReference("4242 4242 4242 4242", "AZ"), "424•••••••••••••242"},
		{schemas.MaskReference("501234567", "AZ"), "+99450•••••67"},
		{schemas.MaskReference("994124931234", "AZ"), "+99412•••••34"},
		{schemas.MaskReference("881200300", "AZ"), "881200300"},
		{schemas.MaskReference("124931234", "AZ"), "124931234"},
		{schemas.MaskReference("1234567890123", "AZ"), "1234567890123"},
		{schemas.MaskReference("AZ-CONTRACT-77", "AZ"), "AZ-CONTRACT-77"},
	}
	for i, c := range cases {
		if c.got != c.want {
			t.Errorf("case %d: got %q, want %q", i, c.got, c.want)
		}
	}
}
