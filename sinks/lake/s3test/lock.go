package s3test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Client talks to the server as its root user, without paylake's ways.
func (s *Server) Client(t testing.TB, bucket string) *s3.Client {
	t.Helper()
	var c *s3.Client
	if !s.Open(t, bucket).As(&c) {
		t.Fatal("the driver gives no client")
	}
	return c
}

// Locked makes an empty bucket with versioning and Object Lock; days of default
// retention, 0: none. The server must be of NewVersioned.
func (s *Server) Locked(t testing.TB, mode types.ObjectLockRetentionMode, days int32) string {
	t.Helper()
	name := fmt.Sprintf("lake-%d", buckets.Add(1))
	c := s.Client(t, name)
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true)})
	if err == nil && days > 0 {
		_, err = c.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{Bucket: &name, ObjectLockConfiguration: &types.ObjectLockConfiguration{
			ObjectLockEnabled: types.ObjectLockEnabledEnabled,
			Rule:              &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: mode, Days: &days}}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}
