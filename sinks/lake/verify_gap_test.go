package lake

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// accused are the keys of a verification's findings.
func accused(t *testing.T, f files, o VerifyOptions) ([]string, Report) {
	t.Helper()
	r, err := verifyBucket(t.Context(), f, "mem://", o)
	if len(r.Findings) > 0 != errors.Is(err, sinks.ErrCorrupt) {
		t.Fatalf("%d findings: %v", len(r.Findings), err)
	}
	var keys []string
	for _, x := range r.Findings {
		keys = append(keys, x.Path[len("mem:///"):])
	}
	return slices.Compact(slices.Sorted(slices.Values(keys))), r
}

// A manifest that is lost, unreadable or changed is all that is at fault: the
// other manifests, their objects and the log are checked as before.
func TestOneLostManifest(t *testing.T) {
	s := newScene(t)
	keys := VerifyOptions{Parallel: 1, Keys: s.signer.Verifiers(), Since: s.since}
	bare := maps.Clone(s.true)
	maps.DeleteFunc(bare, func(key string, _ []byte) bool { return isLog(key) })
	_, whole := accused(t, s.true, keys)
	for name, lake := range map[string]struct {
		files
		VerifyOptions
	}{"with keys": {s.true, keys}, "without keys": {s.true, VerifyOptions{}}, "without a log": {bare, VerifyOptions{}}} {
		for seq := int64(1); seq <= 5; seq++ {
			key := manifestKey(seq)
			m, err := decodeManifest(seq, s.true[key])
			if err != nil {
				t.Fatal(err)
			}
			for how, data := range map[string][]byte{"lost": nil, "unreadable": []byte("{"), "changed": bytes.Replace(s.true[key], []byte(`"created_at"`), []byte(`"crested_at"`), 1)} {
				if seq == 5 && lake.files[translog.Latest] == nil && how != "unreadable" {
					continue // nothing tells that there was one
				}
				f := maps.Clone(lake.files)
				if f[key] = data; data == nil {
					delete(f, key)
				}
				got, r := accused(t, f, lake.VerifyOptions)
				if !slices.Equal(got, []string{key}) {
					t.Errorf("%s, manifest %d %s: at fault are %v", name, seq, how, r.Findings)
				}
				objects, behind := whole.Objects-int64(len(m.Objects)), 5-seq
				if how == "changed" {
					objects, behind = whole.Objects, 0
				}
				if r.Objects != objects || r.BehindGap != behind || r.Log.Size != int64(len(f.keys("checkpoints/"))) {
					t.Errorf("%s, manifest %d %s: %d objects, %d behind the gap, %+v", name, seq, how, r.Objects, r.BehindGap, r.Log)
				}
				if how != "changed" && len(r.Affected) != len(m.Objects) {
					t.Errorf("%s, manifest %d %s: %+v", name, seq, how, r.Affected)
				}
			}
		}
	}
}

// Behind a gap everything else is still found.
func TestFaultsBehindAGap(t *testing.T) {
	s := newScene(t)
	keys := VerifyOptions{Parallel: 1, Keys: s.signer.Verifiers(), Since: s.since}
	m, err := decodeManifest(4, s.true[manifestKey(4)])
	if err != nil {
		t.Fatal(err)
	}
	object := m.Objects[0].Path
	other := storyOf(t, func(rows []ledgerRow) { rows[5].amount -= 100; rows[5].balance = ptr(*rows[5].balance - 100) })
	for what, c := range map[string]struct {
		do   func(f files)
		want []string
	}{
		"a damaged object":      {func(f files) { f[object] = append(bytes.Clone(f[object]), 0) }, []string{object}},
		"a lost object":         {func(f files) { delete(f, object) }, []string{object}},
		"another lost manifest": {func(f files) { delete(f, manifestKey(3)) }, []string{manifestKey(3)}},
		"the newest manifest":   {func(f files) { delete(f, manifestKey(5)) }, []string{manifestKey(5)}},
		"a changed manifest": {func(f files) {
			f[manifestKey(4)] = bytes.Replace(f[manifestKey(4)], []byte(`"created_at"`), []byte(`"crested_at"`), 1)
		}, []string{manifestKey(4)}},
		"a manifest of a stranger": {func(f files) { f[manifestKey(4)] = other[manifestKey(4)] }, []string{manifestKey(4)}},
		"a manifest far away":      {func(f files) { f["manifests/09000000000000000000.json"] = []byte("{}") }, []string{"manifests/09000000000000000000.json", manifestKey(6)}},
		"a damaged tile":           {func(f files) { f["tile/entries/000.p/5"] = bytes.Repeat([]byte{1}, 5*34) }, []string{"tile/entries/000.p/5"}},
		"a damaged checkpoint":     {func(f files) { f["checkpoints/3"] = f["checkpoints/2"] }, []string{"checkpoints/3"}},
	} {
		t.Run(what, func(t *testing.T) {
			f := maps.Clone(s.true)
			delete(f, manifestKey(2))
			c.do(f)
			got, r := accused(t, f, keys)
			for _, key := range append(c.want, manifestKey(2)) {
				if !slices.Contains(got, key) && (key != manifestKey(3) || !slices.Contains(got, manifestKey(2))) {
					t.Errorf("%s is not named: %v", key, r.Findings)
				}
			}
			if len(r.Findings) > 0 && r.Findings[0].Path != "mem:///"+manifestKey(2) {
				t.Errorf("named first is %v", r.Findings[0])
			}
		})
	}
}

