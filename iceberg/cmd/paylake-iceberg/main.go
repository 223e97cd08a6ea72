// Command paylake-iceberg shows a lake to every reader of Apache Iceberg tables.
// See run.go for the program.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}
