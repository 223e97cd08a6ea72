package state

// Sealing: what only the configuration's keeper can open.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"gocloud.dev/secrets"
)

// ErrNoKeeper is returned when something secret is to be stored and the
// configuration names no key to seal it with.
var ErrNoKeeper = errors.New("nothing to seal it with; set `secrets:` in the configuration, such as env:PAYLAKE_SECRETS holding a gocloud.dev/secrets URL")

// ErrSealed is returned for a value that the keeper cannot open.
var ErrSealed = errors.New("cannot be opened with the key under `secrets:`; put the former key back")

// keeperWait is how long a key service may take for one text.
const keeperWait = time.Minute

type sealer struct{ keeper *secrets.Keeper }

// close seals raw together with its address, so that a sealed value that is
// moved to another row does not open there.
func (s sealer) close(ctx context.Context, address string, raw []byte) ([]byte, error) {
	if s.keeper == nil {
		return nil, ErrNoKeeper
	}
	ctx, cancel := context.WithTimeout(ctx, keeperWait)
	defer cancel()
	sealed, err := s.keeper.Encrypt(ctx, append(header(address), raw...))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

func (s sealer) open(ctx context.Context, address string, sealed []byte) ([]byte, error) {
	if s.keeper == nil {
		return nil, ErrNoKeeper
	}
	ctx, cancel := context.WithTimeout(ctx, keeperWait)
	defer cancel()
	text, err := s.keeper.Decrypt(ctx, sealed)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("open what is sealed: the keeper under `secrets:` gives no answer: %w", ctx.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrSealed, err)
	}
	raw, ok := bytes.CutPrefix(text, header(address))
	if !ok {
		return nil, fmt.Errorf("%w (it was sealed for another row)", ErrSealed)
	}
	return raw, nil
}

// header begins a sealed text. The length keeps one address from being the
// beginning of another.
func header(address string) []byte {
	return fmt.Appendf(nil, "%d:%s\n", len(address), address)
}
