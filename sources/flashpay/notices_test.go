package flashpay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

var callbackSecret = []byte("a secret of the tests")

func testNotices(t testing.TB) *Notices {
	t.Helper()
	people, err := schemas.NewPseudonymizer(1, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Asia/Bishkek")
	if err != nil {
		t.Fatal(err)
	}
	n, err := NewNotices(NoticesConfig{Name: "psp", ProjectID: 137493, Secrets: [][]byte{[]byte("one rotated away"), callbackSecret},
		Zone: zone, Pseudonyms: people, Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// delivered puts a signature that holds into a body in place of its own.
func delivered(t testing.TB, body string) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatal(err)
	}
	delete(members, "signature")
	bare, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Sign(bare, callbackSecret)
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.TrimSuffix(bare, []byte("}")), `,"signature":"`+s+`"}`...)
}

// samples are the callbacks of the platform's page on Mbank: a success and a decline.
func samples(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/mbank_payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, body := range placeholder.FindAll(text, -1) {
		if json.Valid(body) && bytes.Contains(body, []byte(`"operation"`)) {
			out = append(out, string(body))
		}
	}
	if len(out) < 2 {
		t.Fatalf("%d callbacks in the seed", len(out))
	}
	return out
}

// The seed's own callback, signed: the settled amount is the operation's, the
// payment's 50000 stays beside it, and the Data API's row of the same operation
// is the same row.
func TestCallbackIsTheDataAPIsRow(t *testing.T) {
	n := testNotices(t)
	c, err := n.Accept(delivered(t, samples(t)[0]))
	if err != nil {
		t.Fatal(err)
	}
	answer := `{"operation_id":"6503010168993","operation_type":"sale","operation_status":"success","operation_created_at":"2025-01-27T08:13:50+00:00",
		"operation_completed_at":"2025-01-27T14:15:24+06:00","payment_id":"TEST_PAYMENT_212105","payment_method":"mbank","project_id":"137493",
		"sum_initial":{"amount":"5000","currency":"KGS"},"sum_converted":{"amount":5000,"currency":"KGS"},"payment_amount":50000,"payment_currency":"KGS",
		"customer_id":"1","account_number":"341******554","code":0,"message":"Success"}`
	page := n.Page([][]byte{c.Row, []byte(answer)})
	defer page.Rows.Release()
	if page.Rows.NumRows() != 2 || len(page.Rejects) != 0 {
		t.Fatalf("%d rows, rejects %v", page.Rows.NumRows(), page.Rejects)
	}
	for i, f := range schemas.Operations.Fields {
		a := page.Rows.Column(i)
		if a.ValueStr(0) != a.ValueStr(1) {
			t.Errorf("%s: callback %s, Data API %s", f.Name, a.ValueStr(0), a.ValueStr(1))
		}
	}
	at := func(name string) string { return page.Rows.Column(schemas.Operations.Index(name)).ValueStr(0) }
	if at("amount_minor") != "5000" || at("payment_minor") != "50000" {
		t.Errorf("amount %s, payment %s", at("amount_minor"), at("payment_minor"))
	}
}

func TestCallbackJudgement(t *testing.T) {
	n := testNotices(t)
	body := samples(t)[0]
	with := func(old, new string) string {
		if !strings.Contains(body, old) {
			t.Fatalf("the sample has no %s", old)
		}
		return strings.Replace(body, old, new, 1)
	}
	for name, c := range map[string]struct {
		body []byte
		want error
	}{
		"decline":                       {delivered(t, samples(t)[1]), nil},
		"project as text":               {delivered(t, with("137493", `"137493"`)), nil},
		"account is a PHP array":        {delivered(t, with("\"account\": {\n\"number\": \"341******554\"\n}", `"account": []`)), nil},
		"placeholder":                   {[]byte(body), ErrSignature},
		"another project":               {delivered(t, with("137493", "137494")), ErrContent},
		"another project, no operation": {delivered(t, `{"project_id":137494,"payment":{"id":"pl_1","status":"decline"}}`), ErrContent},
		"project no number":             {delivered(t, `{"project_id":137493.5,"payment":{"id":"pl_1","status":"decline"}}`), ErrContent},
		"our project, no operation":     {delivered(t, `{"project_id":"137493","payment":{"id":"pl_1","status":"decline"}}`), nil},
		"future completion":             {delivered(t, with("2025-01-27T08:15:24+0000\",\n\"created_date", "2026-01-03T08:15:24+0000\",\n\"created_date")), ErrContent},
		"float amount":                  {delivered(t, with(`"amount": 5000,`, `"amount": 5000.0,`)), ErrContent},
		"negative amount":               {delivered(t, with(`"amount": 5000,`, `"amount": -5000,`)), ErrContent},
		"no currency": {delivered(t, with(`"sum_initial": {
"amount": 5000,
"currency": "KGS"`, `"sum_initial": {
"amount": 5000,
"currency": "XYZ"`)), ErrContent},
		"impossible date": {delivered(t, with("2025-01-27T08:13:50+0000", "2025-02-30T08:13:50+0000")), ErrContent},
		"future date":     {delivered(t, with("2025-01-27T08:13:50+0000", "2026-01-03T08:13:50+0000")), ErrContent},
		"status no text":  {delivered(t, with("\"type\": \"sale\",\n\"status\": \"success\"", "\"type\": \"sale\",\n\"status\": 5")), ErrContent},
		"payment no obj.": {delivered(t, `{"project_id":137493,"payment":7,"operation":{"id":1}}`), ErrContent},
		"deep":            {delivered(t, `{"a":`+strings.Repeat("[", 31)+strings.Repeat("]", 31)+`}`), nil},
		"deeper":          {[]byte(`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`), ErrGrammar},
		"oversized":       {[]byte(`{"a":"` + strings.Repeat("x", MaxCallback) + `"}`), ErrGrammar},
		"truncated":       {delivered(t, body)[:300], ErrGrammar},
		"empty":           {nil, ErrGrammar},
		"duplicate key":   {[]byte(`{"project_id":1,"project_id":1,"signature":"x"}`), ErrGrammar},
	} {
		c2, err := n.Accept(c.body)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.want == nil && c2.Variant == VariantNone {
			t.Errorf("%s: no variant recorded", name)
		}
	}
	// An operation without the time of its creation waits for the Data API.
	c, err := n.Accept(delivered(t, with(`"created_date": "2025-01-27T08:13:50+0000",`, "")))
	if err != nil || c.Row != nil {
		t.Errorf("without created_date: %s %v", c.Row, err)
	}
	// One that is under way has not completed.
	c, err = n.Accept(delivered(t, with("\"type\": \"sale\",\n\"status\": \"success\"", "\"type\": \"sale\",\n\"status\": \"processing\"")))
	if err != nil || bytes.Contains(c.Row, []byte("completed")) {
		t.Errorf("under way: %s %v", c.Row, err)
	}
}

// A small body whose paths would fill gigabytes is refused at once.
func TestSpreadBody(t *testing.T) {
	n := testNotices(t)
	open := strings.Repeat(`{"`+strings.Repeat("k", 250)+`":`, 30)
	body := open + "[" + strings.Repeat("1,", (MaxCallback-len(open)-100)/2) + "1]" + strings.Repeat("}", 30)
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := n.Accept([]byte(body)); !errors.Is(err, ErrGrammar) {
				t.Fatal(err)
			}
		}
	})
	if got.AllocedBytesPerOp() > 64<<20 {
		t.Errorf("%d bytes for a body of %d", got.AllocedBytesPerOp(), len(body))
	}
}

