package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/paylake/paylake/sinks"
)

// Windows beyond the memory limit spill into files. Each process has a folder
// of its own for them, locked for its lifetime: what a killed one left behind is
// removed by the next, and nobody removes what is in use.

// tempDir is where this process may put files that need not outlive it.
func (h *house) tempDir() string {
	if h.temp != "" {
		return h.temp
	}
	return filepath.Join(h.cfg.DataDir, "tmp")
}

// openTemp makes the process's folder. Without one (a full disk, say) only what
// needs it fails, with the path in its error.
func (h *house) openTemp() {
	if h.temp != "" {
		return
	}
	if err := h.makeTemp(filepath.Join(h.cfg.DataDir, "tmp")); err != nil {
		h.p.log.Warn("no folder for large windows", "err", err)
	}
}

func (h *house) makeTemp(base string) error {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return sinks.DiskError("create", base, "data_dir", err)
	}
	turn := flock.New(filepath.Join(base, "lock"), flock.SetPermissions(0o600))
	if err := turn.Lock(); err != nil { // nobody sweeps between making and locking
		return sinks.DiskError("lock", turn.Path(), "data_dir", err)
	}
	defer turn.Close()
	sweepErr := sweepTemp(base)
	dir, err := os.MkdirTemp(base, "process-*")
	if err != nil {
		return errors.Join(sweepErr, sinks.DiskError("create", base, "data_dir", err))
	}
	mine := lockOf(dir)
	if err := mine.Lock(); err != nil {
		return errors.Join(sweepErr, sinks.DiskError("lock", dir, "data_dir", err), os.RemoveAll(dir))
	}
	h.temp = dir
	h.onClose(func() error { return errors.Join(os.RemoveAll(dir), mine.Close()) })
	return sweepErr
}

func lockOf(dir string) *flock.Flock {
	return flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
}

// sweepTemp removes the folders whose processes have gone.
func sweepTemp(base string) error {
	left, err := filepath.Glob(filepath.Join(base, "process-*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range left {
		lock := lockOf(dir)
		free, err := lock.TryLock()
		if err != nil && !sinks.IsFull(err) {
			errs = append(errs, err)
			continue
		}
		if free || sinks.IsFull(err) { // a full disk has no room for the lock of one that never got so far
			errs = append(errs, os.RemoveAll(dir))
		}
		errs = append(errs, lock.Close())
	}
	return errors.Join(errs...)
}
