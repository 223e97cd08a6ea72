package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/lake/s3test"
)

// onS3 moves a playground's lake to a bucket of a real S3 server.
func (g *playground) onS3(t *testing.T, s *s3test.Server) (bucket, url string) {
	t.Helper()
	bucket = s.Bucket(t)
	url = s.URL(bucket)
	g.moveLake(t, url)
	return bucket, url
}

// moveLake points the configuration at another lake.
func (g *playground) moveLake(t *testing.T, url string) {
	t.Helper()
	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "lake:") {
			g.edit(t, line, "lake: \""+url+"\"\n")
			return
		}
	}
	t.Fatalf("no lake in\n%s", text)
}

// TestS3Lake: the main job with its lake in a bucket, by the commands and the
// usual AWS environment alone.
func TestS3Lake(t *testing.T) {
	t.Parallel()
	s := s3test.New(t)
	g := newPlayground(t, 900)
	bucket, url := g.onS3(t, s)
	var said strings.Builder
	paylake := func(code int, args ...string) result {
		t.Helper()
		r := g.paylake(t, args...).want(t, code)
		said.WriteString(r.stdout + r.stderr)
		return r
	}
	paylake(0, "check").says(t, "one of racing writers wins", "")
	paylake(0, "run")
	truth := truthLines(g.truth(t))
	same(t, g.spend(t), truth)
	if again := paylake(0, "run"); strings.Count(again.stdout, "0 rows moved") != g.pipelines(t) {
		t.Errorf("again:\n%s", again.stdout)
	}
	paylake(0, "status")
	paylake(0, "snapshots")
	paylake(0, "rebuild").says(t, "rebuilt up to manifest", "")
	same(t, g.spend(t), truth)
	paylake(0, "verify").says(t, "everything that was published holds", "")
	alone := invoke(t.Context(), nil, "verify", url).want(t, 0) // no configuration at all
	said.WriteString(alone.stdout + alone.stderr)

	g.exportsToS3(t, s)

	objects, err := filepath.Glob(s.Path(bucket, "objects/ledger/*.parquet"))
	if err != nil || len(objects) == 0 {
		t.Fatal(objects, err)
	}
	flip(t, objects[0])
	name := "s3://" + bucket + "/objects/ledger/" + filepath.Base(objects[0])
	paylake(6, "verify").says(t, "FAILED", name)
	paylake(0, "rebuild").says(t, "put back from the warehouse, bit for bit: "+name, "")
	paylake(0, "verify")
	same(t, g.spend(t), truth)

	g.edit(t, "s3://"+bucket, "s3://no-such-bucket")
	for _, command := range []string{"run", "check", "verify", "status"} {
		paylake(1, command)
	}
	if !strings.Contains(said.String(), "there is no such bucket; create it") {
		t.Error("a missing bucket has no sentence")
	}
	if strings.Contains(said.String(), s.SecretKey) {
		t.Error("the key was printed")
	}
}

// exportsToS3: a scheduled export lies in its bucket once, with its proof, and is
// what the lake gives.
func (g *playground) exportsToS3(t *testing.T, s *s3test.Server) {
	t.Helper()
	before, books := read(t, g.config), s.Bucket(t)
	write(t, g.config, before+"\nexports:\n  spend: {dataset: spend, format: csv, time_zone: Asia/Baku, target: \""+s.URL(books)+"\"}\n")
	defer write(t, g.config, before)
	g.paylake(t, "check").want(t, 0).says(t, "ok      export spend", "")
	g.paylake(t, "export", "scheduled").want(t, 0).says(t, "spend: all as of manifest", "")
	g.paylake(t, "export", "scheduled").want(t, 0).says(t, "spend: all is there as of manifest", "")
	files, err := filepath.Glob(s.Path(books, "spend/all/spend-all-*.csv"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	copied := filepath.Join(t.TempDir(), "spend.csv")
	write(t, copied, read(t, files[0]))
	write(t, copied+proofSuffix, read(t, files[0]+proofSuffix))
	g.paylake(t, "verify", "--export", copied).want(t, 0)
	g.edit(t, s.URL(books), strings.Replace(s.URL(books), books, "no-such-bucket", 1))
	g.paylake(t, "check").want(t, 1).says(t, "FAILED  export spend", "")
}
