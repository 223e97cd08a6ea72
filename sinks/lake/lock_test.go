package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake/s3test"
	"github.com/paylake/paylake/sinks/translog"
)

// locked is a lake with its log in a bucket that locks every version.
type locked struct {
	*testing.T
	url, name string
	c         *s3.Client
	l         *Lake
	log       *Log
}

func newLocked(t *testing.T, s *s3test.Server, days int32, keep *Retention) *locked {
	t.Helper()
	name := s.Locked(t, types.ObjectLockRetentionModeCompliance, days)
	x := &locked{T: t, url: s.URL(name), name: name, c: s.Client(t, name)}
	var err error
	x.l, err = Open(t.Context(), Options{URL: x.url, TempDir: t.TempDir(), Now: time.Now, Parallel: 2, Retention: keep})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.l.Close() })
	skey, _, err := translog.GenerateKey("lake.example/locked")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := translog.ParseSigner([]byte(skey))
	if err != nil {
		t.Fatal(err)
	}
	x.log = x.l.Log(LogOptions{Signer: signer})
	return x
}

func (x *locked) follow() {
	x.Helper()
	if _, err := x.log.Follow(x.Context()); err != nil {
		x.Fatal(err)
	}
}

// versionsOf lists the versions of a key, newest first.
func (x *locked) versionsOf(key string) (ids []string) {
	x.Helper()
	r, err := x.c.ListObjectVersions(x.Context(), &s3.ListObjectVersionsInput{Bucket: &x.name, Prefix: &key})
	if err != nil {
		x.Fatal(err)
	}
	for _, v := range r.Versions {
		if *v.Key == key {
			ids = append(ids, *v.VersionId)
		}
	}
	return ids
}

// erase tries to delete a version for good.
func (x *locked) erase(key, version string) error {
	_, err := x.c.DeleteObject(x.Context(), &s3.DeleteObjectInput{Bucket: &x.name, Key: &key, VersionId: &version})
	return err
}

// hide lays a delete marker over a key: that nobody can be kept from who may
// delete at all.
func (x *locked) hide(key string) {
	x.Helper()
	if _, err := x.c.DeleteObject(x.Context(), &s3.DeleteObjectInput{Bucket: &x.name, Key: &key}); err != nil {
		x.Fatal(err)
	}
}

func (x *locked) overwrite(key, text string) {
	x.Helper()
	if _, err := x.c.PutObject(x.Context(), &s3.PutObjectInput{Bucket: &x.name, Key: &key, Body: strings.NewReader(text)}); err != nil {
		x.Fatal(err)
	}
}

func (x *locked) read(key string) []byte {
	x.Helper()
	r, err := x.c.GetObject(x.Context(), &s3.GetObjectInput{Bucket: &x.name, Key: &key})
	if err != nil {
		x.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		x.Fatal(err)
	}
	return data
}

func (x *locked) verify(holds bool) Report {
	x.Helper()
	r, err := Verify(x.Context(), x.url, VerifyOptions{})
	if holds != (err == nil) || err != nil && !errors.Is(err, sinks.ErrCorrupt) {
		x.Fatalf("verify: %v %+v", err, r.Findings)
	}
	return r
}

