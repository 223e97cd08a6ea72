package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// childCommand is the hidden command that becomes ClickHouse.
const childCommand = "clickhouse-child"

func (p *program) clickhouseChildCommand() *cobra.Command {
	return &cobra.Command{
		Use: childCommand, Hidden: true, DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error { return embedded.Child(args) },
	}
}

// otpFromSandboxCommand is what the sandbox's configuration names under
// `otp: {exec: …}`: it prints the code that a sandbox "sent".
func (p *program) otpFromSandboxCommand() *cobra.Command {
	return &cobra.Command{
		Use: "otp-from-sandbox ORIGIN", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			code, err := otpFromSandbox(cmd.Context(), args[0], p.getenv("PAYLAKE_CHALLENGE"))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, code)
			return err
		},
	}
}

func otpFromSandbox(ctx context.Context, origin, challenge string) (string, error) {
	if challenge == "" {
		return "", errors.New("otp-from-sandbox: PAYLAKE_CHALLENGE is empty; paylake sets it when it asks for a code")
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	target := strings.TrimRight(origin, "/") + "/sandbox/otp?challenge_id=" + url.QueryEscape(challenge)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return "", fmt.Errorf("otp-from-sandbox: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("otp-from-sandbox: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("otp-from-sandbox: %s answered %s", origin, resp.Status)
	}
	return strings.TrimSpace(string(body)), nil
}
