package gate_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sources/flashpay"
)

// genuine are callbacks of every kind that the register acts on, with all that
// it reads of them.
var genuine = []string{
	`{"project_id":210,"payment":{"id":"pl_1","type":"purchase","status":"success","sum":{"amount":50000,"currency":"KGS"}},"account":[],"operation":{"id":6503010168993,"type":"sale","status":"success","request_id":"r-1","sum_initial":{"amount":5000,"currency":"KGS"},"code":"0","message":"Success"}}`,
	`{"project_id":"210","payment":{"id":"pl_1","status":"decline"},"operation":{"id":"6503010168994","type":"sale","status":"decline","request_id":"r-2","sum_initial":{"amount":"5000","currency":"KGS"},"code":"1","message":"Insufficient funds"},"errors":[{"code":1,"message":"Insufficient funds"}]}`,
	`{"project_id":210,"payment":{"id":"pl_2","status":"processing"},"clarification_fields":{"approval_code":{"type":"string"}},"request_id":"r-3"}`,
	`{"project_id":210,"payment":{"id":"pl_2","status":"processing"},"clarification_fields":["approval_code"],"operation":{"id":7,"type":"sale","request_id":null}}`,
	`{"project_id":210,"payment":{"id":"pl_3","status":"processing","is_new":true,"note":""},"request_id":"r-4"}`,
	`{"project_id":210,"payment":{"id":"pl_3","status":"success"}}`,
}

// said is all that the register acts on.
type said struct {
	id string
	e  gate.Evidence
	ok bool
}

// No mutation of a signed callback that is accepted has the register of payments
// do something else. The signature covers values and neither their types nor
// empty lists, so mutations are of bytes and of what it does not see. The full
// size: PAYLAKE_TEST_FORGERIES=1000000.
func TestForgedCallbacksSayNothingElse(t *testing.T) {
	at, count := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC), 20_000
	if s := os.Getenv("PAYLAKE_TEST_FORGERIES"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	read := func(body []byte) (s said) {
		s.id, s.e, s.ok = gate.ReadCallback(body, at)
		return s
	}
	var bodies [][]byte
	known := map[said]bool{}
	for _, text := range genuine {
		signature, err := flashpay.Sign([]byte(text), []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		body := append(bytes.TrimSuffix([]byte(text), []byte("}")), `,"signature":"`+signature+`"}`...)
		bodies = append(bodies, body)
		known[read(body)] = true
	}
	if len(known) != len(genuine) {
		t.Fatalf("%d callbacks say %d things", len(genuine), len(known))
	}
	rng := rand.New(rand.NewPCG(7, 11))
	accepted, unread := 0, 0
	for range count {
		k := rng.IntN(len(bodies))
		forged := respell(rng, bodies[k])
		if rng.IntN(2) == 0 {
			forged = garble(rng, forged, bodies[rng.IntN(len(bodies))])
		}
		if signer.Verify(signer{}, forged) != nil || bytes.Equal(forged, bodies[k]) {
			continue
		}
		accepted++
		s := read(forged)
		if !s.ok { // the register hears nothing
			unread++
			continue
		}
		if s != read(bodies[k]) {
			t.Fatalf("accepted as something else:\n%s\n%+v\nof\n%s\n%+v", forged, s, bodies[k], read(bodies[k]))
		}
	}
	t.Logf("%d mutated bodies; %d carry a signature that holds and say the same, %d of them nothing that can be read", count, accepted, unread)
	if accepted < count/20 || unread > accepted/2 {
		t.Error("too few are accepted and read: this proves nothing")
	}
}

var (
	number = regexp.MustCompile(`:\d+`)
	digits = regexp.MustCompile(`:"\d+"`)
	word   = regexp.MustCompile(`:"[a-zA-Z0-9_-]`)
	bits   = regexp.MustCompile(`:"?[01]"?\b`)
	void   = regexp.MustCompile(`:(?:""|null)`)
	opened = regexp.MustCompile(`\{"`)
)

// respell writes a body differently where its signature does not see it.
func respell(rng *rand.Rand, body []byte) []byte {
	for range 1 + rng.IntN(3) {
		switch rng.IntN(6) {
		case 0:
			body = once(rng, number, body, func(m []byte) []byte { return []byte(`:"` + string(m[1:]) + `"`) })
		case 1:
			body = once(rng, digits, body, func(m []byte) []byte { return append([]byte(":"), bytes.Trim(m[1:], `"`)...) })
		case 2:
			body = once(rng, word, body, func(m []byte) []byte { return []byte(`:"\u00` + strconv.FormatInt(int64(m[2]), 16)) })
		case 3:
			body = once(rng, bits, body, func(m []byte) []byte { return []byte(":" + strconv.FormatBool(bytes.Contains(m, []byte("1")))) })
		case 4:
			body = once(rng, void, body, func(m []byte) []byte { return []byte(map[bool]string{true: `:null`, false: `:""`}[len(m) == 3]) })
		case 5: // what is empty is not signed
			extra := []string{`"clarification_fields":{"approval_code":{}},`, `"clarification_fields":{"approval_code":[[]]},`, `"clarification_fields":[{"approval_code":[]}],`,
				`"errors":[{}],`, `"errors":{},`, `"operation":{},`, `"operations":[{}],`, `"sum_initial":{},`, `"code":[],`}[rng.IntN(9)]
			body = once(rng, opened, body, func([]byte) []byte { return []byte(`{` + extra + `"`) })
		}
	}
	return body
}

// once rewrites one of the places that an expression finds.
func once(rng *rand.Rand, re *regexp.Regexp, body []byte, to func([]byte) []byte) []byte {
	places := re.FindAllIndex(body, -1)
	if len(places) == 0 {
		return body
	}
	p := places[rng.IntN(len(places))]
	return append(append(bytes.Clone(body[:p[0]]), to(body[p[0]:p[1]])...), body[p[1]:]...)
}

// garble changes bytes, or puts in a piece of another signed body.
func garble(rng *rand.Rand, body, other []byte) []byte {
	b := bytes.Clone(body)
	at := rng.IntN(len(b))
	end := min(len(b), at+1+rng.IntN(40))
	switch rng.IntN(4) {
	case 0:
		b[at] ^= 1 << rng.IntN(8)
	case 1:
		b[at] = "0123456789abcXYZ:;,\"{}[] "[rng.IntN(25)]
	case 2:
		b = append(b[:at], body[end:]...)
	default:
		from := rng.IntN(len(other))
		b = append(append(b[:at], other[from:min(len(other), from+end-at)]...), body[end:]...)
	}
	return b
}
