package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/servertest"
	"github.com/paylake/paylake/sinks/lake/s3test"
)

// alone runs paylake as a process of its own, with more in its environment.
func (g *playground) alone(t *testing.T, env []string, args ...string) result {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, append([]string{"-c", g.config}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, append(os.Environ(), env...)
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

const serverPassword = "canary-warehouse-password"

// onServer names a ClickHouse server in the configuration.
func (g *playground) onServer(t *testing.T, before, user, addr, httpAddr string, secure bool) (line string) {
	t.Helper()
	_, port, _ := strings.Cut(httpAddr, ":")
	line = "warehouse: \"clickhouse://" + user + "@" + addr + "/paylake?http_port=" + port
	if secure {
		line += "&secure=true"
	}
	line += "\"\nwarehouse_password: env:PAYLAKE_TEST_PASSWORD"
	g.edit(t, before, line)
	return line
}

// TestExternalServer: a ClickHouse server of somebody else, over TLS, as a user
// with the documented rights and no others; the lake in a bucket that the server
// reads by itself. Then everything that goes wrong with such a server.
func TestExternalServer(t *testing.T) {
	t.Parallel()
	s3 := s3test.New(t)
	g := newPlayground(t, 600)
	g.onS3(t, s3)
	var grants []string
	for _, s := range append(clickhouse.LoaderGrants("paylake", "loader"), "GRANT READ ON URL TO loader", "GRANT CREATE TEMPORARY TABLE ON *.* TO loader") {
		s, _, _ = strings.Cut(s, " TO ")
		grants = append(grants, s)
	}
	server := servertest.Start(t, servertest.User("admin", serverPassword), servertest.User("loader", serverPassword, grants...), servertest.User("weak", serverPassword, "GRANT SELECT ON system.one"))
	addr, httpAddr, certificate := server.TLS(t)
	trust := []string{"SSL_CERT_FILE=" + certificate, "PAYLAKE_TEST_PASSWORD=" + serverPassword}
	line := g.onServer(t, "warehouse: embedded", "loader", addr, httpAddr, true)
	var said strings.Builder
	paylake := func(code int, env []string, args ...string) result {
		t.Helper()
		r := g.alone(t, env, args...).want(t, code)
		said.WriteString(r.stdout + r.stderr)
		return r
	}
	paylake(0, trust, "check").says(t, "its user may do what paylake does", "").says(t, "CREATE ROLE IF NOT EXISTS paylake_analyst;", "")
	paylake(0, trust, "run")
	const sql = "SELECT toString(sum(entries)) AS e, toString(sum(spend_minor)) AS s, toString(sum(refunds_minor)) AS r FROM spend_by_provider"
	var entries, spend, refunds int64
	for _, s := range g.truth(t).SpendByProvider {
		entries, spend, refunds = entries+s.Entries, spend+s.SpendMinor, refunds+s.RefundsMinor
	}
	want := fmt.Sprintf("\"e\",\"s\",\"r\"\n\"%d\",\"%d\",\"%d\"\n", entries, spend, refunds)
	if got := paylake(0, trust, "query", "--format", "csv", sql); got.stdout != want {
		t.Errorf("%s, want %s", got.stdout, want)
	}
	paylake(0, trust, "rebuild")
	if got := paylake(0, trust, "query", "--format", "csv", sql); got.stdout != want {
		t.Errorf("rebuilt: %s, want %s", got.stdout, want)
	}
	paylake(0, trust, "status")
	for _, sql := range []string{"DROP DATABASE paylake", "INSERT INTO pipeline_runs_rows (pipeline) VALUES ('x')"} {
		paylake(1, trust, "query", sql)
	}

	said.WriteString(logOf(t, server))

	t.Run("certificate", func(t *testing.T) {
		paylake(1, trust[1:], "check").says(t, "let this machine trust its certificate", "")
		paylake(1, trust[1:], "query", "SELECT 1").says(t, "", "let this machine trust its certificate")
	})
	t.Run("no password", func(t *testing.T) { paylake(2, trust[:1], "check") })
	t.Run("rights", func(t *testing.T) {
		weak := g.onServer(t, line, "weak", addr, httpAddr, true)
		paylake(1, trust, "check").says(t, "GRANT CREATE DATABASE ON paylake.* TO `weak`;", "")
		paylake(1, trust, "run").says(t, "", "paylake check prints what an administrator has to grant")
		g.edit(t, weak, line)
	})
	t.Run("unreachable", func(t *testing.T) {
		nobody := g.onServer(t, line, "loader", "127.0.0.1:1", "127.0.0.1:1", true)
		paylake(1, trust, "check").says(t, "cannot be reached", "")
		paylake(1, trust, "run").says(t, "", "the lake goes on without it")
		paylake(0, trust, "verify")
		g.edit(t, nobody, line)
	})
	t.Run("password", func(t *testing.T) { // last: this engine ends over a failed login, a server does not
		paylake(1, append(trust[:1:1], "PAYLAKE_TEST_PASSWORD=another"), "check").says(t, `does not let the user "loader" in`, "")
	})
	for _, secret := range []string{serverPassword, s3.SecretKey, "Signature="} {
		if strings.Contains(said.String(), secret) {
			t.Errorf("%s was printed", secret)
		}
	}
}

// logOf is the server's query log; it must show that the bucket was read.
func logOf(t *testing.T, server *servertest.Server) string {
	t.Helper()
	ask := func(sql string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+server.HTTPAddr+"/", strings.NewReader(sql))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("admin", serverPassword)
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s (%v)", sql, text, err)
		}
		return string(text)
	}
	ask("SYSTEM FLUSH LOGS")
	text := ask("SELECT query FROM system.query_log WHERE type = 'QueryFinish'")
	if !strings.Contains(text, "INSERT INTO paylake.ledger_rows") || !strings.Contains(text, "FROM url(") {
		t.Errorf("the server did not read the bucket itself:\n%.2000s", text)
	}
	return text
}
