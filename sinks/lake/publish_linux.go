package lake

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameNoReplace serves file systems without hard links.
func renameNoReplace(temp, final string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, final, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EEXIST) {
		return errTaken
	}
	return err
}
