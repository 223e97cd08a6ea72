package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/iceberg/publish"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/sinktest"
)

// The test binary is also the program, so that it can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "publish" {
		os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

type result struct {
	code        int
	out, errors string
}

func invoke(args ...string) result {
	var out, errs bytes.Buffer
	code := run(context.Background(), args, func(string) string { return "" }, &out, &errs)
	return result{code, out.String(), errs.String()}
}

func (r result) want(t *testing.T, code int, words ...string) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.errors)
	}
	for _, w := range words {
		if !strings.Contains(r.out+r.errors, w) {
			t.Errorf("nothing about %q in\n%s%s", w, r.out, r.errors)
		}
	}
	return r
}

// written makes a lake of n manifests of three rows and returns its folder. After
// every merge-th of them there is one more, which merges what there is; 0: none.
func written(t *testing.T, n, merge int) string {
	t.Helper()
	dir := t.TempDir()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	l, err := lake.Open(t.Context(), lake.Options{URL: "file://" + dir + "/lake", TempDir: t.TempDir(), Now: func() time.Time { return now }, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range n {
		from := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)
		row := func(id string) sinktest.Row {
			return sinktest.Row{Wallet: "wlt_a", ID: from.Format("0102") + id, At: from, Amount: int64(i), Status: "posted"}
		}
		part := sinktest.Ledger("wlt_a", schemas.Window{From: from, To: from.AddDate(0, 0, 1)}, row("a"), row("b"), row("c"))
		if _, err := l.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{part}}); err != nil {
			t.Fatal(err)
		}
		if merge > 0 && (i+1)%merge == 0 {
			if done, err := l.Compact(t.Context(), lake.CompactOptions{SmallRows: 1000, Before: from.AddDate(0, 2, 0)}); err != nil || len(done) == 0 {
				t.Fatalf("%+v %v", done, err)
			}
		}
	}
	return dir
}

func TestCommands(t *testing.T) {
	dir := written(t, 3, 0)
	at := []string{"--lake", dir + "/lake", "--catalog", "sqlite://" + dir + "/iceberg.db"}
	invoke(append([]string{"snapshots"}, at...)...).want(t, 0)
	invoke(append([]string{"publish"}, at...)...).want(t, 0, "ledger", "published through manifest 3")
	invoke(append([]string{"publish"}, at...)...).want(t, 0, "nothing new; published through manifest 3")
	invoke(append([]string{"snapshots", "ledger"}, at...)...).want(t, 0, "2026-05-01T12:00:00Z", "append")
	var list []publish.Shown
	if err := json.Unmarshal([]byte(invoke(append([]string{"snapshots", "--json"}, at...)...).want(t, 0).out), &list); err != nil || len(list) != 3 || list[1].Rows != 6 {
		t.Errorf("%+v %v", list, err)
	}
	sql := invoke(append([]string{"sql", "ledger", "--snapshot", "2"}, at...)...).want(t, 0, "icebergLocal('"+dir+"/lake/iceberg/ledger')", "NOT IN").out
	if !strings.HasSuffix(sql, "iceberg_snapshot_id = "+json.Number(jsonID(list[1])).String()+"\n") {
		t.Errorf("%s", sql)
	}
	invoke(append([]string{"sql", "operations"}, at...)...).want(t, 2, "operations is not published")

	// By the configuration alone.
	config := filepath.Join(dir, "paylake.yaml")
	if err := os.WriteFile(config, []byte("lake: file://./lake\nwarehouse: embedded\nstate: sqlite://./state.db\ndata_dir: .\nlisten: 127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	invoke("publish", "-c", config, "--namespace", "paylake").want(t, 0, "nothing new")
	if _, err := os.Stat(filepath.Join(dir, "iceberg.db")); err != nil {
		t.Error(err)
	}
}

func jsonID(s publish.Shown) string {
	b, _ := json.Marshal(s.Snapshot)
	return string(b)
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	invoke("--help").want(t, 0, "Exit codes", "publish", "snapshots", "sql")
	invoke("publish", "--help").want(t, 0, "--batch", "--catalog", "$PAYLAKE_ICEBERG_TOKEN")
	invoke("version").want(t, 0, "paylake-iceberg ", "iceberg-go ")
	invoke("publsh").want(t, 2, "see: paylake-iceberg --help")
	invoke("publish", "--lake", dir).want(t, 2, "needs --catalog too")
	invoke("publish", "-c", dir+"/none.yaml").want(t, 2, "there is no configuration")
	invoke("publish", "--batch", "0").want(t, 2, "--batch")
	invoke("publish", "--lake", dir, "--catalog", "mysql://x").want(t, 2, "sqlite:///file.db")
	invoke("publish", "--lake", dir+"/none", "--catalog", "sqlite://"+dir+"/c.db").want(t, 1, "there is no lake at")
	invoke("publish", "--lake", "gs://bucket", "--catalog", "sqlite://"+dir+"/c.db").want(t, 2, "file:// and s3://")
	invoke("publish", "--lake", dir, "--catalog", "sqlite://"+dir+"/c.db", "--namespace", "a.b").want(t, 0) // an empty lake: nothing is asked
}

// kill -9 at any moment: the next publication goes on, and every manifest is in
// the table once, those that merge objects too.
func TestKilled(t *testing.T) {
	const every, manifests = 5, 120 // every fifth merges what the four before it brought with what was there
	dir := written(t, manifests-manifests/every, every-1)
	at := []string{"publish", "--lake", "file://" + dir + "/lake", "--catalog", "sqlite://" + dir + "/iceberg.db"}
	cut := 0
	for kill := range 12 {
		cmd := exec.Command(os.Args[0], append(at, "--window", "1")...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(60+kill*37)*time.Millisecond, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err == nil {
			break
		} else if cmd.ProcessState.ExitCode() >= 0 {
			t.Fatalf("%v: %s", err, errs.String())
		}
		cut++
	}
	invoke(at...).want(t, 0, "through manifest 120")
	var list []publish.Shown
	if err := json.Unmarshal([]byte(invoke(append([]string{"snapshots", "--json"}, at[1:]...)...).want(t, 0).out), &list); err != nil {
		t.Fatal(err)
	}
	if cut == 0 || len(list) != manifests {
		t.Fatalf("%d kills, %d snapshots of %d manifests", cut, len(list), manifests)
	}
	for i, s := range list {
		n := int64(i + 1)
		if s.Sequence != n || s.First != n || s.Rows != 3*(n-n/every) || (s.Change == "replace") != (n%every == 0) {
			t.Errorf("snapshot %d: %+v", i, s)
		}
	}
	t.Logf("killed %d times", cut)
}
