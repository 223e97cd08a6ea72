package embedded

import (
	"fmt"
	"os"
	"path/filepath"
)

// Version of the chDB packages that paylake is tested with (ClickHouse 26.7).
const Version = "26.7.3-stable.1"

const libraryFile = "libchdb.so"

// Library finds the engine: the file that PAYLAKE_LIBCHDB names, else one
// beside the executable, in ../lib, or in the user's cache.
func Library() (string, error) {
	if path := os.Getenv("PAYLAKE_LIBCHDB"); path != "" {
		if err := regular(path); err != nil {
			return "", fmt.Errorf("PAYLAKE_LIBCHDB: %w", err)
		}
		return filepath.Abs(path)
	}
	for _, path := range candidates() {
		if regular(path) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the embedded ClickHouse (%s %s) is not installed: run `make build`, or set PAYLAKE_LIBCHDB to the file, or configure a warehouse that is a server (looked in %q)",
		libraryFile, Version, candidates())
}

func candidates() []string {
	var paths []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dir := filepath.Dir(exe)
		paths = append(paths, filepath.Join(dir, libraryFile), filepath.Join(dir, "..", "lib", libraryFile))
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if home, err := os.UserHomeDir(); cache == "" && err == nil {
		cache = filepath.Join(home, ".cache")
	}
	if cache != "" {
		paths = append(paths, filepath.Join(cache, "paylake", "chdb", Version, libraryFile))
	}
	return paths
}

func regular(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", path)
	}
	return err
}
