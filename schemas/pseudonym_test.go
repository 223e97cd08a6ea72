package schemas_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers/v2"

	"github.com/paylake/paylake/schemas"
)

func rotated(t *testing.T) *schemas.Pseudonymizer {
	t.Helper()
	p, err := schemas.NewPseudonymizer(1, bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Rotate(2, bytes.Repeat([]byte("x"), 32)); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRotatedPseudonyms(t *testing.T) {
	const number = "+994501234567"
	before, _ := schemas.NewPseudonymizer(1, bytes.Repeat([]byte("k"), 32))
	p := rotated(t)
	old, young := before.Of(number), p.Of(number)
	if !strings.HasPrefix(young, "p2_") || p.Subject(number) != old || before.Subject(number) != old || p.Version() != 2 {
		t.Errorf("%s, %s", old, young)
	}
	if former, ok := p.Former(young, 1); !ok || former != old {
		t.Errorf("formerly %s, %t", former, ok)
	}
	for _, unknown := range []string{old, "p2_" + strings.Repeat("0", 32), "p2_x", "", "+994501234567"} {
		if former, ok := p.Former(unknown, 1); ok {
			t.Errorf("%q was formerly %q", unknown, former)
		}
	}
	if names := p.Names(number); !slices.Equal(names, []string{old, young}) {
		t.Errorf("%v", names)
	}
	if err := p.Rotate(2, bytes.Repeat([]byte("y"), 32)); err == nil {
		t.Error("an old version was taken")
	}
	if err := p.Rotate(3, []byte("short")); err == nil {
		t.Error("a short key was taken")
	}
}

func TestErasedPeopleAndSeenOnes(t *testing.T) {
	p := rotated(t)
	const a, b = "+994501234567", "+994501234568"
	p.Of(a)
	if seen := p.Seen(); len(seen) != 0 {
		t.Errorf("collected before anybody asked: %v", seen)
	}
	p.Of(a)
	if seen := p.Seen(); len(seen) != 1 || seen[p.Subject(a)] != a {
		t.Errorf("%v", seen)
	}
	epoch := p.Epoch()
	p.Suppress(map[string]bool{p.Subject(a): true})
	if name, masked := p.Person(a); name != schemas.Erased || masked != schemas.Erased || p.Epoch() == epoch {
		t.Errorf("%s %s", name, masked)
	}
	for pseudonym, gone := range map[string]bool{p.Subject(a): true, p.Names(a)[1]: true, p.Subject(b): false, p.Names(b)[1]: false, a: false, "": false} {
		if p.Gone(pseudonym) != gone {
			t.Errorf("%q is gone: %t", pseudonym, !gone)
		}
	}
	if name, masked := p.Person(b); !strings.HasPrefix(name, "p2_") || masked != "+99450•••••68" {
		t.Errorf("%s %s", name, masked)
	}
	if seen := p.Seen(); len(seen) != 1 || seen[p.Subject(b)] != b {
		t.Errorf("an erased person is remembered: %v", seen)
	}
	epoch = p.Epoch()
	p.Suppress(map[string]bool{p.Subject(a): true})
	if p.Epoch() != epoch {
		t.Error("the same list changes something")
	}
}

func TestNumbersInRawText(t *testing.T) {
	for text, want := range map[string][]string{
		`{"counterparty_msisdn":"+994501234567","amount":-37.405}`:                                   {"+994501234567"},
		`{"to":"050 123 45 67","again":"994501234567"}`:                                              {"+994501234567"},
		`{"account":189011234567}`:                                                                   {"189011234567"},
		`{"id":"txn_994501234567","at":"2026-03-01T10:00:00.123456+04:00","hash":"aa50123456789bb"}`: nil,
		`broken ] +994551112233 {`:                                                                   {"+994551112233"},
		``:                                                                                           nil,
	} {
		if got := schemas.Numbers([]byte(text), "AZ"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if got := schemas.Numbers([]byte(strings.Repeat("100000001,200000002,300000003,400000004,500000005,600000006,700000007,800000008,900000009,", 3)), "AZ"); len(got) != 8 {
		t.Errorf("%d numbers", len(got))
	}
}

// The short way for written-out mobile numbers never says more than the
// library.
func TestMobileNumbersAreValid(t *testing.T) {
	for prefix := range 100 {
		for i := range 60 {
			text := fmt.Sprintf("+994%02d%07d", prefix, (i*i*7919+i*131+prefix)%10_000_000)
			n, err := phonenumbers.Parse(text, "AZ")
			valid := err == nil && phonenumbers.IsValidNumber(n)
			if got, ok := schemas.E164(text, "KG"); ok != valid || got != text {
				t.Fatalf("%s: %q %t, the library says %t", text, got, ok, valid)
			}
		}
	}
}
