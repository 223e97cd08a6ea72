package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Form is how an endpoint wants its messages written and signed.
type Form string

const (
	// FormStandard is Standard Webhooks: headers webhook-id, webhook-timestamp and
	// webhook-signature (v1,<base64> of HMAC-SHA-256 over id.timestamp.body, under
	// the bytes that the secret's base64 stands for).
	FormStandard Form = "standard"
	// FormMPAY is MPAY-Signature: t=<seconds>,v1=<hex> of HMAC-SHA-256 over
	// t.body, under the secret's text as it is written.
	FormMPAY Form = "mpay"
)

// Headers of the two forms.
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"
	headerMPAY      = "MPAY-Signature"
)

// ErrSignature is returned for a message that none of the secrets has signed.
var ErrSignature = errors.New("the signature does not hold")

// Sign returns the headers of one message, one signature for every secret. Its
// error says what cannot be signed: no secret, or a time before 1970.
func Sign(f Form, secrets []Secret, id string, at time.Time, body []byte) (http.Header, error) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	switch {
	case len(secrets) == 0:
		return nil, errors.New("sign a webhook: the endpoint has no secret; run paylake webhook rotate")
	case at.Unix() < 0:
		return nil, fmt.Errorf("sign a webhook: %s is not a time that a signature can carry", stamp)
	case f == FormStandard && (id == "" || strings.Contains(id, ".")):
		return nil, fmt.Errorf("sign a webhook: %q cannot be its id", id)
	}
	h := http.Header{}
	var all []string
	switch f {
	case FormStandard:
		for _, s := range secrets {
			all = append(all, "v1,"+base64.StdEncoding.EncodeToString(standardMAC(s, id, stamp, body)))
		}
		h.Set(headerID, id)
		h.Set(headerTimestamp, stamp)
		h.Set(headerSignature, strings.Join(all, " "))
	case FormMPAY:
		for _, s := range secrets {
			all = append(all, "v1="+hex.EncodeToString(mpayMAC(s, stamp, body)))
		}
		h[headerMPAY] = []string{"t=" + stamp + "," + strings.Join(all, ",")}
	default:
		return nil, fmt.Errorf("sign a webhook: %q is no form of signature; there are standard and mpay", f)
	}
	return h, nil
}

func standardMAC(s Secret, id, stamp string, body []byte) []byte {
	return macOf(s.key, id+"."+stamp+".", body)
}

func mpayMAC(s Secret, stamp string, body []byte) []byte {
	return macOf([]byte(s.text), stamp+".", body)
}

func macOf(key []byte, head string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(head))
	m.Write(body)
	return m.Sum(nil)
}

// Tolerance is how old, or how far ahead, a signature may be.
const Tolerance = 5 * time.Minute

// Verify checks a message of either form, as a receiver does: signature in
// constant time, under every secret, and age. It is what the tests' receivers
// and the sandbox run, not what paylake trusts.
func Verify(f Form, h http.Header, body []byte, secrets []Secret, now time.Time) error {
	stamp, tried, mac := h.Get(headerTimestamp), standardValues(h.Get(headerSignature)), func(s Secret, stamp string) []byte {
		return standardMAC(s, h.Get(headerID), stamp, body)
	}
	if f == FormMPAY {
		stamp, tried = "", nil
		for name, values := range h { // Get would not find it as Sign spells it, before it went over a wire
			if strings.EqualFold(name, headerMPAY) && len(values) > 0 {
				stamp, tried = mpayValues(values[0])
			}
		}
		mac = func(s Secret, stamp string) []byte { return mpayMAC(s, stamp, body) }
	}
	seconds, err := strconv.ParseUint(stamp, 10, 40)
	if err != nil {
		return fmt.Errorf("its time %.20q is not a number of seconds: %w", stamp, ErrSignature)
	}
	held := 0
	for _, s := range secrets {
		want := mac(s, stamp)
		for _, got := range tried {
			held |= subtle.ConstantTimeCompare(want, got)
		}
	}
	if held != 1 || len(secrets) == 0 {
		return ErrSignature
	}
	if age := now.Sub(time.Unix(int64(seconds), 0)); age > Tolerance || age < -Tolerance {
		return fmt.Errorf("it was signed more than %s ago or ahead; compare the clocks: %w", Tolerance, ErrSignature)
	}
	return nil
}

// standardValues reads "v1,<base64> v2,… v1,<base64>": other versions are
// passed over.
func standardValues(text string) (out [][]byte) {
	for piece := range strings.SplitSeq(text, " ") {
		if value, ok := strings.CutPrefix(piece, "v1,"); ok {
			if mac, err := base64.StdEncoding.DecodeString(value); err == nil {
				out = append(out, mac)
			}
		}
	}
	return out
}

func mpayValues(text string) (stamp string, out [][]byte) {
	for piece := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(piece), "=")
		switch name {
		case "t":
			stamp = value
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil {
				out = append(out, mac)
			}
		}
	}
	return stamp, out
}
