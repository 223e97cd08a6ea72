package lake

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/lake/cloudtest"
)

// gs:// and azblob:// on emulators: racing writers, a whole history with its log,
// compaction, a lost object, verification.
func TestOtherClouds(t *testing.T) {
	for name, open := range map[string]func(testing.TB) string{"gs": cloudtest.GCS, "azblob": cloudtest.Azure} {
		t.Run(name, func(t *testing.T) {
			url := open(t)
			b := s3Bucket(t, url)
			races := 20
			if text := os.Getenv("PAYLAKE_TEST_RACES"); text != "" {
				var err error
				if races, err = strconv.Atoi(text); err != nil {
					t.Fatal(err)
				}
			}
			for i := range races {
				if wins := race(t, b, fmt.Sprintf("manifests/%d", i)); wins != 1 {
					t.Fatalf("race %d had %d winners", i, wins)
				}
			}
			for i := range races {
				if err := b.Delete(t.Context(), fmt.Sprintf("manifests/%d", i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := CheckBucket(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Read(t.Context(), "objects/none", 0, -1); !errors.Is(err, errAbsent) {
				t.Errorf("a file that is not there: %v", err)
			}
			l := s3Lake(t, url)
			story := storyLake(t, l, 3, 6)
			if done, err := l.Compact(t.Context(), everything); err != nil || len(done) == 0 {
				t.Fatal(done, err)
			}
			again := s3Lake(t, url)
			if r := recommit(t, again, story[len(story)-1], ""); r.Inserted+r.Retracted != 0 || r.Duplicates == 0 {
				t.Errorf("read again: %+v", r)
			}
			paths, _ := objectsOf(t, l)
			if err := b.Delete(t.Context(), paths[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := Verify(t.Context(), url, VerifyOptions{}); err == nil {
				t.Error("a lost object is not seen")
			}
			if back, left := mendAll(t, b); len(back) == 0 || len(left) != 0 {
				t.Errorf("%v %v", back, left)
			}
			if r, err := Verify(t.Context(), url, VerifyOptions{}); err != nil || r.Merged == 0 {
				t.Errorf("%+v %v", r, err)
			}
			if _, ok, err := CheckProtection(t.Context(), url); ok || err != nil {
				t.Errorf("protection: %t %v", ok, err)
			}
			_, err := Open(t.Context(), Options{URL: strings.Replace(url, "//lake", "//nowhere", 1), Now: testNow, TempDir: t.TempDir()})
			if err == nil || !strings.Contains(err.Error(), "there is no such bucket; create it") || strings.Contains(err.Error(), "\n") {
				t.Errorf("no such bucket: %v", err)
			}
		})
	}
}
