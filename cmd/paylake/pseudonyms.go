package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
)

// openPseudonyms makes what turns numbers into pseudonyms: under the
// configuration's key, which is the first version, and, when state is open,
// under the newest one that a rotation made.
func (h *house) openPseudonyms(ctx context.Context) error {
	key, err := h.cfg.Keys.Pseudonym.Value(ctx)
	if err != nil {
		return misconfigured(err)
	}
	if h.pseudo, err = schemas.NewPseudonymizer(1, key); err != nil {
		return misconfigured(fmt.Errorf("keys.pseudonym: %w", err))
	}
	if h.state == nil {
		return nil
	}
	versions, err := h.state.PseudonymKeys(ctx)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.Version == 1 {
			if v.Proof != proofOf(key) {
				return misconfigured(fmt.Errorf("keys.pseudonym: %w; put the former key back, or rows of the same person no longer join", state.ErrOtherKey))
			}
			continue
		}
		if err := h.pseudo.Rotate(v.Version, v.Key); err != nil {
			return err
		}
	}
	h.persons = newPersons(h)
	return nil
}

// proofOf recognises a key without telling it.
func proofOf(key []byte) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("paylake pseudonym key"))
	return hex.EncodeToString(m.Sum(nil)[:8])
}

// former is what the lake asks when rows differ: it must not depend on sources
// being open already.
func (h *house) former(pseudonym string, version int) (string, bool) {
	if h.pseudo == nil {
		return "", false
	}
	return h.pseudo.Former(pseudonym, version)
}
