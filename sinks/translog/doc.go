// Package translog keeps an append-only transparency log in a store of files:
// C2SP tlog-tiles (https://c2sp.org/tlog-tiles), checkpoints as signed notes,
// proofs as .tlog-proof. Hashing and notes are golang.org/x/mod/sumdb's; what is
// here is the layout, the order of writing, and keys.
//
// The tree is a function of its entries alone, so two writers that see the same
// entries write the same tiles: everything but the name `checkpoint` is created
// once and compared when it is there already, and a log cannot fork by accident.
package translog

import (
	"context"
	"errors"
)

// Names in the store.
const (
	Latest = "checkpoint"   // the newest checkpoint: the one name that is replaced
	Kept   = "checkpoints/" // every checkpoint, by its size
)

// Store is where a log lives. Keys are slash-separated.
type Store interface {
	// Read returns a file; its error wraps ErrAbsent when it is not there.
	Read(ctx context.Context, key string) ([]byte, error)
	// Create stores a file durably under a name that does not exist; its error
	// wraps ErrTaken when it does.
	Create(ctx context.Context, key string, data []byte) error
	// Replace stores a file under a name that may exist: readers see the old
	// bytes or the new ones.
	Replace(ctx context.Context, key string, data []byte) error
}

var (
	// ErrAbsent is wrapped by a Store's Read.
	ErrAbsent = errors.New("not there")
	// ErrTaken is wrapped by a Store's Create.
	ErrTaken = errors.New("exists already")
	// ErrInvalid is wrapped by everything that does not hold: bytes, trees,
	// signatures, proofs.
	ErrInvalid = errors.New("the log does not hold")
	// ErrUnknownKey is wrapped, beside ErrInvalid, where a note carries no
	// signature by a key that was given.
	ErrUnknownKey = errors.New("signed by none of the given keys")
)
