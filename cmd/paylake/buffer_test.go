package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"
)

// syncBuffer is a buffer that a test reads while the program writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// line waits for the first line that begins with a prefix.
func (s *syncBuffer) line(ctx context.Context, prefix string) (string, bool) {
	for ctx.Err() == nil {
		for line := range strings.Lines(s.String()) {
			if strings.HasPrefix(line, prefix) && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(line), true
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", false
}
