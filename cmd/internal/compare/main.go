// Command compare asks a warehouse for every table that a sandbox fills and
// compares them, line by line and to the minor unit, with the sandbox's truth.
// With -planted it looks whether a reconciliation finds the discrepancies that
// the sandbox has put into the last whole month, and only these. With -deliver it lets the sandbox send its callbacks to a running paylake
// instead, and waits until they have arrived.
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
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
)

func main() {
	var o options
	flag.StringVar(&o.paylake, "paylake", "bin/paylake", "the binary that is asked")
	flag.StringVar(&o.config, "c", "paylake.yaml", "its configuration")
	flag.StringVar(&o.sandbox, "sandbox", "http://127.0.0.1:8090", "the sandbox")
	flag.Func("deliver", "let the sandbox deliver its callbacks to the paylake at this `ADDRESS`, and wait until they have arrived", func(address string) error {
		if o.deliver = address; address == "" {
			return errors.New("no address")
		}
		return nil
	})
	flag.StringVar(&o.get, "get", "", "print what the sandbox says at this `PATH`, and nothing else")
	flag.StringVar(&o.put, "put", "", "put what comes on standard input to this `PATH` of the sandbox, and nothing else")
	flag.BoolVar(&o.filled, "filled", false, "a table without a row is a failure")
	flag.StringVar(&o.expect, "planted", "", "whether a reconciliation of the last whole month with this `FILE` of expected totals finds what the sandbox has planted there, and nothing else")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

type options struct {
	paylake, config, sandbox, deliver string
	get, put, expect                  string
	filled                            bool
}

const (
	arrival   = 2 * time.Minute // how long callbacks may take from their answer to the warehouse
	lookAgain = 500 * time.Millisecond
)

func run(ctx context.Context, o options) error {
	switch {
	case o.get != "":
		return exchange(ctx, http.MethodGet, o.sandbox+o.get, nil)
	case o.put != "":
		return exchange(ctx, http.MethodPut, o.sandbox+o.put, os.Stdin)
	case o.deliver != "":
		return deliver(ctx, o)
	case o.expect != "":
		return planted(ctx, o)
	}
	tables, err := truth(ctx, o.sandbox)
	if err != nil {
		return err
	}
	verdicts, err := compare(ctx, o, tables)
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		fmt.Println(v)
	}
	return judge(verdicts, o.filled)
}

// deliver lets the sandbox tell, and waits until the warehouse knows.
func deliver(ctx context.Context, o options) error {
	var told []sandbox.Told
	if err := call(ctx, http.MethodPost, o.sandbox+"/sandbox/callbacks?to="+url.QueryEscape(o.deliver), &told); err != nil {
		return err
	}
	for _, t := range told {
		fmt.Printf("%-16s %3d delivered, %3d answered with 200\n", t.Kind, t.Sent, t.Taken)
		if t.Taken < t.Sent {
			return fmt.Errorf("%s refused: %s", t.Kind, t.Answer)
		}
	}
	tables, err := truth(ctx, o.sandbox)
	if err != nil {
		return err
	}
	for began := time.Now(); ; time.Sleep(lookAgain) {
		verdicts, err := compare(ctx, o, tables)
		if err == nil {
			err = judge(verdicts, false)
		}
		if err == nil || time.Since(began) > arrival {
			return err
		}
	}
}

func compare(ctx context.Context, o options, tables []sandbox.TableTruth) ([]sandbox.Verdict, error) {
	query := exec.CommandContext(ctx, o.paylake, "-c", o.config, "query", "--format", "csv", sandbox.Query(tables))
	query.Stderr = os.Stderr
	answer, err := query.Output()
	if err != nil {
		return nil, fmt.Errorf("paylake query: %w", err)
	}
	return sandbox.Compare(tables, bytes.NewReader(answer))
}

// judge fails for tables that differ and, if all have to be filled, for empty ones.
func judge(verdicts []sandbox.Verdict, filled bool) error {
	var different, empty []string
	for _, v := range verdicts {
		if !v.Holds() {
			different = append(different, v.Truth.Table)
		}
		if filled && v.Truth.Rows == 0 {
			empty = append(empty, v.Truth.Table)
		}
	}
	switch {
	case len(different) > 0:
		return fmt.Errorf("%d of %d tables differ from the truth: %s", len(different), len(verdicts), strings.Join(different, ", "))
	case len(empty) > 0:
		return fmt.Errorf("%d of %d tables are empty: %s", len(empty), len(verdicts), strings.Join(empty, ", "))
	}
	return nil
}

func truth(ctx context.Context, origin string) ([]sandbox.TableTruth, error) {
	var t sandbox.Truth
	if err := call(ctx, http.MethodGet, origin+"/sandbox/truth", &t); err != nil {
		return nil, err
	}
	if len(t.Tables) == 0 {
		return nil, errors.New("/sandbox/truth names no table")
	}
	return t.Tables, nil
}

// call asks the sandbox and reads its answer.
func call(ctx context.Context, method, address string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", req.URL.Path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("%s: %w", req.URL.Path, err)
	}
	return nil
}

// exchange sends one request and prints the answer.
func exchange(ctx context.Context, method, url string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, url, res.Status)
	}
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}
