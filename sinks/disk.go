package sinks

import (
	"errors"
	"fmt"
	"syscall"
)

// DiskError says in one sentence where writing failed and what a person can do
// about a full disk or missing rights. place names whose disk it is, such as
// "the lake" or "data_dir".
func DiskError(op, path, place string, err error) error {
	switch {
	case err == nil:
		return nil
	case IsFull(err):
		return fmt.Errorf("%s %s: the disk of %s is full; make room and run again, nothing was committed: %w", op, path, place, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%s %s: this user may not write to %s; give it the folder: %w", op, path, place, err)
	}
	return fmt.Errorf("%s %s: %w", op, path, err)
}

// IsFull reports whether err came from a disk, or a quota, that is used up.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
