package lake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	probeWriters = 8
	probeRounds  = 2 // at every open
	checkRounds  = 10
)

// CheckBucket proves that a lake's storage publishes a key exactly once,
// however many writers race for it.
func CheckBucket(ctx context.Context, url string) error {
	b, closeBucket, err := openBucket(ctx, url, false, 0)
	if err != nil {
		return err
	}
	if err := probe(ctx, b, checkRounds, time.Time{}); err != nil {
		return errors.Join(fmt.Errorf("lake %s: %w", url, err), closeBucket())
	}
	return closeBucket()
}

// probe lets writers race for one key, several times. Exactly one must win and
// its bytes must be what is read back: a store that ignores the precondition,
// or lets two win, would lose commits without a word.
func probe(ctx context.Context, b bucket, rounds int, now time.Time) error {
	for range rounds {
		if err := probeOnce(ctx, b, now); err != nil {
			return err
		}
	}
	if now.IsZero() { // no clock: a person looks on
		return nil
	}
	return sweepProbes(ctx, b, now)
}

// probeLife is how long a probe can possibly take. Keys older than that were
// left by processes that were killed.
const probeLife = time.Hour

// sweepProbes removes what killed probes left, by the age in the key: asking
// each store for its own clock would not be worth it.
func sweepProbes(ctx context.Context, b bucket, now time.Time) error {
	for f, err := range b.List(ctx, "probe/") {
		if err != nil {
			return err
		}
		var at int64
		if n, _ := fmt.Sscanf(f.Key, "probe/%d-", &at); n == 1 && now.Sub(time.Unix(at, 0)) > probeLife {
			if err := b.Delete(ctx, f.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

func probeOnce(ctx context.Context, b bucket, now time.Time) error {
	// Random, too: processes that start together must not meet here.
	key := "probe/" + rand.Text()
	if !now.IsZero() {
		key = fmt.Sprintf("probe/%d-%s", now.Unix(), rand.Text())
	}
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
