package sinks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// TempPrefix begins the names of files that are being written. A crash leaves
// some behind; nobody reads them.
const TempPrefix = ".tmp-"

// TempBeside opens the empty file that is written before it takes the place of
// path. Its name is a function of path, so that what a killed writer left is
// what the next one writes into, and nothing piles up; its lock, which ends
// with the process, keeps two writers out of one file. After its rename or
// removal call release, which closes it.
func TempBeside(path string, mode fs.FileMode) (f *os.File, release func() error, err error) {
	name := filepath.Join(filepath.Dir(path), TempPrefix+filepath.Base(path))
	lock, err := lockNamed(name, mode)
	if err != nil {
		return nil, nil, err
	}
	f, err = os.OpenFile(name, os.O_RDWR, 0) // by its name: the lock says that it is still the file that we have
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	if err := errors.Join(f.Chmod(mode), f.Truncate(0)); err != nil {
		return nil, nil, errors.Join(err, f.Close(), lock.Close())
	}
	return f, func() error { return errors.Join(f.Close(), lock.Close()) }, nil
}

// lockNamed locks the file that has the name now: while we waited, its last
// writer may have renamed it, and somebody may have made another.
func lockNamed(name string, mode fs.FileMode) (*flock.Flock, error) {
	for {
		lock := flock.New(name, flock.SetPermissions(mode))
		if err := lock.Lock(); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		ours, err := lock.Stat()
		if err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		there, err := os.Stat(name)
		if err == nil && os.SameFile(ours, there) {
			return lock, nil
		}
		if cerr := lock.Close(); cerr != nil || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, cerr)
		}
	}
}

// ReplaceFile replaces a file of this machine in one durable step.
func ReplaceFile(path string, data []byte, mode fs.FileMode) error {
	f, release, err := TempBeside(path, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return errors.Join(err, release())
}
