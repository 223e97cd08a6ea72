package lake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
)

const (
	probeWriters = 8
	probeRounds  = 2 // at every open
	checkRounds  = 10
)

// CheckBucket proves that a lake's storage publishes a key exactly once,
// however many writers race for it.
func CheckBucket(ctx context.Context, url string) error {
	b, closeBucket, err := openBucket(ctx, url, false)
	if err != nil {
		return err
	}
	if err := probe(ctx, b, checkRounds); err != nil {
		return errors.Join(fmt.Errorf("lake %s: %w", url, err), closeBucket())
	}
	return closeBucket()
}

// probe lets writers race for one key, several times. Exactly one must win and
// its bytes must be what is read back: a store that ignores the precondition,
// or lets two win, would lose commits without a word.
func probe(ctx context.Context, b bucket, rounds int) error {
	for range rounds {
		if err := probeOnce(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func probeOnce(ctx context.Context, b bucket) error {
	key := "probe/" + rand.Text() // random: processes that start together must not meet here
	var wg sync.WaitGroup
	errs := make([]error, probeWriters)
	for i := range errs {
		wg.Go(func() { errs[i] = b.Create(ctx, key, probeBytes(i)) })
	}
	wg.Wait()
	verdict := judgeProbe(ctx, b, key, errs)
	if err := b.Delete(context.WithoutCancel(ctx), key); verdict == nil && !errors.Is(err, errAbsent) {
		return err
	}
	return verdict
}

func probeBytes(i int) []byte { return []byte(strings.Repeat("probe", 20) + fmt.Sprint(i)) }

func judgeProbe(ctx context.Context, b bucket, key string, errs []error) error {
	winner, wins := -1, 0
	for i, err := range errs {
		switch {
		case err == nil:
			winner, wins = i, wins+1
		case !errors.Is(err, errTaken):
			return err
		}
	}
	if wins == 1 {
		data, err := b.Read(ctx, key, 0, -1)
		if err != nil {
			return err
		}
		if string(data) == string(probeBytes(winner)) {
			return nil
		}
	}
	return fmt.Errorf("%d of %d writers that raced for one key won, so commits could be lost here; "+
		"use a file system or an object store with conditional writes", wins, len(errs))
}