// The log ends before the gap: nothing ties the newest manifest to the others.
func TestUnloggedBehindAGap(t *testing.T) {
	s := newScene(t)
	f := logged(t, s.true, 2, s.signer)
	delete(f, manifestKey(4))
	got, r := accused(t, f, VerifyOptions{Keys: s.signer.Verifiers()})
	if !slices.Equal(got, []string{manifestKey(4), manifestKey(5)}) {
		t.Error(r.Findings)
	}
	f = logged(t, s.true, 4, s.signer)
	delete(f, manifestKey(4))
	if got, r = accused(t, f, VerifyOptions{Keys: s.signer.Verifiers()}); !slices.Equal(got, []string{manifestKey(4)}) {
		t.Error(r.Findings)
	}
	f[manifestKey(5)] = bytes.Replace(f[manifestKey(5)], []byte(`"prev_sha256": "`), []byte(fmt.Sprintf(`"prev_sha256": "%x`, 1)), 1)
	if got, r = accused(t, f, VerifyOptions{Keys: s.signer.Verifiers()}); !slices.Contains(got, manifestKey(5)) {
		t.Error(r.Findings)
	}
}

// Whoever reads a log begins with the name checkpoint: a lost one is a finding,
// and the log's next look writes it again.
func TestLostCheckpoint(t *testing.T) {
	s := newScene(t)
	f := maps.Clone(s.true)
	delete(f, translog.Latest)
	for _, o := range []VerifyOptions{{}, {Keys: s.signer.Verifiers(), Since: s.since}} {
		if got, r := accused(t, f, o); !slices.Equal(got, []string{translog.Latest}) || r.Log.Size != 5 {
			t.Errorf("%+v", r)
		}
	}
	b := f.bucket(t)
	l := openTest(t, b, false)
	log := l.Log(LogOptions{Signer: s.signer})
	if _, err := log.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := inMemory(t, b)
	if !bytes.Equal(now[translog.Latest], s.true[translog.KeptPath(5)]) {
		t.Errorf("the checkpoint is %q", now[translog.Latest])
	}
	if got, r := accused(t, now, VerifyOptions{Keys: s.signer.Verifiers()}); got != nil {
		t.Error(r.Findings)
	}
}

// Rows of a key of which some may be missing can still contradict each other.
func TestConsistent(t *testing.T) {
	row := func(revision, sign int32, hash uint64) keyRow {
		return keyRow{revision: revision, sign: sign, hash: hash}
	}
	for _, c := range []struct {
		rows []keyRow
		ok   bool
	}{
		{[]keyRow{row(1, -1, 7), row(2, 1, 8)}, true}, // the first is missing
		{[]keyRow{row(1, 1, 7), row(3, 1, 8)}, true},
		{[]keyRow{row(1, 1, 7), row(1, 1, 7)}, false},
		{[]keyRow{row(1, -1, 7), row(1, -1, 7)}, false},
		{[]keyRow{row(1, 1, 7), row(1, -1, 8)}, false},
	} {
		if _, ok := consistent(c.rows); ok != c.ok {
			t.Errorf("%+v: %t", c.rows, ok)
		}
	}
}
