package lake

import (
	"context"
	"errors"

	"github.com/paylake/paylake/sinks"
)

type limits struct {
	objectRows int
	cacheBytes int64
}

var defaultLimits = limits{objectRows: 250_000, cacheBytes: 24 << 20}

type cache struct{}

func newCache(int64) *cache { return &cache{} }

// Commit implements sinks.Sink.
func (l *Lake) Commit(ctx context.Context, b sinks.Batch) (sinks.Receipt, error) {
	return sinks.Receipt{}, errors.New("lake: Commit is being written")
}
