// Package embedded runs a real ClickHouse without a server installation: the
// engine as a shared library (chDB), in a child process that listens on
// 127.0.0.1 and dies with its parent.
//
// One process holds the warehouse of a data directory; the others join it
// through data_dir/warehouse.json. A holder that goes takes its child with it,
// and whoever needs the warehouse next becomes the holder.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/paylake/paylake/sinks"
)

// Options say whose warehouse it is and how to start it.
type Options struct {
	DataDir string
	// Command starts the child: {executable, "clickhouse-child"}. The child's
	// arguments are appended; the command must hand them to Child.
	Command []string
	// Exclusive refuses to join another holder: sinks.ErrBusy.
	Exclusive bool
	Tools     Tools        // how others reach it while this process holds it
	Log       *slog.Logger // what happens to the child; may be nil
}

// Tools are ports and passwords that stay what they are over restarts, for the
// tools of others. Zero: the system chooses ports, passwords are made anew.
type Tools struct {
	NativePort, HTTPPort int
	Passwords            map[string]string // by role
}

// Endpoint is where a warehouse listens and who may enter. Passwords are made
// anew at every start.
type Endpoint struct {
	Addr     string // host:port of the native protocol
	HTTPAddr string // host:port of HTTP
	User     string // the loader: may do everything
	Password string
	Readers  map[string]string // analyst, auditor, accountant → password
}

// Server is a running warehouse that this process holds or has joined.
type Server struct {
	Endpoint        // as it was when Acquire returned; Current is up to date
	Holder   bool   // this process holds it
	LogFile  string // what ClickHouse writes

	opts Options
	mu   sync.Mutex
	now  Endpoint
	hold *holder
}

const (
	acquireTimeout = 90 * time.Second
	joinPause      = 50 * time.Millisecond
)

// Acquire joins the process that holds the warehouse of a data directory, or
// becomes the holder and starts it. It returns when the warehouse answers.
// The holder's Close ends the child; a joiner's Close does nothing.
func Acquire(ctx context.Context, o Options) (*Server, error) {
	dir, err := filepath.Abs(o.DataDir)
	if err != nil || o.DataDir == "" || len(o.Command) == 0 {
		return nil, errors.Join(errors.New("embedded warehouse: DataDir and Command are required"), err)
	}
	o.DataDir = dir
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, sinks.DiskError("create", dir, "data_dir", err)
	}
	s := &Server{opts: o, LogFile: layout(dir).log}
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	s.Endpoint = s.now
	return s, nil
}

// acquire holds or joins, whichever comes first.
func (s *Server) acquire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	lock := flock.New(layout(s.opts.DataDir).lock, flock.SetPermissions(0o600))
	for {
		held, err := lock.TryLock()
		if err != nil {
			return fmt.Errorf("embedded warehouse: lock %s: %w", lock.Path(), err)
		}
		if held {
			return s.becomeHolder(ctx, lock)
		}
		if s.opts.Exclusive {
			return errors.Join(busy(s.opts.DataDir), lock.Close())
		}
		if ep, err := readRecord(s.opts.DataDir); err == nil && answers(ctx, ep) == nil {
			s.set(ep, nil)
			return lock.Close()
		}
		if err := pause(ctx, joinPause); err != nil {
			return errors.Join(fmt.Errorf("embedded warehouse in %s: its holder does not answer; stop that process and try again: %w",
				s.opts.DataDir, sinks.ErrUnavailable), lock.Close())
		}
	}
}

func (s *Server) becomeHolder(ctx context.Context, lock *flock.Flock) error {
	h, err := hold(ctx, s.opts, lock, func(ep Endpoint) { s.set(ep, nil) })
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold, s.Holder = h, true
	return nil
}

func (s *Server) set(ep Endpoint, h *holder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = ep
	if h != nil {
		s.hold = h
	}
}

// Current is where the warehouse listens now.
func (s *Server) Current() Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// DataDir is where the warehouse lies.
func (s *Server) DataDir() string { return s.opts.DataDir }

// Revive is for callers who could not reach the warehouse. The holder waits
// until its child answers again; a joiner whose holder has gone joins the next
// one or becomes it. Afterwards Current may differ.
func (s *Server) Revive(ctx context.Context) error {
	s.mu.Lock()
	h := s.hold
	s.mu.Unlock()
	if h != nil {
		return h.ready(ctx)
	}
	if answers(ctx, s.Current()) == nil {
		return nil
	}
	return s.acquire(ctx)
}

// Close ends the child if this process holds it, and leaves nothing running.
func (s *Server) Close() error {
	s.mu.Lock()
	h := s.hold
	s.hold = nil
	s.mu.Unlock()
	if h == nil {
		return nil
	}
	return h.close()
}

func busy(dir string) error {
	return fmt.Errorf("the warehouse of %s is in use by process %d; stop it first: %w", dir, recordedPID(dir), sinks.ErrBusy)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
