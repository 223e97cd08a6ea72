package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/api"
	"github.com/paylake/paylake/sinks/gate"
)

// An approval that comes signed is held to what the command is held to: a known
// approver's signature over this draft, and never the maker's own.
func TestSignedApprovals(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 10)
	g.paying(t, wide)
	_, ids := g.drafted(t, "leyla", map[string]int64{"bill-1": 125000, "bill-2": 6050})
	_, own := g.drafted(t, "aysel", map[string]int64{"bill-3": 7000})
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader("")), stdout: io.Discard, stderr: io.Discard, now: time.Now, configFile: g.config, logFormat: "text"}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	d, err := p.openPayments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.stdin.end()
		if err := d.h.close(); err != nil {
			t.Error(err)
		}
	}()
	signed := func(id, key string) api.Approval {
		it, err := d.register.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		b, err := gate.BatchOf([]gate.Intent{it})
		if err != nil {
			t.Fatal(err)
		}
		by, note, err := b.Sign(read(t, key))
		if err != nil {
			t.Fatal(err)
		}
		return api.Approval{By: by, Batch: b.ID, Note: note}
	}
	g.paylake(t, "pay", "key", "stranger", "-o", g.keyOf("stranger")).want(t, 0)
	one, two := signed(ids["bill-1"], g.keyOf("aysel")), signed(ids["bill-2"], g.keyOf("aysel"))
	tampered := two
	tampered.Note = strings.Replace(two.Note, "60.50", "60.51", 1)
	renamed := signed(ids["bill-2"], g.keyOf("stranger"))
	renamed.By = "aysel"
	for name, try := range map[string]struct {
		id     string
		ap     api.Approval
		status int
	}{
		"another payment's": {ids["bill-2"], one, http.StatusConflict},
		"tampered":          {ids["bill-2"], tampered, http.StatusConflict},
		"a stranger's":      {ids["bill-2"], signed(ids["bill-2"], g.keyOf("stranger")), http.StatusConflict},
		"a stranger's name": {ids["bill-2"], renamed, http.StatusConflict},
		"the maker's own":   {own["bill-3"], signed(own["bill-3"], g.keyOf("aysel")), http.StatusConflict},
		"nobody's payment":  {"pl_00000000000000000000000000000000", two, http.StatusNotFound},
	} {
		var no *api.Refusal
		if err := (approving{d}).Approve(t.Context(), try.id, try.ap); !errors.As(err, &no) || no.Status != try.status {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (approving{d}).Approve(t.Context(), ids["bill-2"], two); err != nil {
		t.Fatal(err)
	}
	if it := g.stands(t, ids["bill-2"]); it.Status != "approved" || it.Checker != "aysel" {
		t.Errorf("%+v", it)
	}
	for _, id := range []string{ids["bill-1"], own["bill-3"]} {
		if it := g.stands(t, id); it.Status != "draft" {
			t.Errorf("%+v", it)
		}
	}
}
