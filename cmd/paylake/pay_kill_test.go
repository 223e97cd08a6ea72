package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
)

// payPoint says whether a fault point belongs to payments, which are killed in
// scenes of their own.
func payPoint(name string) bool {
	return strings.HasPrefix(name, "pay.") || strings.HasPrefix(name, "payments.")
}

// at runs the program in this process, some time later.
func (g *playground) at(t testing.TB, later time.Duration, stdin string, args ...string) result {
	t.Helper()
	var out, errs syncBuffer
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader(stdin)), stdout: &out, stderr: &errs, now: func() time.Time { return time.Now().Add(later) }}
	code := p.execute(t.Context(), append([]string{"-c", g.config}, args...))
	return result{code, out.String(), errs.String()}
}

// killed runs the program that can be killed, with a fault, and reports whether
// it died of it.
func (g *playground) killed(t *testing.T, fault, stdin string, args ...string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), mortal(t), append([]string{"-c", g.config}, args...)...)
	cmd.Env = append(os.Environ(), "PAYLAKE_FAULT="+fault)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), io.Discard, io.Discard
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode() == -1
}

// The program is killed at every step of sending and confirming a payment, each
// passing of it. Whoever comes later finds out, sends again only what the
// platform does not know and a person wants, and the money moves once.
func TestPaymentsKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 200)
	g.paying(t, wide)
	g.edit(t, "warehouse: embedded", "warehouse: clickhouse://nobody@127.0.0.1:1/paylake") // not what this is about
	died := map[string]int{}
	for _, name := range points(t) {
		if !payPoint(name) {
			continue
		}
		for n := 1; n <= 4; n++ {
			fault := name + "#" + string(rune('0'+n))
			batch, ids := g.drafted(t, "farid", map[string]int64{"inv " + fault: 1250_00})
			id := ids["inv "+fault]
			g.at(t, 0, "", "pay", "approve", batch, "--by", "aysel", "--key", g.keyOf("aysel"), "--yes").want(t, 0)
			dead := g.killed(t, fault, "", "pay", "send", id, "--live")
			g.findOut(t, id)
			if s := g.stands(t, id); s.Status == "accepted" {
				dead = g.killed(t, fault, sandbox.GateCode+"\n", "pay", "confirm", id) || dead
			}
			g.toItsEnd(t, id)
			if p := g.paid(t, id); p.Executed != 1 || p.Asked > 2 {
				t.Errorf("%s: executed %d times, asked for %d times", fault, p.Executed, p.Asked)
			}
			if !dead {
				break
			}
			died[name]++
		}
		if died[name] == 0 {
			t.Errorf("no process died at %s", name)
		}
	}
	t.Logf("killed at %v", died)
}

// findOut asks, later and later, until the platform has it and waits for the
// code; it has sent again what the platform did not know.
func (g *playground) findOut(t *testing.T, id string) {
	t.Helper()
	for later := time.Duration(0); later < 30*time.Minute; later += 3 * time.Minute {
		s := g.at(t, later, "", "pay", "status", id, "--poll", "--json")
		switch {
		case strings.Contains(s.stdout, `"waits_for": "the payer's code"`):
			return
		case strings.Contains(s.stdout, `"status": "approved"`): // died before the claim was durable
			g.at(t, later, "", "pay", "send", id, "--live").want(t, 0)
		case strings.Contains(s.stdout, `"waits_for": "a decision to send again"`):
			if p := g.paid(t, id); p.Status != "" {
				t.Fatalf("the platform has it: %+v", p)
			}
			g.at(t, later, "", "pay", "send", id, "--live", "--again", "--by", "aysel").want(t, 0)
		}
	}
	t.Fatalf("nobody finds out: %+v", g.stands(t, id))
}

// toItsEnd hands the code over, again where nobody knows whether it arrived.
func (g *playground) toItsEnd(t *testing.T, id string) {
	t.Helper()
	for later := 30 * time.Second; later < 30*time.Minute; later += 3 * time.Minute {
		s := g.at(t, later, "", "pay", "status", id, "--poll", "--json")
		switch {
		case strings.Contains(s.stdout, `"status": "success"`):
			return
		case strings.Contains(s.stdout, `"waits_for": "the payer's code"`):
			g.at(t, later, sandbox.GateCode+"\n", "pay", "confirm", id)
		}
	}
	t.Fatalf("no end: %+v", g.stands(t, id))
}
