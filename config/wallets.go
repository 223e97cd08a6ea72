package config

import (
	"bytes"
	"errors"
	"regexp"
	"runtime"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"
)

// Long lists of wallets. YAML's reader makes a tree of the whole file first; of a
// hundred thousand wallets it takes a gigabyte and seconds. So a long list is cut
// out of the text and read in pieces, on every core, each forgotten at once.
//
// This way is for files without a fault. Whatever looks unusual on it (a piece
// that is not YAML by itself, an anchor, any problem) sends the file the usual
// way, which reads all of it and names the line.

const (
	longList   = 1000 // wallets from which on a list is cut out
	pieceItems = 500
)

var errUnusual = errors.New("read the usual way")

// pieces are the items of one list, each piece a YAML sequence.
type pieces [][]byte

var walletsKey = regexp.MustCompile(`^( +)wallets:[ \t\r]*(?:#.*)?$`)

// cutWallets replaces every long block list under a key `wallets` by an empty one
// and returns what it held by the line of the key in the shorter text.
func cutWallets(text []byte) (short []byte, lists map[int]pieces) {
	lists = map[int]pieces{}
	for line := 1; len(text) > 0; line++ {
		first, rest := cutLine(text)
		if m := walletsKey.FindSubmatch(bytes.TrimRight(first, "\n")); m != nil {
			if list, after := cutList(rest, len(m[1])); list != nil {
				lists[line] = list
				short = append(append(short, m[1]...), "wallets: []\n"...)
				text = after
				continue
			}
		}
		short, text = append(short, first...), rest
	}
	return short, lists
}

// cutList takes a block list off the beginning of a text, if it is a long one.
// Its items begin with a dash in one column, which is not left of the key's.
func cutList(text []byte, key int) (list pieces, after []byte) {
	column, items, start := -1, 0, 0
	for at := 0; ; {
		line, _ := cutLine(text[at:])
		body := bytes.TrimLeft(line, " ")
		indent := len(line) - len(body)
		blank := len(bytes.TrimSpace(body)) == 0 || body[0] == '#'
		dash := bytes.HasPrefix(body, []byte("- "))
		if column < 0 && dash && indent >= key {
			column = indent
		}
		switch {
		case len(line) > 0 && blank, len(line) > 0 && indent > column && column >= 0:
		case dash && indent == column:
			if items > 0 && items%pieceItems == 0 {
				list, start = append(list, text[start:at]), at
			}
			items++
		default: // what follows the list
			if items < longList {
				return nil, nil
			}
			return append(list, text[start:at]), text[at:]
		}
		at += len(line)
	}
}

// cutLine splits off the first line with its end.
func cutLine(text []byte) (line, rest []byte) {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return text[:i+1], text[i+1:]
	}
	return text, nil
}

// walletsOf reads the pieces of a list in order.
func (r *reader) walletsOf(list pieces) ([]Wallet, error) {
	read := make([][]Wallet, len(list))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, piece := range list {
		g.Go(func() error {
			// Without lines, which only a message needs, and with keys alone as paths.
			own := &reader{problems: &problems{keys: map[string]bool{}}, dir: r.dir, getenv: r.getenv}
			var doc yaml.Node
			if err := yaml.Unmarshal(piece, &doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.SequenceNode {
				return errUnusual
			}
			for _, n := range doc.Content[0].Content {
				read[i] = append(read[i], own.wallet(own.mapping("", n)))
			}
			if len(own.list) > 0 {
				return errUnusual
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []Wallet
	for _, w := range read {
		out = append(out, w...)
	}
	return out, nil
}
