package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The bundle of NFC workflows: what the catalogue says, iOS marked, named by
// its snapshot, the same bytes every time, whole or not at all.
func TestExportWorkflows(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.holding(t)
	var empty nfcBundle
	g.paylake(t, "export", "nfc_workflows").want(t, 0).json(t, &empty)
	if empty.Snapshot != 0 || len(empty.Workflows) != 0 || len(empty.Platforms) != 2 {
		t.Errorf("of an empty lake: %+v", empty)
	}
	g.paylake(t, "run", "providers", "nfc").want(t, 0)
	truth := g.truth(t)
	first := g.paylake(t, "export", "nfc_workflows", "--format", "json").want(t, 0)
	var b nfcBundle
	if err := json.Unmarshal([]byte(first.stdout), &b); err != nil {
		t.Fatal(err)
	}
	if b.Bundle != "nfc_workflows" || b.Format != 1 || b.Snapshot != 2 || len(b.SnapshotSHA256) != 64 || len(b.WorkflowsSHA256) != 64 || len(b.Workflows) != len(truth.Workflows) {
		t.Fatalf("%+v", b)
	}
	for _, want := range truth.Workflows {
		i := slices.IndexFunc(b.Workflows, func(w nfcWorkflow) bool { return w.WorkflowID == want.WorkflowID })
		if i < 0 {
			t.Fatalf("%s is missing", want.WorkflowID)
		}
		w := b.Workflows[i]
		var steps []struct {
			Seq  int
			Name string
		}
		if err := json.Unmarshal(w.Steps, &steps); err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for n, s := range steps {
			names = append(names, s.Name)
			if s.Seq != n+1 {
				t.Errorf("%s: step %d has number %d", w.WorkflowID, n+1, s.Seq)
			}
		}
		if !slices.Equal(names, want.Steps) || w.Platform != want.Platform || w.Supported != want.Supported || w.ProviderCode != want.ProviderCode || w.ProviderName["az"] == "" || w.UpdatedAt == "" {
			t.Errorf("%+v, want %+v", w, want)
		}
	}
	if ios := b.Platforms[1]; ios.Platform != "ios" || ios.Supported || ios.Reason == "" || len(ios.Workflows) != 1 || !b.Platforms[0].Supported {
		t.Errorf("%+v", b.Platforms)
	}
	if again := g.paylake(t, "export", "nfc_workflows", "--snapshot", "2").want(t, 0); again.stdout != first.stdout {
		t.Error("the same snapshot gives other bytes")
	}
	var before nfcBundle
	g.paylake(t, "export", "nfc_workflows", "--snapshot", "1").want(t, 0).json(t, &before)
	if before.Snapshot != 1 || len(before.Workflows) != 0 || before.WorkflowsSHA256 == b.WorkflowsSHA256 {
		t.Errorf("as of snapshot 1: %+v", before)
	}
	file := filepath.Join(t.TempDir(), "bundle.json")
	if r := g.paylake(t, "export", "nfc_workflows", "-o", file).want(t, 0).says(t, "", "wrote "+file); r.stdout != "" {
		t.Errorf("stdout: %s", r.stdout)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != first.stdout {
		t.Errorf("%v, %d bytes", err, len(data))
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	g.paylake(t, "export", "nfc_workflows", "-o", filepath.Join(g.dir, "no", "folder.json")).want(t, 1).says(t, "", "no/folder.json")
	g.paylake(t, "export", "nfc_workflows", "--snapshot", "99").want(t, 2).says(t, "", "no manifest 99")
	if strings.Contains(first.stdout, "\\u003") {
		t.Error("text is escaped as for HTML")
	}
}

// A workflow that the upstream lists no more is one that devices should forget,
// a favourite that was deleted stays with its history; when they are listed again
// they are back.
func TestUnlistedThroughTheCommands(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.holding(t)
	g.paylake(t, "run", "nfc", "templates").want(t, 0)
	all := int64(len(g.truth(t).Templates))
	g.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/wallet/templates"):
			_, _ = io.WriteString(w, `{"rows":[],"next_cursor":null}`)
		case strings.HasSuffix(r.URL.Path, "/catalog/nfc-workflows"):
			_, _ = io.WriteString(w, `{"rows":[{"workflow_id":"nfc_azersu_ios","provider_code":"AZERSU_RES","platform":"ios","card_family":"mifare_desfire","steps":[]}]}`)
		default:
			return false
		}
		return true
	})
	g.paylake(t, "run", "nfc", "templates").want(t, 0)
	g.paylake(t, "run", "nfc", "templates").want(t, 0).says(t, "nfc: 1 windows, 1 rows read, 0 rows moved", "")
	var b nfcBundle
	g.paylake(t, "export", "nfc_workflows").want(t, 0).json(t, &b)
	if len(b.Workflows) != 1 || len(b.Retired) != len(g.truth(t).Workflows)-1 {
		t.Errorf("%+v", b)
	}
	same(t, bag(g.rows(t, "SELECT status, count() FROM templates GROUP BY status")), bag([]string{line("retired", all)}))
	same(t, bag(g.rows(t, "SELECT status, countIf(valid_to IS NULL), countIf(valid_to > valid_from) FROM templates_history GROUP BY status")),
		bag([]string{line("active", 0, all), line("retired", all, 0)}))
	g.intercept(func(http.ResponseWriter, *http.Request) bool { return false })
	g.paylake(t, "run", "nfc", "templates").want(t, 0)
	same(t, bag(g.rows(t, "SELECT status, count(), max(revision) FROM templates GROUP BY status")), bag([]string{line("active", all, 3)}))
	g.paylake(t, "verify").want(t, 0)
}
