package clickhouse

import "golang.org/x/sys/unix"

// noRoom reports whether the disk of a folder has next to nothing left for us.
func noRoom(dir string) bool {
	var s unix.Statfs_t
	const little = 1 << 20
	return unix.Statfs(dir, &s) == nil && s.Bavail*uint64(s.Bsize) < little
}
