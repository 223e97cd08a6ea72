package flashpay

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type vector struct {
	ID          string `json:"id"`
	Kind        string `json:"kind"`
	ExpectValid bool   `json:"expect_valid"`
	Secret      string `json:"secret"`
	Payload     string `json:"payload_json"`
	Params      string `json:"signed_params_json"`
	Signature   string `json:"signature"`
	Text        string `json:"string_to_sign"`
	License     string `json:"license"`
	BySDK       struct {
		PHP string `json:"php"`
		Go  string `json:"go"`
		Py  string `json:"py"`
	} `json:"string_to_sign_by_sdk"`
	SignaturePHP string `json:"signature_php"`
}

type vectorFile struct {
	Vectors     []vector `json:"vectors"`
	PaymentPage []vector `json:"payment_page_query_vectors"`
	Strings     []vector `json:"string_to_sign_vectors"`
	Divergences []vector `json:"sdk_divergences"`
	Collisions  []struct {
		Pairs [][2]string `json:"pairs"`
	} `json:"collisions"`
}

func vectors(t testing.TB) (f vectorFile) {
	t.Helper()
	text, err := os.ReadFile("testdata/flashpay_signature.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Vectors) < 15 || len(f.PaymentPage) < 3 || len(f.Strings) < 2 || len(f.Divergences) < 7 {
		t.Fatal("vectors are missing from testdata")
	}
	return f
}

func textOf(t testing.TB, payload string, v Variant) string {
	t.Helper()
	f, err := flatten([]byte(payload), toSign, doublesRefused)
	if err != nil {
		t.Fatalf("flatten %s: %v", payload, err)
	}
	f.sort(v)
	return string(f.text())
}

func TestPublishedVectors(t *testing.T) {
	f := vectors(t)
	for _, v := range slices.Concat(f.Vectors, f.PaymentPage, f.Strings) {
		t.Run(v.ID, func(t *testing.T) {
			payload := v.Payload + v.Params
			if got := textOf(t, payload, VariantNatural); got != v.Text {
				t.Errorf("text to sign\n%s\nwant\n%s", got, v.Text)
			}
			if v.Signature == "" {
				return
			}
			got, err := Sign([]byte(payload), []byte(v.Secret))
			if err != nil {
				t.Fatal(err)
			}
			valid := v.ExpectValid || v.Params != ""
			if (got == v.Signature) != valid {
				t.Errorf("signature %s, published %s, valid %t", got, v.Signature, valid)
			}
			if v.Kind != "callback" {
				return
			}
			if _, err := Verify([]byte(payload), [][]byte{[]byte(v.Secret)}); (err == nil) != v.ExpectValid {
				t.Errorf("Verify: %v, published as valid: %t", err, v.ExpectValid)
			}
		})
	}
}

// Floats are the one divergence without a way out: every SDK writes them its
// own way, and none keeps the literal. Nothing that is signed needs one.
func TestDivergencesOfTheSDKs(t *testing.T) {
	for _, v := range vectors(t).Divergences {
		t.Run(v.ID, func(t *testing.T) {
			if v.ID == "div-05-floats" {
				if got := textOf(t, v.Payload, VariantNatural); got != "a:10.5;b:1.0;c:1e3;d:0.1;e:-0.0;f:1e21" {
					t.Errorf("numbers must keep their literals, got %s", got)
				}
				return
			}
			if got := textOf(t, v.Payload, VariantNatural); got != v.BySDK.PHP {
				t.Errorf("natural order\n%s\nwant\n%s", got, v.BySDK.PHP)
			}
			if got, _ := Sign([]byte(v.Payload), []byte(v.Secret)); got != v.SignaturePHP {
				t.Errorf("signature %s, PHP's is %s", got, v.SignaturePHP)
			}
			if strings.Contains(v.Payload, "signature") {
				return // only PHP and JS leave it out inside a list; the grammar refuses it
			}
			if got := textOf(t, v.Payload, VariantPath); got != v.BySDK.Py {
				t.Errorf("order of paths\n%s\nwant\n%s", got, v.BySDK.Py)
			}
			if got := textOf(t, v.Payload, VariantText); got != v.BySDK.Go {
				t.Errorf("order of texts\n%s\nwant\n%s", got, v.BySDK.Go)
			}
		})
	}
}

func withSignature(payload, signature string) []byte {
	return []byte(payload[:len(payload)-1] + `,"signature":"` + signature + `"}`)
}