// A body of very many values is refused before they are sorted; one of the most
// that there may be is judged by its signature.
func TestBodyOfManyValues(t *testing.T) {
	n := testNotices(t)
	list := func(count int) string { return `{"a":[` + strings.Repeat("1,", count-1) + "1]" }
	for count, want := range map[int]error{maxLeaves: nil, maxLeaves + 1: ErrGrammar, 131_000: ErrGrammar} {
		if _, err := n.Accept([]byte(list(count) + `,"signature":"x"}`)); !errors.Is(err, cmp.Or(want, ErrSignature)) {
			t.Errorf("%d values, signed by nobody: %v", count, err)
		}
		if err := n.Hint([]byte(list(count) + "}")); !errors.Is(err, cmp.Or(want, ErrSignature)) {
			t.Errorf("%d values, not signed: %v", count, err)
		}
	}
	if _, err := n.Accept(delivered(t, list(maxLeaves)+"}")); err != nil {
		t.Errorf("%d values, signed: %v", maxLeaves, err)
	}
}

// The published callbacks pass with their secret and with no other.
func TestPublishedCallbacks(t *testing.T) {
	n := 0
	for _, v := range vectors(t).Vectors {
		if v.Kind != "callback" {
			continue
		}
		n++
		c, err := ReadCallback([]byte(v.Payload), [][]byte{[]byte("other"), []byte(v.Secret)})
		if (err == nil) != v.ExpectValid {
			t.Errorf("%s: %v", v.ID, err)
		}
		if v.ExpectValid && c.Variant == VariantNone {
			t.Errorf("%s: no variant", v.ID)
		}
		if _, err := ReadCallback([]byte(v.Payload), [][]byte{[]byte("other")}); err == nil {
			t.Errorf("%s: verified with another secret", v.ID)
		}
	}
	if n < 5 {
		t.Fatalf("%d callbacks among the vectors", n)
	}
}

