package mpay

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxWebhook is the most bytes that a webhook may have. The sample has 240.
	MaxWebhook = 64 << 10
	// signedWithin is how old, or how far ahead, a signature may be.
	signedWithin = 300 * time.Second
	maxHeader    = 1024
	maxTried     = 8 // v1 values in one header
)

var (
	// ErrSignature is returned for a webhook that none of the live secrets has
	// signed in the last five minutes.
	ErrSignature = errors.New("the signature does not hold")
	// ErrContent is returned for a webhook that is signed and cannot be used all
	// the same.
	ErrContent = errors.New("a signed webhook that cannot be used")
	// ErrTooLarge is returned for a webhook of more than MaxWebhook bytes. Its
	// signature is not looked at.
	ErrTooLarge = errors.New("larger than a webhook may be")
)

// verifyWebhook checks the header MPAY-Signature: t=<unix seconds>,v1=<hex>,
// where v1 is the HMAC-SHA-256 of t, a full stop and the body. While secrets
// rotate there may be several v1 and several secrets. It returns t.
func verifyWebhook(header string, body []byte, secrets [][]byte, now time.Time) (time.Time, error) {
	stamp, tried, err := parseSignature(header)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", err, ErrSignature)
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("its time is not a number of seconds: %w", ErrSignature)
	}
	held := 0
	for _, secret := range secrets {
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(stamp + "."))
		m.Write(body)
		want := m.Sum(nil)
		nonEmpty := subtle.ConstantTimeLessOrEq(1, len(secret)) // an empty secret is one that everybody knows
		for _, got := range tried {
			held |= nonEmpty & subtle.ConstantTimeCompare(want, got)
		}
	}
	if held != 1 {
		return time.Time{}, ErrSignature
	}
	at := time.Unix(seconds, 0).UTC()
	if age := now.Sub(at); age > signedWithin || age < -signedWithin {
		return time.Time{}, fmt.Errorf("it was signed more than %s ago or ahead; compare the clocks: %w", signedWithin, ErrSignature)
	}
	return at, nil
}

func parseSignature(header string) (stamp string, tried [][]byte, err error) {
	if header == "" || len(header) > maxHeader {
		return "", nil, errors.New("no header MPAY-Signature, or a longer one than any signature needs")
	}
	for piece := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(piece), "=")
		switch name {
		case "t":
			if stamp != "" || value == "" || len(value) > 12 || strings.Trim(value, "0123456789") != "" {
				return "", nil, errors.New("MPAY-Signature: not one t of digits")
			}
			stamp = value
		case "v1":
			mac, err := hex.DecodeString(value)
			if err == nil && len(mac) == sha256.Size {
				tried = append(tried, mac)
			}
		}
	}
	if stamp == "" || len(tried) == 0 || len(tried) > maxTried {
		return "", nil, errors.New("MPAY-Signature: it wants t=… and v1=… of 64 hexadecimal digits")
	}
	return stamp, tried, nil
}
