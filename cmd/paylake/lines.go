package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
)

// lines hands out standard input line by line to whoever asks, one at a time,
// and lets go of those who stop waiting: a read itself cannot be interrupted.
type lines struct {
	src   io.Reader
	turn  sync.Mutex
	start sync.Once
	next  chan string
	done  chan struct{}
}

func newLines(src io.Reader) *lines {
	return &lines{src: src, next: make(chan string), done: make(chan struct{})}
}

// end lets the reading goroutine go as soon as its read returns.
func (l *lines) end() { close(l.done) }

// Read makes lines an io.Reader for cobra, which never reads.
func (l *lines) Read(b []byte) (int, error) { return l.src.Read(b) }

var errNoInput = errors.New("standard input has ended")

// line returns the next line without its end, errNoInput at the end of input,
// or the context's error.
func (l *lines) line(ctx context.Context) (string, error) {
	l.start.Do(func() { go l.pump() })
	select {
	case text, ok := <-l.next:
		if !ok {
			return "", errNoInput
		}
		return strings.TrimSpace(text), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (l *lines) pump() {
	defer close(l.next)
	if l.src == nil {
		return
	}
	scanner := bufio.NewScanner(l.src)
	for scanner.Scan() {
		select {
		case l.next <- scanner.Text():
		case <-l.done:
			return
		}
	}
}
