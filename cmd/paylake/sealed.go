package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sources"
)

// sealedSessions tells a source what a session means that cannot be opened any
// more because the key under `secrets:` has changed: a person must act.
type sealedSessions struct{ state.Sessions }

// Load implements mpay.Sessions.
func (s sealedSessions) Load(ctx context.Context, source, wallet string) ([]byte, error) {
	tokens, err := s.Sessions.Load(ctx, source, wallet)
	if errors.Is(err, state.ErrSealed) {
		return nil, fmt.Errorf("%w (%w)", err, sources.ErrAuth)
	}
	return tokens, err
}
