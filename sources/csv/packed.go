package csv

import (
	"bytes"
	"path"
	"strings"

	"github.com/paylake/paylake/sources"
)

// What lies among the files and is no text is named, never passed over: it may
// be a statement. Nothing is unpacked here, so that no small file can become an
// endless one.

// packings are what a file may be instead of text, by how it begins and by its
// names.
var packings = []struct {
	magic, kind, advice string
	exts                []string
}{
	{"\x1f\x8b", "compressed with gzip", "unpack it: gunzip", []string{".gz", ".tgz"}},
	{"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV:", []string{".zip", ".xlsx", ".xlsm", ".ods"}},
	{"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it: unzstd", []string{".zst"}},
	{"BZh91AY&SY", "compressed with bzip2", "unpack it: bunzip2", []string{".bz2"}},
	{"\xfd7zXZ\x00", "compressed with xz", "unpack it: unxz", []string{".xz"}},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it: 7z x", []string{".7z"}},
	{"Rar!\x1a\x07", "a rar archive", "unpack it: unrar x", []string{".rar"}},
	{"\xd0\xcf\x11\xe0", "a spreadsheet of an old kind", "save the sheet as CSV:", []string{".xls"}},
}

// packedName says what is wrong with a file that its name gives away; nil for
// any other.
func packedName(name string) error {
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "~") {
		return nil
	}
	ext := strings.ToLower(path.Ext(base))
	for _, p := range packings {
		for _, e := range p.exts {
			if e == ext {
				return sources.Errorf(sources.ErrShape, "%s is %s and was not read; %s %s", name, p.kind, p.advice, base)
			}
		}
	}
	return nil
}

// packed says what is wrong with a file whose first bytes are no text.
func packed(sample []byte) error {
	for _, p := range packings {
		if bytes.HasPrefix(sample, []byte(p.magic)) {
			return sources.Errorf(sources.ErrShape, "the file is %s; %s", p.kind, strings.TrimSuffix(p.advice, ":"))
		}
	}
	return nil
}
