package ui

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
)

type vendored struct {
	Name    string
	Version string
	NPM     string
	License string
	Files   map[string]string // SHA-256 by path
}

// What others wrote is in the manifest with its hash and licence, and nothing
// beside it.
func TestVendoredFilesArePinned(t *testing.T) {
	body, err := static.ReadFile("static/vendor/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vendored
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatal(err)
	}
	pinned := map[string]string{"manifest.json": ""}
	for _, v := range all {
		folder := v.Name + "-" + v.Version
		if v.License == "" || v.Files[folder+"/LICENSE"] == "" || !strings.HasSuffix(v.NPM, "/"+folder+".tgz") {
			t.Errorf("%s: no licence, or not from its own package", v.Name)
		}
		for name, sum := range v.Files {
			if !strings.HasPrefix(name, folder+"/") {
				t.Errorf("%s is not in %s", name, folder)
			}
			pinned[name] = sum
		}
	}
	err = fs.WalkDir(static, "static/vendor", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		short := strings.TrimPrefix(name, "static/vendor/")
		want, known := pinned[short]
		delete(pinned, short)
		body, err := static.ReadFile(name)
		sum := sha256.Sum256(body)
		if got := hex.EncodeToString(sum[:]); !known || want != "" && got != want {
			t.Errorf("%s is not what the manifest pins (%s)", short, got)
		}
		return err
	})
	if err != nil || len(pinned) != 0 {
		t.Errorf("not there: %v (%v)", pinned, err)
	}
}
