// Command compare asks a warehouse for every table that a sandbox fills and
// compares them, line by line and to the minor unit, with the sandbox's truth.
//
//	go run ./cmd/internal/compare -paylake bin/paylake -c .demo/paylake.yaml -sandbox http://127.0.0.1:8090
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"

	"github.com/paylake/paylake/cmd/internal/sandbox"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	paylake := flag.String("paylake", "bin/paylake", "the binary that is asked")
	config := flag.String("c", "paylake.yaml", "its configuration")
	origin := flag.String("sandbox", "http://127.0.0.1:8090", "the sandbox")
	flag.Parse()
	tables, err := truth(ctx, *origin)
	if err != nil {
		return err
	}
	query := exec.CommandContext(ctx, *paylake, "-c", *config, "query", "--format", "csv", sandbox.Query(tables))
	query.Stderr = os.Stderr
	answer, err := query.Output()
	if err != nil {
		return fmt.Errorf("paylake query: %w", err)
	}
	verdicts, err := sandbox.Compare(tables, bytes.NewReader(answer))
	if err != nil {
		return err
	}
	different := 0
	for _, v := range verdicts {
		fmt.Println(v)
		if !v.Holds() {
			different++
		}
	}
	if different > 0 {
		return fmt.Errorf("%d of %d tables differ from the truth", different, len(verdicts))
	}
	return nil
}

func truth(ctx context.Context, origin string) ([]sandbox.TableTruth, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/sandbox/truth", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var t sandbox.Truth
	if err := json.NewDecoder(resp.Body).Decode(&t); err != nil || resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("/sandbox/truth answered %s", resp.Status), err)
	}
	if len(t.Tables) == 0 {
		return nil, errors.New("/sandbox/truth names no table")
	}
	return t.Tables, nil
}
