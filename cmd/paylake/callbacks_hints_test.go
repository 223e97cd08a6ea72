package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/callbacks"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources/flashpay"
)

// The same unsigned notice again takes no place of another one, and others are
// counted.
func TestHintsAreCountedOnce(t *testing.T) {
	people, err := schemas.NewPseudonymizer(1, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Asia/Bishkek")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	n, err := flashpay.NewNotices(flashpay.NoticesConfig{Name: "psp", ProjectID: 210, Secrets: [][]byte{[]byte("s")}, Zone: zone, Pseudonyms: people, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	judge := judgeFlashpay(n, func() time.Time { return now })
	notice := func(i int) []byte {
		return fmt.Appendf(nil, `{"project_id":210,"payment":{"id":"p%d"},"chargeback":{"id":%d}}`, i, i)
	}
	var all sync.WaitGroup
	var refused atomic.Int64
	for range 200 { // at once, as a sender that retries
		all.Go(func() {
			if v, err := judge(http.Header{}, notice(0)); err != nil || v.Kind != kindHint {
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if refused.Load() > 0 {
		t.Errorf("%d of 200 of the same notice are refused", refused.Load())
	}
	for i := 1; i < hintsPerMinute; i++ {
		if _, err := judge(http.Header{}, notice(i)); err != nil {
			t.Errorf("notice %d: %v", i, err)
		}
	}
	if _, err := judge(http.Header{}, notice(99)); !errors.Is(err, callbacks.ErrTooMany) {
		t.Errorf("one more than may be: %v", err)
	}
	if _, err := judge(http.Header{}, notice(3)); err != nil {
		t.Errorf("one that is known, when no more may be: %v", err)
	}
}

// What is remembered of them is bounded, and the latest are.
func TestHintsKnownAreBounded(t *testing.T) {
	g, now := newHintGate(), time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for i := range 3 * hintsKnown {
		now = now.Add(time.Minute)
		if !g.allow(fmt.Append(nil, i), now) {
			t.Fatalf("notice %d is refused", i)
		}
	}
	if len(g.known) != hintsKnown {
		t.Errorf("%d are remembered", len(g.known))
	}
	for i := 2 * hintsKnown; i < 3*hintsKnown; i++ {
		if !g.allow(fmt.Append(nil, i), now) {
			t.Fatalf("notice %d is not known again", i)
		}
	}
}
