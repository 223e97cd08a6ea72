package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32 // of a new one
	minSecret    = 24
	maxSecret    = 64
)

// Secret signs what an endpoint gets. It prints as ***.
type Secret struct {
	text  string
	key   []byte
	Until time.Time // zero: for good; else a former one, which signs along until then
}

// NewSecret makes a random one.
func NewSecret() Secret {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program rather than give weak bytes
	return Secret{text: secretPrefix + base64.StdEncoding.EncodeToString(key), key: key}
}

// ParseSecret reads whsec_ and 24 to 64 bytes in base64.
func ParseSecret(text string) (Secret, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
	if err != nil {
		return Secret{}, errors.New("a webhook secret is whsec_ and base64; this one is not")
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return Secret{}, fmt.Errorf("a webhook secret has %d to %d bytes, this one has %d", minSecret, maxSecret, len(key))
	}
	return Secret{text: text, key: key}, nil
}

// Reveal returns the text that a receiver is configured with.
func (s Secret) Reveal() string { return s.text }

// String hides the secret in every format.
func (Secret) String() string { return "***" }

// GoString hides the secret in %#v.
func (Secret) GoString() string { return "***" }

// LogValue hides the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// Live are those that sign at an instant, the newest first.
func Live(all []Secret, at time.Time) (out []Secret) {
	for _, s := range all {
		if s.Until.IsZero() || at.Before(s.Until) {
			out = append(out, s)
		}
	}
	return out
}

// Rotate puts a new secret in front. The former ones sign along for overlap, or
// as long as they were going to if that is shorter; those that have ended go.
func Rotate(all []Secret, fresh Secret, at time.Time, overlap time.Duration) []Secret {
	out := []Secret{fresh}
	for _, s := range Live(all, at) {
		if end := at.Add(overlap); s.Until.IsZero() || s.Until.After(end) {
			s.Until = end
		}
		if s.Until.After(at) {
			out = append(out, s)
		}
	}
	return out
}