func TestVerifyNamesTheVariant(t *testing.T) {
	payload := vectors(t).Divergences[0].Payload // a list of 12
	secret := []byte("secret")
	for v := VariantNatural; v <= VariantText; v++ {
		body := withSignature(payload, mac([]byte(textOf(t, payload, v)), secret))
		got, err := Verify(body, [][]byte{[]byte("retired"), secret, []byte("next")})
		if err != nil || got != v {
			t.Errorf("signed in order %s, verified as %s, %v", v, got, err)
		}
		if _, err := Verify(body, [][]byte{[]byte("other")}); !errors.Is(err, ErrSignature) {
			t.Errorf("another secret: %v", err)
		}
		for _, none := range [][][]byte{nil, {}, {{}}, {nil}} {
			if _, err := Verify(body, none); !errors.Is(err, ErrSignature) {
				t.Errorf("secrets %q: %v", none, err)
			}
		}
	}
	empty := withSignature(payload, mac([]byte(textOf(t, payload, VariantNatural)), nil))
	if _, err := Verify(empty, [][]byte{{}}); !errors.Is(err, ErrSignature) {
		t.Errorf("signed with the empty secret: %v", err)
	}
}

func TestEmptyListSignsAsNothing(t *testing.T) {
	got, err := Sign([]byte(`{"operations":[]}`), []byte("s"))
	if err != nil || got != mac(nil, []byte("s")) || len(got) != 88 {
		t.Errorf("%s, %v", got, err)
	}
}

var placeholder = regexp.MustCompile(`(?s)\{[^{}]*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}[^{}]*)*"signature": "[^"]+"[^{}]*\}`)

// The seed's signatures are truncated placeholders.
func TestSeedSignaturesDoNotHold(t *testing.T) {
	seed, err := os.ReadFile("testdata/mbank_payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, body := range placeholder.FindAll(seed, -1) {
		if !json.Valid(body) {
			continue // a trailing comma of the document
		}
		n++
		for _, secret := range []string{"secret", "qwerty", "123", "", "flashpay"} {
			if v, err := Verify(body, [][]byte{[]byte(secret)}); !errors.Is(err, ErrSignature) || v != VariantNone {
				t.Errorf("placeholder verified as %s: %v", v, err)
			}
		}
	}
	if n < 4 {
		t.Fatalf("found %d signed bodies in the seed, want at least 4", n)
	}
}

func TestGrammar(t *testing.T) {
	secret := []byte("s")
	for name, c := range map[string]struct {
		body string
		bad  bool
	}{
		"plain":                        {`{"a":1}`, false},
		"message with semicolon":       {`{"message":"Declined; try again"}`, false},
		"message, semicolon and colon": {`{"message":"Declined; reason: limit"}`, false},
		"date with colons":             {`{"date":"2025-01-27T08:15:24+0000"}`, false},
		"colon in a value":             {`{"a":"b:c"}`, false},
		"newline in free text":         {`{"description":"a\nb"}`, false},
		"duplicate key":                {`{"a":1,"a":1}`, true},
		"duplicate nested":             {`{"b":{"a":1,"a":2}}`, true},
		"duplicate by escape":          {`{"a":1,"\u0061":1}`, true},
		"colon in a key":               {`{"a:b":1}`, true},
		"semicolon in a key":           {`{"a;b":1}`, true},
		"empty key":                    {`{"":1}`, true},
		"space around a key":           {`{" a":1}`, true},
		"hidden field":                 {`{"w":"a;x:c"}`, true},
		"hidden field in free text":    {`{"message":"a;payment:status:success"}`, true},
		"semicolon in an id":           {`{"payment":{"id":"a;b"}}`, true},
		"control character in an id":   {`{"payment":{"id":"a\u0000b"}}`, true},
		"newline in a status":          {`{"status":"success\n"}`, true},
		"nested signature":             {`{"payment":{"signature":"x"}}`, true},
		"signature in a list":          {`{"list":[{"signature":"x"}]}`, true},
		"frame_mode":                   {`{"frame_mode":"popup"}`, true},
		"nested frame_mode":            {`{"a":{"frame_mode":1}}`, true},
		"two signatures":               {`{"general":{"signature":"x"},"a":1}`, true},
		"not UTF-8":                    {"{\"a\":\"\xff\"}", true},
		"not JSON":                     {`{"a":}`, true},
		"a list":                       {`[1]`, true},
		"trailing comma":               {`{"a":1,}`, true},
		"too deep":                     {strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), true},
	} {
		t.Run(name, func(t *testing.T) {
			body := []byte(c.body)
			if c.body[0] == '{' {
				// The right signature, so that only the grammar can refuse it.
				sig := mac([]byte("?"), secret)
				if f, err := flatten(body, toSign, doublesLast); err == nil {
					f.sort(VariantNatural)
					sig = mac(f.text(), secret)
				}
				body = withSignature(c.body, sig)
			}
			_, err := Verify(body, [][]byte{secret})
			if c.bad != errors.Is(err, ErrGrammar) || !c.bad && err != nil {
				t.Errorf("%s: %v, want refused: %t", body, err, c.bad)
			}
		})
	}
	for _, rest := range []string{"{}", "x", "]"} {
		if _, err := Verify(append(withSignature(`{"a":1}`, mac([]byte("a:1"), secret)), rest...), [][]byte{secret}); !errors.Is(err, ErrGrammar) {
			t.Errorf("text after the object: %v", err)
		}
	}
}

