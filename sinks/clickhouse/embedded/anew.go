package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"
)

// errShortLives marks children that ended again and again before they answered.
var errShortLives = errors.New("it ended again and again")

// hold starts the engine. A full disk or a power cut can leave files behind
// that it refuses to start with. Everything in it comes from the lake, so a
// store that cannot be opened is made anew; but only when an empty one starts
// in its place. Where that fails too the store was not at fault (a library that
// does not load, no memory) and stays.
func hold(ctx context.Context, o Options, lock *flock.Flock, changed func(Endpoint)) (*holder, error) {
	h, err := start(ctx, o, lock, changed)
	store := layout(o.DataDir).store
	if !errors.Is(err, errShortLives) || isEmpty(store) {
		return h, err
	}
	aside := store + ".damaged"
	if rerr := errors.Join(os.RemoveAll(aside), os.Rename(store, aside)); rerr != nil {
		return nil, errors.Join(err, rerr)
	}
	h, again := start(ctx, o, lock, changed)
	if again != nil {
		return nil, errors.Join(err, os.RemoveAll(store), os.Rename(aside, store))
	}
	o.Log.Warn("the embedded warehouse could not be opened and is made anew from the lake", "err", err)
	if rerr := os.RemoveAll(aside); rerr != nil {
		return nil, errors.Join(fmt.Errorf("embedded warehouse: remove the damaged store: %w", rerr), h.stopChild())
	}
	return h, nil
}

func isEmpty(dir string) bool {
	list, err := os.ReadDir(dir)
	return err != nil || len(list) == 0
}
