//go:build xmllint

package camt

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The message is valid against ISO's own schema, by somebody else's validator.
func TestValidAgainstTheSchema(t *testing.T) {
	schema := os.Getenv("PAYLAKE_TEST_CAMT053_XSD")
	if schema == "" {
		t.Fatal("PAYLAKE_TEST_CAMT053_XSD is not set; type: make test-camt")
	}
	accounts, recs := sample()
	text, err := message(t, accounts, recs...)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(text string) (string, bool) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "message.xml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		said, err := exec.CommandContext(t.Context(), "xmllint", "--nonet", "--noout", "--schema", schema, file).CombinedOutput()
		if missing := (*exec.Error)(nil); errors.As(err, &missing) {
			t.Fatalf("%v; apt-get install libxml2-utils", err)
		}
		return string(said), err == nil
	}
	if said, ok := valid(text); !ok {
		t.Errorf("%s\n%s", said, text)
	}
	// The validator is one: what is against the schema is found.
	for _, change := range [][2]string{{"<Sts><Cd>BOOK</Cd></Sts>", ""}, {"<Cd>OPBD</Cd>", "<Cd>OPENING</Cd>"}, {">37.40<", ">37.4000001<"}, {"<NtryRef>a<", "<NtryRef>" + strings.Repeat("a", 36) + "<"}, {"CRDT", "CREDIT"}} {
		broken := strings.Replace(text, change[0], change[1], 1)
		if _, ok := valid(broken); ok || broken == text {
			t.Errorf("%q for %q is taken for valid", change[1], change[0])
		}
	}
}