// In a bucket with a default retention everything works that works elsewhere;
// what was committed cannot be deleted; what is hidden or overwritten all the
// same, verify sees, and it comes back from its version.
func TestLockedBucket(t *testing.T) {
	x := newLocked(t, s3test.NewVersioned(t), 30, nil)
	b := s3Bucket(t, x.url)
	for i := range 30 {
		if wins := race(t, b, fmt.Sprintf("races/%d", i)); wins != 1 {
			t.Fatalf("race %d had %d winners", i, wins)
		}
	}
	if err := CheckBucket(t.Context(), x.url); err != nil {
		t.Fatal(err)
	}
	story := storyLake(t, x.l, 5, 5)
	x.follow()
	if done, err := x.l.Compact(t.Context(), everything); err != nil || len(done) == 0 {
		t.Fatal(done, err)
	}
	x.follow()
	x.verify(true)
	paths, entries := objectsOf(t, x.l)
	last := entries[len(entries)-1].Sequence

	for _, key := range []string{paths[0], manifestKey(2), manifestKey(last), translog.KeptPath(last), translog.Latest} {
		for _, id := range x.versionsOf(key) {
			if err := x.erase(key, id); storeCode(err) != "AccessDenied" {
				t.Errorf("a version of %s was deleted: %v", key, err)
			}
		}
	}
	// The newest checkpoint is overwritten by design: every one of them is kept.
	if n := len(x.versionsOf(translog.Latest)); n < 2 {
		t.Errorf("%d versions of the newest checkpoint", n)
	}

	back := func(key string, want []byte) {
		t.Helper()
		r := x.verify(false)
		if !slices.ContainsFunc(r.Affected, func(d Damage) bool { return strings.HasSuffix(d.Path, key) }) {
			t.Errorf("%+v", r.Affected)
		}
		mended, left := mendAll(t, s3Bucket(t, x.url))
		if len(mended) != 1 || len(left) != 0 || mended[0].From != fromVersion || !bytes.Equal(x.read(key), want) {
			t.Errorf("%v %v", mended, left)
		}
		x.verify(true)
	}
	for i, key := range paths[:2] {
		want := x.read(key)
		if i == 0 {
			x.hide(key)
		} else {
			x.overwrite(key, "something else")
			x.overwrite(key, "something else again")
		}
		back(key, want)
	}
	if r := recommit(t, x.l, story[len(story)-1], ""); r.Inserted+r.Retracted != 0 {
		t.Errorf("read again: %+v", r)
	}
}

// Manifests that are hidden or overwritten: nothing is committed over them, and
// one call brings them back, the newest, too.
func TestLockedManifests(t *testing.T) {
	x := newLocked(t, s3test.NewVersioned(t), 30, nil)
	story := storyLake(t, x.l, 5, 6)
	x.follow()
	_, entries := objectsOf(t, x.l)
	last := entries[len(entries)-1].Sequence
	open := func() error {
		l, err := Open(t.Context(), Options{URL: x.url, TempDir: t.TempDir(), Now: time.Now})
		if err == nil {
			_, err = l.Commit(t.Context(), batchOf(partOf(t, "wlt_1", days(0, 1), ledgerRows(ledgerSpec{rows: 3, step: time.Hour, seed: 77}), 3)))
			_ = l.Close()
		}
		return err
	}
	for name, c := range map[string]struct {
		hurt []int64
		do   func(string)
	}{
		"hidden in the middle":      {[]int64{2, 3}, x.hide},
		"the newest hidden":         {[]int64{last}, x.hide},
		"overwritten in the middle": {[]int64{4}, func(key string) { x.overwrite(key, "{}"); x.overwrite(key, "[]") }},
	} {
		var want []string
		for _, n := range c.hurt {
			want = append(want, "s3://"+x.name+"/"+manifestKey(n))
			c.do(manifestKey(n))
		}
		x.verify(false)
		if err := open(); !errors.Is(err, sinks.ErrCorrupt) {
			t.Errorf("%s: committed over it: %v", name, err)
		}
		back, lost, err := MendManifests(t.Context(), x.url)
		if err != nil || fmt.Sprint(back) != fmt.Sprint(want) || len(lost) != 0 {
			t.Errorf("%s: %v, %v still lost, %v", name, back, lost, err)
		}
		if r := x.verify(true); r.Manifests != last {
			t.Errorf("%s: %d manifests", name, r.Manifests)
		}
	}
	again := s3Lake(t, x.url)
	if r := recommit(t, again, story[len(story)-1], ""); r.Inserted+r.Retracted != 0 {
		t.Errorf("read again: %+v", r)
	}
	if back, lost, err := MendManifests(t.Context(), x.url); len(back)+len(lost) != 0 || err != nil {
		t.Error(back, lost, err)
	}
}

