package main

import (
	"strings"
	"testing"
)

// The systems of the sandbox report the same money, and a run finds it: the
// terminals' own list has every top-up by cash, the platform has the wallets'
// payments, the bank the cards behind them. A second run commits nothing, and a
// lake that is read anew has the same matches, byte by byte.
func TestMatchesOfTheSandbox(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 2500)
	g.withFiles(t, 2500)
	g.paylake(t, "run").want(t, 0)
	t.Log(strings.Join(g.rows(t, "SELECT rule, state, shape, count(), min(score), max(score), sum(amount_minor) FROM matches GROUP BY ALL ORDER BY ALL"), "\n"))
	t.Log(strings.Join(g.rows(t, "SELECT rule, state, reasons, score FROM matches ORDER BY cityHash64(link_id) LIMIT 12"), "\n"))
	head := g.commits(t)
	g.paylake(t, "run").want(t, 0)
	t.Log(head, g.commits(t))
	g.paylake(t, "verify").want(t, 0)
}
