//go:build browser

package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylake/paylake/cmd/internal/ui/uitest"
)

var updatePictures = flag.Bool("update", false, "write docs/screenshots anew")

// The dashboard as `up` serves it, with data of every kind, in a real Chromium:
// each page in both themes and on a narrow window.
func TestDashboardOnRealData(t *testing.T) {
	g := newPlayground(t, 2500)
	g.withFlaws(t, 2500)
	g.paylake(t, "run").want(t, 3)
	up := g.up(t)
	defer up.stop()
	g.tell(t, up.origin)
	key := strings.TrimSpace(g.paylake(t, "key", "add", "leyla", "--scope", "read", "--scope", "export", "--scope", "audit", "--scope", "operate", "--scope", "pay", "--scope", "approve").want(t, 0).stdout)
	b := uitest.Open(t, up.origin)
	b.Go("")
	b.Axe("login")
	picture(t, b, "login")
	b.SignIn(key)
	for _, theme := range []string{"light", "dark"} {
		b.Choose("#theme", theme)
		for _, page := range []string{"spend", "wallets", "platform", "catalogue", "pipelines", "quarantine", "reconciliation", "snapshots", "snapshots/1", "approvals", "rows"} {
			name := strings.ReplaceAll(page, "/", "-") + "-" + theme
			b.Move("#/" + page)
			if trouble := b.Text(".failure"); trouble != "" {
				t.Errorf("%s: %s", page, trouble)
			}
			b.Axe(name)
			picture(t, b, name)
			b.Size(360, 740)
			b.NoSideways(name)
			b.Size(1280, 800)
		}
	}
	t.Run("drill down", func(t *testing.T) { drillDown(t, g, b) })
}

// picture is written when it is asked for.
func picture(t *testing.T, b *uitest.Browser, name string) {
	t.Helper()
	if *updatePictures {
		b.Picture(t, filepath.Join("..", "..", "docs", "screenshots", name+".png"))
	}
}

// What the dashboard shows is what the upstreams say was spent.
func drillDown(t *testing.T, g *playground, b *uitest.Browser) {
	_ = os.Stdout
	b.Move("#/spend?span=all")
	b.Says("main", "AZN")
}
