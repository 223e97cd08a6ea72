package translog

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// Stamps are RFC 3161 time stamps of the exact bytes of a kept checkpoint: an
// authority says that they existed at a time.

// StampPath names a stamp of a kept checkpoint; its name is its own digest.
func StampPath(size int64, response []byte) string {
	h := sha256.Sum256(response)
	return fmt.Sprintf("%s.%x.tsr", KeptPath(size), h[:8])
}

// ParseStampPath returns the size of the checkpoint that a stamp is of.
func ParseStampPath(path string) (size int64, ok bool) {
	kept, rest, _ := strings.Cut(path, ".")
	size, ok = ParseKeptPath(kept)
	digest, tsr := strings.CutSuffix(rest, ".tsr")
	hex := strings.Trim(digest, "0123456789abcdef") == "" && len(digest) == 16
	return size, ok && tsr && hex
}

// Stamp asks a time-stamping authority for a stamp of a kept checkpoint and
// stores its answer beside it.
func Stamp(ctx context.Context, client *http.Client, url string, store Store, c Checkpoint) (time.Time, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return time.Time{}, err
	}
	request, err := timestamp.CreateRequest(bytes.NewReader(c.Raw), &timestamp.RequestOptions{Hash: crypto.SHA256, Certificates: true, Nonce: nonce})
	if err != nil {
		return time.Time{}, err
	}
	status, answer, err := post(ctx, client, url, "application/timestamp-query", request)
	if err != nil {
		return time.Time{}, fmt.Errorf("time-stamping authority: %w", err)
	}
	if status != http.StatusOK {
		return time.Time{}, fmt.Errorf("time-stamping authority: it answered %d %s", status, http.StatusText(status))
	}
	at, got, err := readStamp(answer, c.Raw, nil)
	if err == nil && (got == nil || got.Cmp(nonce) != 0) {
		err = fmt.Errorf("the answer is to another question: %w", ErrInvalid)
	}
	if err != nil {
		return at, fmt.Errorf("time-stamping authority: %w", err)
	}
	err = store.Create(ctx, StampPath(c.Tree.N, answer), answer)
	if errors.Is(err, ErrTaken) {
		err = nil
	}
	return at, err
}

// CheckStamp checks a stamp of a kept checkpoint's bytes, offline: that it is
// about them, its signature, and with roots that its signer was a time-stamping
// authority under one of them at that time.
func CheckStamp(response, checkpoint []byte, roots *x509.CertPool) (time.Time, error) {
	at, _, err := readStamp(response, checkpoint, roots)
	return at, err
}

func readStamp(response, checkpoint []byte, roots *x509.CertPool) (at time.Time, nonce *big.Int, err error) {
	defer func() { // a stamp comes from outside, and so do the parsers of its format
		if r := recover(); r != nil {
			err = fmt.Errorf("the stamp is not readable: %v (%w)", r, ErrInvalid)
		}
	}()
	bad := func(what string, err error) (time.Time, *big.Int, error) {
		return at, nil, fmt.Errorf("the stamp %s: %w (%w)", what, err, ErrInvalid)
	}
	ts, err := timestamp.ParseResponse(response)
	if err != nil {
		return bad("is not readable, or its signature does not hold", err)
	}
	if len(ts.Certificates) == 0 {
		return bad("does not hold", errors.New("no certificate in it, so its signature cannot be checked"))
	}
	sum := sha256.Sum256(checkpoint)
	if ts.HashAlgorithm != crypto.SHA256 || !bytes.Equal(ts.HashedMessage, sum[:]) {
		return bad("does not hold", errors.New("it is of other bytes than this checkpoint"))
	}
	if roots == nil {
		return ts.Time, ts.Nonce, nil
	}
	p7, err := pkcs7.Parse(ts.RawToken)
	if err != nil {
		return bad("is not readable", err)
	}
	if err := p7.VerifyWithChainAtTime(roots, ts.Time); err != nil {
		return bad("is not by an authority that is trusted", err)
	}
	if signer := p7.GetOnlySigner(); signer == nil || !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		return bad("is not by an authority", errors.New("its signer's certificate is not for time stamps"))
	}
	return ts.Time, ts.Nonce, nil
}
