// Command paylake moves payment data from wallets and payment platforms into an
// immutable lake and a ClickHouse warehouse. See run.go for the program.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}
