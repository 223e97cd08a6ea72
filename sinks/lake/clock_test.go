package lake

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/translog"
)

// A lake and its log by a clock that is set two hours back and ahead, by one
// process and by others: the log grows by one entry with each manifest, no
// checkpoint is replaced by an older one, and an auditor finds everything whole.
func TestClockStepsAndTheLog(t *testing.T) {
	const step = 2 * time.Hour
	b := fileBucketOf(t)
	signer := signerOf(t, "")
	now := testNow()
	var sizes []int64
	kept := map[int64]string{}
	l := openTest(t, b, false)
	for n, by := range []time.Duration{0, -step, step, -step, -step, step} {
		now = now.Add(by)
		if n%2 == 0 { // another process
			l = openTest(t, b, false)
		}
		l.opts.Now = func() time.Time { return now }
		wallet := fmt.Sprintf("wlt_%d", n) // the rows of each have the same ids
		rows := ledgerRows(ledgerSpec{rows: 5, wallet: wallet, from: day0.AddDate(0, 0, n)})
		commit(t, l, partOf(t, wallet, days(n, n+1), rows, 5))
		before, _, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		followLog(t, l, signer)
		c, ok, err := l.Checkpoint(t.Context())
		if err != nil || !ok || c.Tree.N != before.Tree.N+1 {
			t.Fatalf("after a step of %s the log went from %d to %d: %v", by, before.Tree.N, c.Tree.N, err)
		}
		sizes = append(sizes, c.Tree.N)
		kept[c.Tree.N] = string(c.Raw)
		followLog(t, openTest(t, b, false), signer) // one that knows nothing
	}
	if !slices.Equal(sizes, []int64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("sizes %v", sizes)
	}
	for size, want := range kept {
		if got, err := b.Read(t.Context(), translog.KeptPath(size), 0, -1); err != nil || string(got) != want {
			t.Errorf("the checkpoint of %d is not the one that was shown: %v", size, err)
		}
	}
	r, err := Verify(t.Context(), l.URL(), VerifyOptions{Keys: signer.Verifiers()})
	if err != nil || r.Unlogged != 0 || r.Log.Shown != 6 || !r.Log.Checked {
		t.Errorf("%+v: %v", r.Log, err)
	}
}

// A writer that was held up, and publishes a smaller tree after a larger one was
// shown, replaces nothing.
func TestAnOlderCheckpointIsNotShown(t *testing.T) {
	b := fileBucketOf(t)
	signer := signerOf(t, "")
	l := openTest(t, b, false)
	history(t, l)
	slow := l.Log(LogOptions{Signer: signer})
	base, err := slow.writer.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var entries [][]byte
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, logEntry(e.SHA256))
	}
	followLog(t, openTest(t, b, false), signer)
	if tree, err := slow.writer.Append(t.Context(), base, nil, entries[:3]); err != nil || tree.N != 3 {
		t.Fatal(tree, err)
	}
	if c, ok, err := l.Checkpoint(t.Context()); err != nil || !ok || c.Tree.N != 5 {
		t.Errorf("size %d is shown, 5 was: %v", c.Tree.N, err)
	}
}
