package lake

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
)

// VerifyOptions say how to verify.
type VerifyOptions struct {
	Parallel int // objects at a time; 0: one per processor
}

// Report says what Verify looked at and found. Counts are of what holds.
type Report struct {
	URL         string    `json:"url"`
	Manifests   int64     `json:"manifests"`
	Unlogged    int64     `json:"unlogged"` // manifests that no transparency log covers
	Objects     int64     `json:"objects"`
	Bytes       int64     `json:"bytes"` // of objects and quarantine files
	Rows        int64     `json:"rows"`
	Visible     int64     `json:"visible"` // Σ sign
	Retractions int64     `json:"retractions"`
	Quarantined int64     `json:"quarantined"`
	Chains      int64     `json:"chains"` // verdicts recomputed
	Open        int64     `json:"chains_open"`
	Broken      int64     `json:"chains_broken"`
	Totals      []Total   `json:"totals"`
	Foreign     []string  `json:"foreign"` // files that no manifest names, by full path
	Findings    []Finding `json:"findings"`
	Head        string    `json:"head_sha256"` // digest of the newest manifest
}

// Finding is something that was published and does not hold.
type Finding struct {
	Path   string `json:"path"` // full path of the object or manifest at fault
	Detail string `json:"detail"`
}

// Verify proves a lake from its files alone and writes nothing.
func Verify(ctx context.Context, lakeURL string, o VerifyOptions) (Report, error) {
	return Report{}, errors.New("lake: Verify is being written")
}

// fullPath names a file of a lake for people: a path of the file system, or a
// URL without its parameters.
func fullPath(lakeURL, key string) string {
	u, err := url.Parse(lakeURL)
	if err != nil {
		return key
	}
	if u.Scheme == "file" {
		return filepath.Join(filepath.FromSlash(u.Path), filepath.FromSlash(key))
	}
	return u.Scheme + "://" + strings.TrimSuffix(u.Host+u.Path, "/") + "/" + key
}