// Of two bodies that sign alike the grammar lets at most one pass, except where
// only types tell them apart.
func TestCollisions(t *testing.T) {
	secret := []byte("s")
	n := 0
	for _, c := range vectors(t).Collisions {
		for _, pair := range c.Pairs {
			n++
			a, _ := Sign([]byte(pair[0]), secret)
			b, _ := Sign([]byte(pair[1]), secret)
			if a != b || a == "" {
				t.Errorf("%s and %s do not sign alike", pair[0], pair[1])
			}
			if strings.Contains(pair[0], ";") {
				if _, err := Verify(withSignature(pair[0], a), [][]byte{secret}); !errors.Is(err, ErrGrammar) {
					t.Errorf("%s: %v", pair[0], err)
				}
			}
		}
	}
	if n < 6 {
		t.Fatalf("%d pairs", n)
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	const canary = "CANARY4242424242424242"
	for _, body := range []string{
		`{"` + canary + `:":1,"signature":"x"}`, `{"a":"` + canary + `;b:c","signature":"x"}`,
		`{"` + canary + `":1,"` + canary + `":2}`, `{"a":"` + canary, `{"a":"` + canary + `","signature":"` + canary + `"}`,
	} {
		if _, err := Verify([]byte(body), [][]byte{[]byte(canary)}); err == nil || strings.Contains(err.Error(), "4242") {
			t.Errorf("error shows the body: %v", err)
		}
	}
}

// The short cut over a common beginning changes nothing.
func TestNaturalShortCut(t *testing.T) {
	text := rapid.StringMatching(`[a0-2: ]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		p, x, y := text.Draw(t, "p"), text.Draw(t, "x"), text.Draw(t, "y")
		a, b := []byte(p+x), []byte(p+y)
		if len(a) == 0 || len(b) == 0 {
			return
		}
		want := naturalFrom(a, b, leadingZeros(a), leadingZeros(b))
		if got := natural(a, b); got != want {
			t.Fatalf("natural(%q, %q) = %d, without the short cut %d", a, b, got, want)
		}
	})
}

func TestNaturalOrder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"a1", "a2", -1}, {"a2", "a10", -1}, {"a10", "a10", 0}, {"p01", "p1", -1}, {"p001", "p01", -1},
		{"a", "ab", -1}, {"", "a", -1}, {"1.5", "1.10", -1}, {"1.05", "1.1", -1}, {"a:0:b", "a:10:b", -1},
		{"a:9:z", "a:10:a", -1}, {"address1", "address:x", -1}, {"07", "7", 0}, {"a 1", "a1", 0}, {"x", "X", 1},
	} {
		if got := natural([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("natural(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := natural([]byte(c.b), []byte(c.a)); got != -c.want {
			t.Errorf("natural(%q, %q) = %d, want %d", c.b, c.a, got, -c.want)
		}
	}
}

func FuzzSignature(f *testing.F) {
	for _, v := range vectors(f).Vectors {
		f.Add([]byte(v.Payload))
	}
	f.Add([]byte(`{"operations":[{"a":"x;y:z"}],"signature":"s"}`))
	f.Add([]byte(`{"a":"b;c:d"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		secret := []byte("secret")
		before := bytes.Clone(body)
		if _, err := Verify(body, [][]byte{secret}); err != nil && !errors.Is(err, ErrGrammar) && !errors.Is(err, ErrSignature) {
			t.Errorf("an error of no known kind: %v", err)
		}
		sig, err := Sign(body, secret)
		if err != nil && !errors.Is(err, ErrGrammar) {
			t.Errorf("an error of no known kind: %v", err)
		}
		if err == nil && len(sig) != 88 {
			t.Errorf("signature of %d characters", len(sig))
		}
		for _, twice := range []doubles{doublesRefused, doublesLast, doublesFirst} {
			_, _ = flattenRows(body, operationsGet, twice)
		}
		if !bytes.Equal(before, body) {
			t.Error("the body was changed")
		}
	})
}
