package translog

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
	// Bundles is the level of entry bundles, as x/mod counts levels.
	Bundles = -1
)

// x/mod puts the height first and calls entries "data"; C2SP does neither.
const (
	modTiles, modBundles = "tile/8/", "tile/8/data/"
	tiles, entryBundles  = "tile/", "tile/entries/"
)

// TilePath names the file of a tile of height 8; level Bundles for entries.
func TilePath(t tlog.Tile) string {
	t.H = height
	path := t.Path()
	if t.L == Bundles {
		return entryBundles + strings.TrimPrefix(path, modBundles)
	}
	return tiles + strings.TrimPrefix(path, modTiles)
}

// ParseTilePath is the reverse of TilePath. Other spellings of a tile's name are
// no names.
func ParseTilePath(path string) (tlog.Tile, bool) {
	mod := ""
	switch {
	case strings.HasPrefix(path, entryBundles):
		mod = modBundles + strings.TrimPrefix(path, entryBundles)
	case strings.HasPrefix(path, tiles):
		mod = modTiles + strings.TrimPrefix(path, tiles)
	}
	t, err := tlog.ParseTilePath(mod)
	return t, err == nil && TilePath(t) == path
}

// KeptPath names the checkpoint of a size.
func KeptPath(size int64) string { return fmt.Sprintf("%s%d", Kept, size) }

// ParseKeptPath is the reverse of KeptPath.
func ParseKeptPath(path string) (size int64, ok bool) {
	text, ok := strings.CutPrefix(path, Kept)
	size, err := strconv.ParseInt(text, 10, 64)
	return size, ok && err == nil && size >= 0 && KeptPath(size) == path
}

// TilesOf lists the tiles and entry bundles that a tree of a size consists of.
func TilesOf(from, to int64) []tlog.Tile {
	all := tlog.NewTiles(height, from, to)
	for _, t := range all {
		if t.L == 0 {
			t.L = Bundles
			all = append(all, t)
		}
	}
	return all
}
