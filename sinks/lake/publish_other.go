//go:build !linux

package lake

import "errors"

// renameNoReplace has no counterpart here that never replaces; refusing is the
// safe answer.
func renameNoReplace(_, _ string) error {
	return errors.New("the file system of the lake has no hard links; choose another folder or an object store")
}

// createNameless needs Linux.
func createNameless(_, _ string, _ []byte) error { return errNameless }