// Retention that is asked for with every file, in a bucket without a default:
// all but the newest checkpoint and the probe's keys have it.
func TestRetentionPerObject(t *testing.T) {
	s := s3test.NewVersioned(t)
	year := func(at time.Time) time.Time { return at.AddDate(1, 0, 0) }
	x := newLocked(t, s, 0, &Retention{"compliance", year})
	storyLake(t, x.l, 5, 2)
	x.follow()
	n := 0
	for f, err := range x.l.bucket.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		h, err := x.c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &x.name, Key: &f.Key})
		if err != nil {
			t.Fatal(err)
		}
		kept := h.ObjectLockMode == types.ObjectLockModeCompliance && h.ObjectLockRetainUntilDate != nil && time.Until(*h.ObjectLockRetainUntilDate) > 364*24*time.Hour
		if kept != (f.Key != translog.Latest) {
			t.Errorf("%s: kept %t, %v", f.Key, kept, h.ObjectLockRetainUntilDate)
		}
		n++
		err = x.erase(f.Key, *h.VersionId)
		if refused := storeCode(err) == "AccessDenied"; refused != kept {
			t.Errorf("%s was deleted: %v", f.Key, err)
		}
	}
	if n < 8 {
		t.Errorf("%d files", n)
	}
	// Where there is no lock, nothing is committed that believes in one.
	name := s.Bucket(t)
	l, err := Open(t.Context(), Options{URL: s.URL(name), TempDir: t.TempDir(), Now: time.Now, Retention: &Retention{"compliance", year}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = l.Commit(t.Context(), batchOf(partOf(t, "wlt_1", days(0, 1), ledgerRows(ledgerSpec{rows: 3, step: time.Hour}), 3)))
	if err == nil || !strings.Contains(err.Error(), "ock") || strings.Contains(err.Error(), "\n") {
		t.Errorf("committed without a lock: %v", err)
	}
}

// A store that confirms a write and goes on hiding the key is not believed.
func TestMendIsReadBack(t *testing.T) {
	x := newLocked(t, s3test.NewForgetful(t), 30, nil)
	storyLake(t, x.l, 5, 2)
	paths, _ := objectsOf(t, x.l)
	x.hide(paths[0])
	damaged, err := x.l.Damaged(t.Context(), nil)
	if err != nil || len(damaged) != 1 {
		t.Fatal(damaged, err)
	}
	back, left, err := x.l.Mend(t.Context(), damaged)
	if err == nil || !strings.Contains(err.Error(), "does not show them") || len(back) != 0 || len(left) != 1 {
		t.Errorf("%v %v %v", back, left, err)
	}
}

// What is said of a bucket, and what to type.
func TestProtection(t *testing.T) {
	s := s3test.NewVersioned(t)
	plain, bare, full := s.Bucket(t), s.Locked(t, types.ObjectLockRetentionModeGovernance, 0), s.Locked(t, types.ObjectLockRetentionModeGovernance, 90)
	behind, err := url.Parse(s.Proxy(t, func(*http.Request) {}))
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(behind)
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); !q.Has("versioning") && !q.Has("object-lock") {
			pass.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>")
	}))
	defer guarded.Close()
	for name, c := range map[string]struct {
		url, says string
		perObject bool
		advice    []string
	}{
		"nothing":     {s.URL(plain), "versioning off, object lock off", false, []string{"put-bucket-versioning --bucket " + plain, "put-object-lock-configuration --bucket " + plain}},
		"no default":  {s.URL(bare), "versioning on, object lock on, no default retention", false, []string{"put-object-lock-configuration --bucket " + bare}},
		"per object":  {s.URL(bare), "versioning on, object lock on, no default retention", true, nil},
		"all":         {s.URL(full), "versioning on, object lock on, default retention GOVERNANCE for 90 days", false, nil},
		"may not ask": {s3test.URL(full, guarded.URL), "versioning unknown, object lock unknown; these credentials may not ask: let them s3:GetBucketVersioning and s3:GetBucketObjectLockConfiguration, or ask the bucket's owner", false, nil},
	} {
		p, ok, err := CheckProtection(t.Context(), c.url)
		if err != nil || !ok || p.String() != c.says {
			t.Errorf("%s: %q %t %v", name, p, ok, err)
		}
		advice := p.Advice(c.perObject)
		if len(advice) != len(c.advice) {
			t.Errorf("%s: %q", name, advice)
			continue
		}
		for i, part := range c.advice {
			if !strings.Contains(advice[i], part) {
				t.Errorf("%s: %q", name, advice)
			}
		}
	}
	if _, _, err := CheckProtection(t.Context(), s.URL("nowhere")); err == nil || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("no bucket: %v", err)
	}
	if _, ok, err := CheckProtection(context.Background(), "file://"+t.TempDir()); ok || err != nil {
		t.Errorf("a folder: %t %v", ok, err)
	}
}
