package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// vectors are those that the project Standard Webhooks publishes.
type vectors struct {
	Sign []struct {
		Secret    string `json:"secret"`
		ID        string `json:"webhook-id"`
		Timestamp int64  `json:"webhook-timestamp"`
		Payload   string `json:"payload"`
		Expected  string `json:"expected"`
	} `json:"sign"`
	Negative []struct {
		Case      string          `json:"case"`
		Signature string          `json:"signature"`
		Secret    json.RawMessage `json:"secret"`
		Timestamp []string        `json:"timestamp"`
	} `json:"negative"`
	Multi string `json:"multi_signature_header_example"`
}

func published(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/standard_webhooks.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil || len(v.Sign) == 0 || len(v.Negative) < 4 {
		t.Fatalf("%v, %d vectors", err, len(v.Sign))
	}
	return v
}

func TestPublishedVectors(t *testing.T) {
	v := published(t)
	one := v.Sign[0]
	secret, err := ParseSecret(one.Secret)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(one.Timestamp, 0)
	h, err := Sign(FormStandard, []Secret{secret}, one.ID, at, []byte(one.Payload))
	if err != nil || h.Get("webhook-signature") != one.Expected || h.Get("webhook-id") != one.ID || h.Get("webhook-timestamp") != fmt.Sprint(one.Timestamp) {
		t.Errorf("%v %v", h, err)
	}
	verify := func(signature, stamp string) error {
		h := http.Header{}
		h.Set("webhook-id", one.ID)
		h.Set("webhook-timestamp", stamp)
		h.Set("webhook-signature", signature)
		return Verify(FormStandard, h, []byte(one.Payload), []Secret{secret}, at)
	}
	stamp := fmt.Sprint(one.Timestamp)
	multi := strings.NewReplacer("...", "v1a,AAAA", "v1 <real>", one.Expected, "v1,<real>", one.Expected, "<real>", one.Expected).Replace(strings.Split(v.Multi, "  (")[0])
	for _, good := range []string{one.Expected, multi + " " + one.Expected, "v1,AAAA " + one.Expected} {
		if err := verify(good, stamp); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	tried := 0
	for _, n := range v.Negative {
		if n.Signature != "" {
			tried++
			if verify(n.Signature, stamp) == nil {
				t.Errorf("%s: accepted", n.Case)
			}
		}
		for _, bad := range n.Timestamp {
			tried++
			if verify(one.Expected, bad) == nil {
				t.Errorf("%s: %s accepted", n.Case, bad)
			}
		}
		var secrets []string
		_ = json.Unmarshal(n.Secret, &secrets) // absent in most
		for _, bad := range secrets {
			tried++
			if _, err := ParseSecret(bad); err == nil {
				t.Errorf("%s: %q accepted", n.Case, bad)
			}
		}
	}
	if tried < 7 {
		t.Errorf("only %d negative vectors", tried)
	}
	if _, err := Sign(FormStandard, []Secret{secret}, one.ID, time.Unix(-161426533, 0), nil); err == nil {
		t.Error("signed for a time before 1970")
	}
}

// Both forms: every change of the message, the time or the secret is noticed,
// and while secrets rotate the old and the new one both hold.
func TestSignatures(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	body := []byte(`{"event":"payment.settled"}`)
	for _, f := range []Form{FormStandard, FormMPAY} {
		old, fresh, other := NewSecret(), NewSecret(), NewSecret()
		pair := Rotate([]Secret{old}, fresh, now, time.Hour)
		h, err := Sign(f, Live(pair, now.Add(time.Minute)), "evt_1", now, body)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []Secret{old, fresh} {
			if err := Verify(f, h, body, []Secret{s}, now); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
		for what, err := range map[string]error{
			"another secret": Verify(f, h, body, []Secret{other}, now),
			"no secret":      Verify(f, h, body, nil, now),
			"another body":   Verify(f, h, []byte(`{"event":"payment.settleD"}`), pair, now),
			"an old message": Verify(f, h, body, pair, now.Add(Tolerance+time.Second)),
			"of tomorrow":    Verify(f, h, body, pair, now.Add(-Tolerance-time.Second)),
			"no headers":     Verify(f, http.Header{}, body, pair, now),
		} {
			if err == nil {
				t.Errorf("%s: %s accepted", f, what)
			}
		}
		late, err := Sign(f, Live(pair, now.Add(2*time.Hour)), "evt_1", now, body)
		if err != nil || Verify(f, late, body, []Secret{old}, now) == nil {
			t.Errorf("%s: the former secret signs after its overlap: %v", f, err)
		}
	}
	if _, err := Sign("other", []Secret{NewSecret()}, "evt_1", now, body); err == nil {
		t.Error("an unknown form was signed")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	s := NewSecret()
	for _, form := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		if text := fmt.Sprintf(form, s); strings.Contains(text, s.Reveal()[8:]) {
			t.Errorf("%s shows %s", form, text)
		}
	}
	again, err := ParseSecret(s.Reveal())
	if err != nil || string(again.key) != string(s.key) {
		t.Error(err)
	}
	if NewSecret().Reveal() == s.Reveal() {
		t.Error("two secrets are the same")
	}
}
