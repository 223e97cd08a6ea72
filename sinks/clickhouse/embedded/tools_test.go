package embedded_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// A tool finds the warehouse where it was, with the password that it knows;
// everybody else's is made anew. A port that somebody has is said by its number.
func TestTools(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	o := options(t.TempDir())
	o.Tools = embedded.Tools{HTTPPort: port, Passwords: map[string]string{"analyst": "a password of its own"}}
	if s, err := embedded.Acquire(t.Context(), o); err == nil || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Errorf("a taken port: %v", err)
		if err == nil {
			_ = s.Close()
		}
	}
	_ = free.Close()
	s, err := embedded.Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := "127.0.0.1:" + strconv.Itoa(port)
	if got, err := ask(at, "analyst", "a password of its own", "SELECT currentUser()"); err != nil || strings.TrimSpace(got) != "analyst" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := ask(at, "auditor", "a password of its own", "SELECT 1"); err == nil {
		t.Error("the analyst's password opens the auditor's door")
	}
}
