//go:build browser

package main

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylake/paylake/cmd/internal/ui/uitest"
)

var updatePictures = flag.Bool("update", false, "write docs/screenshots anew")

var dashboardPages = []string{"spend", "wallets", "platform", "catalogue", "pipelines", "quarantine", "reconciliation", "snapshots", "snapshots/1", "approvals", "rows"}

// The dashboard as `up` serves it, with data of every kind, in a real Chromium.
func TestDashboardOnRealData(t *testing.T) {
	g := newPlayground(t, 2500)
	g.withFlaws(t, 2500)
	g.paying(t, wide)
	_, ids := g.drafted(t, "leyla", map[string]int64{"bill-7": 125000, "bill-8": 6050})
	g.paylake(t, "run").want(t, 3)
	up := g.up(t)
	defer up.stop()
	g.tell(t, up.origin)
	key := strings.TrimSpace(g.paylake(t, "key", "add", "aysel", "--scope", "read", "--scope", "export", "--scope", "audit", "--scope", "operate", "--scope", "pay", "--scope", "approve").want(t, 0).stdout)
	b := uitest.Open(t, up.origin)
	b.Go("")
	b.Axe("login")
	picture(t, b, "login")
	b.SignIn(key)
	within := func(name string, try func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			defer b.In(t)()
			try(t)
		})
	}
	for _, theme := range []string{"light", "dark"} {
		within(theme, func(t *testing.T) { looksRight(t, b, theme) })
	}
	b.Choose("#theme", "light")
	within("spend is the warehouse's", func(t *testing.T) { spendIsExact(t, g, b) })
	within("drill down", func(t *testing.T) { drillDown(t, b) })
	within("languages", func(*testing.T) { languages(b) })
	within("snapshots", func(t *testing.T) { snapshotsHold(t, b) })
	within("approval", func(t *testing.T) { approves(t, g, b, ids) })
}

// looksRight looks at each page in one theme, and in a narrow window.
func looksRight(t *testing.T, b *uitest.Browser, theme string) {
	b.Choose("#theme", theme)
	for _, page := range dashboardPages {
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

// picture is written when it is asked for.
func picture(t *testing.T, b *uitest.Browser, name string) {
	t.Helper()
	if *updatePictures {
		b.Picture(t, filepath.Join("..", "..", "docs", "screenshots", name+".png"))
	}
}

// What the dashboard shows is what the warehouse says.
func spendIsExact(t *testing.T, g *playground, b *uitest.Browser) {
	b.Move("#/spend?span=all")
	for _, line := range g.rows(t, `SELECT currency, toString(sum(net)), sum(entries) FROM spend_by_provider GROUP BY currency`) {
		part := strings.Split(line, "|")
		whole, rest, _ := strings.Cut(part[1], ".")
		b.Says(".tiles", grouped(whole)+"."+(rest + "00")[:2]+" "+part[0], grouped(part[2]))
	}
	b.Choose("#filter-currency", "AZN")
	b.Until("location.hash.includes('currency=AZN')")
	b.Still()
	if text := b.Text(".page"); !strings.Contains(text, "AZN") || strings.Contains(text, "KGS") {
		t.Errorf("the currency is not the chosen one:\n%s", text)
	}
}

func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "\u2212", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// A provider's figure leads to its rows, and back.
func drillDown(t *testing.T, b *uitest.Browser) {
	b.Move("#/spend?span=all&currency=AZN")
	b.Click(".columns tbody a", "Azercell")
	b.Until("location.hash.startsWith('#/rows')")
	b.Still()
	b.Says("h1", "Rows")
	others := uitest.Eval[int](b, `[...document.querySelectorAll('main tbody tr')].filter((r) => !r.innerText.includes('MOB_AZERCELL')).length`)
	if rows := uitest.Eval[int](b, "document.querySelectorAll('main tbody tr').length"); rows == 0 || others != 0 {
		t.Errorf("%d rows, %d of others", rows, others)
	}
	b.Back()
	b.Says("h1", "Spend")
}

func languages(b *uitest.Browser) {
	for _, one := range [][]string{{"az", "Xərclər", "Provayder üzrə"}, {"ru", "Расходы", "По провайдерам"}, {"en", "Spend", "By provider"}} {
		b.Choose("#language", one[0])
		b.Until("document.documentElement.lang === '" + one[0] + "'")
		b.Still()
		b.Says("main", one[1:]...)
		b.Axe(one[0])
	}
}

// Everything is verified on demand, and a proof is a file.
func snapshotsHold(t *testing.T, b *uitest.Browser) {
	b.Move("#/snapshots")
	b.Click("#verify", "Verify now")
	b.Until("document.querySelector('.verdict')")
	b.Says(".verdict", "Everything holds.")
	b.Move("#/snapshots/1")
	proof := uitest.Eval[string](b, "fetch(document.querySelector('a[download]').href).then(async (a) => a.status + ' ' + await a.text())")
	if !strings.HasPrefix(proof, "200 c2sp.org/tlog-proof@v1\n") {
		t.Errorf("the proof is %.80q", proof)
	}
}

// Somebody else than the maker approves, with a key that stays in the browser.
func approves(t *testing.T, g *playground, b *uitest.Browser, ids map[string]string) {
	b.Move("#/approvals")
	b.Says("main", "1,250.00 KGS", "60.50 KGS", "leyla")
	b.Click("td button[aria-label*='"+ids["bill-8"]+"']", "Approve")
	b.Until("document.querySelector('dialog[open]')")
	b.Attach("#signing-key", "aysel.key", read(t, g.keyOf("aysel")))
	b.Click("dialog button[type=submit]", "Approve")
	b.Until("!document.querySelector('dialog')")
	if it := g.stands(t, ids["bill-8"]); it.Status != "approved" || it.Checker != "aysel" {
		t.Errorf("%+v", it)
	}
	if it := g.stands(t, ids["bill-7"]); it.Status != "draft" {
		t.Errorf("%+v", it)
	}
}
