package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// consents lists what the registry holds.
func (g *playground) consents(t *testing.T) (list []shownConsent) {
	t.Helper()
	g.paylake(t, "consent", "list", "--json").want(t, 0).json(t, &list)
	return list
}

func newestConsent(list []shownConsent, wallet string) (c shownConsent) {
	for _, one := range list {
		if one.WalletID == wallet {
			c = one
		}
	}
	return c
}

func TestConsentCommands(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	text := filepath.Join(g.dir, "agreed.txt")
	if err := os.WriteFile(text, []byte("I agree.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	soon := time.Now().AddDate(0, 0, 30).Format(time.DateOnly)
	g.paylake(t, "consent", "revoke", "--wallet", "wlt_441b", "--reason", "a new beginning")
	g.paylake(t, "consent", "grant", "--wallet", "wlt_441b", "--from", "2026-01-05", "--until", soon, "--purpose", "spend",
		"--purpose", "accounting", "--by", "Branch 7", "--text", text).want(t, 0).says(t, "may be read for accounting, spend until ", "")
	c := newestConsent(g.consents(t), "wlt_441b")
	if c.State != "live" || c.GrantedBy != "Branch 7" || c.From.Format(time.RFC3339) != "2026-01-04T20:00:00Z" || // midnight in Baku
		!strings.HasPrefix(c.Subject, "p1_") || len(c.TextSHA256) != 64 || len(c.Receipts) != 1 || c.Receipts[0].Detail != c.TextSHA256 {
		t.Errorf("%+v", c)
	}
	g.paylake(t, "consent", "list").want(t, 0).says(t, c.ID, "")

	for _, bad := range []struct {
		args string
		says string
	}{
		{"grant", "--wallet W"},
		{"grant --wallet wlt_441c", "did you mean wlt_441b?"},
		{"grant --wallet wlt_7c02 --purpose marketing", `"marketing" is not a purpose; there are analytics`},
		{"grant --wallet wlt_7c02 --until 2020-01-01", "over already"},
		{"grant --wallet wlt_7c02 --until " + time.Now().AddDate(0, 0, 92).Format(time.DateOnly), "90 days at most"},
		{"grant --wallet wlt_7c02 --from " + time.Now().AddDate(0, 0, 40).Format(time.DateOnly) + " --until " + soon, "not before the end"},
		{"grant --wallet wlt_7c02 --from yesterday", "--from"},
		{"grant --wallet wlt_441b", "wallet wlt_441b of mpay: it overlaps with a live consent: " + c.ID},
		{"revoke", "--wallet W"},
		{"revoke --wallet nobody", "no consent of nobody stands"},
	} {
		r := g.paylake(t, append([]string{"consent"}, strings.Fields(bad.args)...)...).want(t, 2)
		if !strings.Contains(r.stderr, bad.says) {
			t.Errorf("%s: %s", bad.args, r.stderr)
		}
	}

	g.paylake(t, "consent", "revoke", c.ID, "--reason", "asked by its owner", "--by", "Branch 7").want(t, 0).says(t, "wlt_441b of mpay is no longer read", "")
	revoked := newestConsent(g.consents(t), "wlt_441b")
	if revoked.State != "revoked" || revoked.RevokedAt == nil || revoked.Receipts[1].Detail != "asked by its owner" {
		t.Errorf("%+v", revoked)
	}
	g.paylake(t, "consent", "grant", "--wallet", "wlt_441b").want(t, 0)
	g.paylake(t, "consent", "grant", "--wallet", "wlt_441b").want(t, 0) // renewed
	again := newestConsent(g.consents(t), "wlt_441b")
	if again.ID == c.ID || again.State != "live" || again.From != nil || len(again.Receipts) != 2 || again.Receipts[1].Kind != "renewed" ||
		time.Until(again.Until) > 90*24*time.Hour || time.Until(again.Until) < 90*24*time.Hour-time.Minute {
		t.Errorf("%+v", again)
	}
	if r := g.paylake(t, "consent", "list", "--json"); strings.Contains(r.stdout, "+994") {
		t.Error("a telephone number is shown")
	}
}
