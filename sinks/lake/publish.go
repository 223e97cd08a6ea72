package lake

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// linkOrRename gives a temporary file its final name unless the name is taken.
// link(2) is atomic and fails with EEXIST, on network file systems too; where
// there are no hard links, renameat2 with RENAME_NOREPLACE is as good. Plain
// rename would let the last of two writers win.
func linkOrRename(temp, final string) error {
	err := os.Link(temp, final)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return errTaken
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.EOPNOTSUPP),
		errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EMLINK):
		return renameNoReplace(temp, final)
	}
	return err
}
