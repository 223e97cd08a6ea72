package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

//go:embed static
var static embed.FS

// kinds are the media types by extension; a file of any other is not served.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
}

// asset is a file in both forms in which it is sent.
type asset struct {
	kind   string
	etag   string
	plain  []byte
	zipped []byte // empty: gzip does not make it smaller
}

// bundle is everything that is served. Its name is a function of its content
// and stands in the path of every file, so that a browser may keep a file for
// ever and modules find each other by relative names.
type bundle struct {
	name  string
	page  asset
	files map[string]asset // by path below the name: js/app.js
}

func newBundle() (*bundle, error) {
	files, err := readStatic()
	if err != nil {
		return nil, err
	}
	b := &bundle{name: nameOf(files), files: map[string]asset{}}
	page := files["index.html"]
	delete(files, "index.html")
	for name, body := range files {
		if kind, served := kinds[path.Ext(name)]; served {
			b.files[name] = newAsset(kind, body)
		}
	}
	page = bytes.ReplaceAll(page, []byte("{{assets}}"), []byte("/assets/"+b.name))
	page = bytes.ReplaceAll(page, []byte("{{preload}}"), []byte(b.preload()))
	b.page = newAsset(kinds[".html"], page)
	return b, nil
}

// readStatic adds what the module knows already: the fraction digits of
// currencies, so that there is one list of them.
func readStatic() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := static.ReadFile(name)
		files[strings.TrimPrefix(name, "static/")] = body
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dashboard files: %w", err)
	}
	files["currencies.json"], err = json.Marshal(schemas.Exponents())
	return files, err
}

func nameOf(files map[string][]byte) string {
	sum := sha256.New()
	for _, name := range sorted(files) {
		fmt.Fprintf(sum, "%s %d\n", name, len(files[name]))
		sum.Write(files[name])
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// preload lets a browser ask for all modules at once instead of one import
// after the other.
func (b *bundle) preload() string {
	var links []string
	for _, name := range sorted(b.files) {
		if strings.HasPrefix(name, "js/") && name != "js/theme.js" {
			links = append(links, fmt.Sprintf(`<link rel="modulepreload" href="/assets/%s/%s">`, b.name, name))
		}
	}
	return strings.Join(links, "\n")
}

func newAsset(kind string, body []byte) asset {
	sum := sha256.Sum256(body)
	a := asset{kind: kind, etag: `"` + hex.EncodeToString(sum[:8]) + `"`, plain: body}
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level is valid
	_, err := w.Write(body)
	if err == nil && w.Close() == nil && zipped.Len() < len(body) {
		a.zipped = zipped.Bytes()
	}
	return a
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
