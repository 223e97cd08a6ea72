package matching

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// The test binary is its own ClickHouse.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "clickhouse-child" {
		fmt.Fprintln(os.Stderr, embedded.Child(os.Args[2:]))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
