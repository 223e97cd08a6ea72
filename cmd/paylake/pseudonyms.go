package main

import (
	"context"
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// openPseudonyms makes what turns numbers into pseudonyms.
func (h *house) openPseudonyms(ctx context.Context) error {
	key, err := h.cfg.Keys.Pseudonym.Value(ctx)
	if err != nil {
		return misconfigured(err)
	}
	if h.pseudo, err = schemas.NewPseudonymizer(1, key); err != nil {
		return misconfigured(fmt.Errorf("keys.pseudonym: %w", err))
	}
	return nil
}
