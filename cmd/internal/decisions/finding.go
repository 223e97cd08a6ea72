package decisions

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// FindingID names a finding: a function of its kind and of the parts that
// identify it, so of nothing that is another the next time somebody looks.
func FindingID(kind string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{kind}, parts...), "\n")))
	return "fnd_" + hex.EncodeToString(sum[:8])
}

var findingForm = regexp.MustCompile(`^fnd_[0-9a-f]{16}$`)

// IsFinding reports whether a text has the form of a finding's id.
func IsFinding(text string) bool { return findingForm.MatchString(text) }
