package publish

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/sinktest"
)

// What tables weigh stays in proportion to what was published: the newest
// metadata file, the manifest lists of the snapshots, and all files together.
// PAYLAKE_TEST_MANIFESTS is how many manifests there are; 40 unless it is set.
func TestGrowth(t *testing.T) {
	n := 40
	if text := os.Getenv("PAYLAKE_TEST_MANIFESTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ window, batch int }{{1, 1}, {100, 1}, {500, 500}} {
		w := newWorld(t)
		for i := range n {
			w.commit(sinktest.Ledger("wlt_a", day(i), statement("wlt_a", i, 3, 1)...))
		}
		w.publish(func(o *Options) { o.Window, o.Batch = c.window, c.batch })
		list := w.list()
		var all, newest int64
		files := 0
		err := filepath.WalkDir(filepath.Join(w.dir, "lake", "iceberg", "ledger"), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			files++
			all += info.Size()
			if strings.HasSuffix(path, ".metadata.json") {
				newest = max(newest, info.Size())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d manifests, --window %d --batch %d: %d snapshots, metadata file %d bytes, %d files of %d bytes", n, c.window, c.batch, len(list), newest, files, all)
		if newest > 12_000+int64(len(list))*1500 {
			t.Errorf("the metadata file has %d bytes for %d snapshots", newest, len(list))
		}
	}
}
