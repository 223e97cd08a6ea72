package main

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/paylake/paylake/sinks/lake/s3test"
)

// TestLockedLake: the main job in a bucket that deletes nothing before its time,
// by the commands alone. An object and a manifest that somebody hides or
// overwrites come back by one command.
func TestLockedLake(t *testing.T) {
	t.Parallel()
	s := s3test.NewVersioned(t)
	g := newPlayground(t, 300)
	g.moveLake(t, s.URL(s.Bucket(t)))
	g.paylake(t, "check").want(t, 0).
		says(t, "lake immutability      versioning off, object lock off", "").
		says(t, "aws s3api put-bucket-versioning --bucket ", "").says(t, "aws s3api put-object-lock-configuration --bucket ", "")
	bucket := s.Locked(t, types.ObjectLockRetentionModeCompliance, 30)
	g.moveLake(t, s.URL(bucket))
	if r := g.paylake(t, "check").want(t, 0).says(t, "versioning on, object lock on, default retention COMPLIANCE for 30 days", ""); strings.Contains(r.stdout, "aws s3api") {
		t.Errorf("advice that nobody needs:\n%s", r.stdout)
	}
	g.paylake(t, "run", "ledger", "--from", g.world.Start().Format("2006-01-02"), "--to", g.world.Start().AddDate(0, 0, 4).Format("2006-01-02")).want(t, 0)
	g.paylake(t, "run").want(t, 0)
	truth := truthLines(g.truth(t))
	same(t, g.spend(t), truth)
	if again := g.paylake(t, "run").want(t, 0); strings.Count(again.stdout, "0 rows moved") != g.pipelines(t) {
		t.Errorf("again:\n%s", again.stdout)
	}
	g.paylake(t, mergeAll...).want(t, 0).says(t, "merged into", "")
	g.paylake(t, "verify").want(t, 0)

	c := s.Client(t, bucket)
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	object, manifest := "", "manifests/00000000000000000003.json"
	for _, o := range list.Contents {
		if strings.HasPrefix(*o.Key, "objects/operations/") {
			object = *o.Key
		}
	}
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &object, Body: strings.NewReader("other bytes")}); err != nil {
		t.Fatal(err)
	}
	g.paylake(t, "verify").want(t, 6).says(t, "", "affected: s3://"+bucket+"/"+object)
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &manifest}); err != nil {
		t.Fatal(err)
	}
	g.paylake(t, "verify").want(t, 6).says(t, "", "s3://"+bucket+"/"+manifest)
	g.paylake(t, "run").want(t, 1).says(t, "", "is missing although")
	g.paylake(t, "rebuild").want(t, 0).
		says(t, "put back from an older version in the bucket, bit for bit: s3://"+bucket+"/"+manifest, "").
		says(t, "put back from an older version in the bucket, bit for bit: s3://"+bucket+"/"+object, "")
	g.paylake(t, "verify").want(t, 0)
	same(t, g.spend(t), truth)

	g.edit(t, "\nwarehouse: embedded\n", "\nlake_lock: {mode: compliance, for: 10y}\nwarehouse: embedded\n")
	g.paylake(t, "check").want(t, 0).says(t, "lake_lock asks for compliance, 10y, with every file", "")
	g.moveLake(t, s.URL(s.Bucket(t)))
	g.paylake(t, "check").want(t, 1).says(t, "no file can be written: turn object lock on, or remove lake_lock", "")
}