// No mutation of a signed callback is accepted as saying something else, neither
// in the row nor in any other value that it signs. What the register of payments
// makes of them: sinks/gate TestForgedCallbacksSayNothingElse. The full size:
// PAYLAKE_TEST_FORGERIES=1000000.
func TestForgedCallbacks(t *testing.T) {
	n, count := testNotices(t), 20_000
	if s := os.Getenv("PAYLAKE_TEST_FORGERIES"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(3, 5))
	var bodies [][]byte
	var says []string
	for _, s := range samples(t) {
		body := delivered(t, s)
		c, err := n.Accept(body)
		if err != nil {
			t.Fatal(err)
		}
		bodies, says = append(bodies, body), append(says, meaning(t, n, c, body))
	}
	accepted := 0
	for range count {
		k := rng.IntN(len(bodies))
		forged := mutate(rng, bodies[k], bodies[(k+1)%len(bodies)])
		if bytes.Equal(forged, bodies[k]) {
			continue
		}
		c, err := n.Accept(forged)
		if err != nil {
			continue
		}
		accepted++
		if got := meaning(t, n, c, forged); got != says[k] && got != says[(k+1)%len(bodies)] {
			t.Fatalf("accepted as something else:\n%s\n%s", forged, got)
		}
	}
	t.Logf("%d mutated bodies; %d differ in nothing that has a meaning", count, accepted)
}

// meaning is everything that a callback says: the operation's row, and every
// value with its path.
func meaning(t *testing.T, n *Notices, c Callback, body []byte) string {
	t.Helper()
	f, err := flatten(body, strict, doublesRefused)
	if err != nil {
		t.Fatal(err)
	}
	f.sort(VariantText)
	page := n.Page([][]byte{c.Row})
	defer page.Rows.Release()
	text, err := page.Rows.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n" + string(f.text())
}

// mutate changes a body the way an attacker or a bad wire would.
func mutate(rng *rand.Rand, body, other []byte) []byte {
	b := bytes.Clone(body)
	at := rng.IntN(len(b))
	switch rng.IntN(7) {
	case 0: // a bit
		b[at] ^= 1 << rng.IntN(8)
	case 1: // a digit, a letter
		b[at] = "0123456789abcXYZ:;,\"{}[]"[rng.IntN(24)]
	case 2: // something left out
		b = append(b[:at], b[min(len(b), at+1+rng.IntN(20)):]...)
	case 3: // something twice
		end := min(len(b), at+1+rng.IntN(40))
		b = append(b[:end:end], b[at:]...)
	case 4: // a piece of another signed body
		end := min(at+1+rng.IntN(60), len(other))
		if at < end {
			b = append(append(append([]byte{}, b[:at]...), other[at:end]...), b[min(end, len(b)):]...)
		}
	case 5: // a field more, or one hidden in a text
		extra := []string{`"operation:status":"success",`, `"a":"x;operation:status:success",`, `"frame_mode":"y",`, `"signature":"",`, `"payment":{},`}[rng.IntN(5)]
		b = append([]byte("{"+extra), b[1:]...)
	case 6: // two members change places in meaning
		b = bytes.ReplaceAll(b, []byte(`"payment"`), []byte(`"operation"`))
		b = bytes.Replace(b, []byte(`"operation"`), []byte(`"payment"`), 1+rng.IntN(2))
	}
	return b
}
