package lake

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// VerifyOptions say how to verify.
type VerifyOptions struct {
	Parallel int // objects at a time; 0: one per processor
	// Keys are the verifier keys of the transparency log; none: signatures are not
	// checked.
	Keys translog.Verifiers
	// Since is an older checkpoint of the log, which the log must continue.
	Since []byte
	// Witnesses must each have cosigned a checkpoint; their cosignatures are
	// checked. StampRoots are the authorities that time stamps are believed from;
	// nil: of stamps everything but that is checked.
	Witnesses  []translog.Witness
	StampRoots *x509.CertPool
	StoreWait  time.Duration // as in Options
}

// Report says what Verify looked at and found. Counts are of what holds.
type Report struct {
	URL         string    `json:"url"`
	Manifests   int64     `json:"manifests"`
	Unlogged    int64     `json:"unlogged"`   // manifests that the log's newest checkpoint does not cover
	BehindGap   int64     `json:"behind_gap"` // of Manifests, those behind one that is missing or cannot be read
	Log         LogReport `json:"log"`
	Objects     int64     `json:"objects"`
	Merged      int64     `json:"merged_objects"` // of compactions: their rows are those of Objects
	Bytes       int64     `json:"bytes"`          // of objects and quarantine files
	Rows        int64     `json:"rows"`
	Visible     int64     `json:"visible"` // Σ sign
	Retractions int64     `json:"retractions"`
	Quarantined int64     `json:"quarantined"`
	Resolved    int64     `json:"resolved"`        // quarantined rows that came in after all, by a manifest's own word
	Unresolved  []Total   `json:"quarantine_open"` // rows and money of the others, by currency; an empty one where the amount could not be read
	Chains      int64     `json:"chains"`          // verdicts recomputed
	Open        int64     `json:"chains_open"`
	Broken      int64     `json:"chains_broken"`
	Unrecounted int64     `json:"chains_behind_gap"` // verdicts that cannot be recomputed without the missing manifest
	Totals      []Total   `json:"totals"`
	Foreign     []string  `json:"foreign"` // files that no manifest names, by full path
	Findings    []Finding `json:"findings"`
	Affected    []Damage  `json:"affected,omitempty"` // what the findings take away
	Head        string    `json:"head_sha256"`        // digest of the newest manifest
}

// Finding is something that was published and does not hold.
type Finding struct {
	Path   string `json:"path"` // full path of the object or manifest at fault
	Detail string `json:"detail"`
	rank   int
}

// Verify proves a lake from its files alone, without warehouse, state or
// configuration, and writes nothing: the chain of manifests, every object's
// bytes, rows, hashes, order and totals, every retraction, quarantine file and
// balance chain. Files that no manifest names are reported and change nothing.
// When something published does not hold, the report names it and the error
// wraps sinks.ErrCorrupt.
func Verify(ctx context.Context, lakeURL string, o VerifyOptions) (Report, error) {
	b, closeBucket, err := openBucket(ctx, lakeURL, false, o.StoreWait)
	if err != nil {
		return Report{URL: lakeURL}, err
	}
	r, err := verifyBucket(ctx, b, lakeURL, o)
	return r, errors.Join(err, closeBucket())
}

func verifyBucket(ctx context.Context, b bucket, lakeURL string, o VerifyOptions) (Report, error) {
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	v := &verifier{bucket: b, url: lakeURL, opts: o, tables: map[tableID]*schemas.Table{}}
	defer v.inspectors.close()
	err := v.run(ctx)
	if err == nil && len(v.report.Findings) > 0 {
		v.report.Affected, err = v.affected(ctx)
	}
	return v.finish(err)
}

// verifier holds what has been found so far.
type verifier struct {
	bucket    bucket
	url       string
	opts      VerifyOptions
	files     map[string]int64           // every key of the lake
	shown     []byte                     // the log's newest checkpoint
	manifests []Entry                    // that could be read, by number
	gap       int64                      // number of the first that is missing or cannot be read; 0: the chain is whole
	lastGap   int64                      // number of the last that is known to be
	digests   map[int64]string           // of manifests by number: of one that is missing, as the next one or the log names it
	tables    map[tableID]*schemas.Table // with the kept columns of the newest manifest

	refs       []objectRef // every object, by table, month and time
	inspectors inspectors
	spare      spareColumns
	pairedRows int   // how many rows' keys may be in memory; 0: as many as usual
	keptBytes  int64 // the same of columns that wait for the end of their windows

	mu     sync.Mutex
	report Report
}

func (v *verifier) run(ctx context.Context) error {
	v.files, v.digests = map[string]int64{}, map[int64]string{}
	for f, err := range v.bucket.List(ctx, "") {
		if err != nil {
			return fmt.Errorf("verify %s: %w", v.url, err)
		}
		v.files[f.Key] = f.Size
	}
	if err := v.readShown(ctx); err != nil {
		return err
	}
	if err := v.readChain(ctx); err != nil {
		return err
	}
	if err := v.checkLog(ctx); err != nil {
		return err
	}
	v.checkForeign()
	if err := v.checkObjects(ctx); err != nil {
		return err
	}
	if err := v.checkMerges(ctx); err != nil {
		return err
	}
	return v.checkQuarantine(ctx)
}

// newer decides about a manifest that says it was written by a newer version:
// where the next manifest follows another digest, or the log holds another one,
// somebody changed it, and the error wraps sinks.ErrCorrupt.
func (v *verifier) newer(ctx context.Context, seq int64, said error) error {
	raw, err := v.bucket.Read(ctx, manifestKey(seq), 0, -1)
	if err != nil {
		return errors.Join(said, err)
	}
	is := digest(raw)
	changed := func(who, other string) error {
		return fmt.Errorf("its digest is %s, and %s %s; as it stands it reads: %s: %w", is, who, other, said.Error(), sinks.ErrCorrupt)
	}
	if next, err := v.bucket.Read(ctx, manifestKey(seq+1), 0, -1); err == nil {
		var follows struct {
			Prev string `json:"prev_sha256"`
		}
		if json.Unmarshal(next, &follows) == nil && follows.Prev != is {
			return changed(fmt.Sprintf("manifest %d follows", seq+1), follows.Prev)
		}
	}
	if entry, ok := v.logged(ctx, seq); ok && entry != tlog.RecordHash(logEntry(is)) {
		return changed("the log holds another as entry", fmt.Sprint(seq-1))
	}
	return said
}

// logged is what the log that the lake shows holds of a manifest, if its tiles
// add up to its checkpoint. Nothing is believed of who signed it: it only helps
// to tell which of two files that contradict each other is at fault.
func (v *verifier) logged(ctx context.Context, seq int64) (tlog.Hash, bool) {
	c, err := translog.ReadCheckpoint(v.shown)
	if err != nil || seq < 1 || c.Tree.N < seq {
		return tlog.Hash{}, false
	}
	list, err := translog.Stored(ctx, logStore{v.bucket}, c.Tree).ReadHashes([]int64{tlog.StoredHashIndex(0, seq-1)})
	if err != nil {
		return tlog.Hash{}, false
	}
	return list[0], true
}

// learn finds the table of a manifest.
func (v *verifier) learn(e Entry) error {
	id := tableID{e.Source, e.Table}
	t, ok := schemas.ByName(e.Table)
	if !ok || e.SchemaVersion < 1 || e.SchemaVersion > t.Version {
		return fmt.Errorf("%s holds table %s version %d, which this paylake does not know: %w",
			fullPath(v.url, manifestKey(e.Sequence)), e.Table, e.SchemaVersion, sinks.ErrNewer)
	}
	v.tables[id] = t.Keep(e.Kept...)
	return nil
}

// checkForeign names files that no manifest names.
func (v *verifier) checkForeign() {
	named := map[string]bool{}
	for _, m := range v.manifests {
		for _, f := range filesOf(m) {
			named[f.Path] = true
		}
	}
	for key := range v.files {
		if !named[key] && !isManifest(key) && !isLog(key) && !strings.HasPrefix(key, TablesPrefix) {
			v.report.Foreign = append(v.report.Foreign, fullPath(v.url, key))
		}
	}
	slices.Sort(v.report.Foreign)
}

// isLog tells the files of the transparency log, by their exact names.
func isLog(key string) bool {
	_, tile := translog.ParseTilePath(key)
	_, kept := translog.ParseKeptPath(key)
	_, _, cosigned := translog.ParseCosignaturePath(key)
	_, stamped := translog.ParseStampPath(key)
	return key == translog.Latest || tile || kept || cosigned || stamped
}

// TablesPrefix is where a follower keeps the metadata of tables over the lake's
// objects. Whatever lies there can be made again from the manifests.
const TablesPrefix = "iceberg/"

func isManifest(key string) bool {
	var n int64
	_, err := fmt.Sscanf(key, "manifests/%d.json", &n)
	return err == nil && key == manifestKey(n)
}

// fault records something published that does not hold.
func (v *verifier) fault(key, format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := Finding{Path: fullPath(v.url, key), Detail: fmt.Sprintf(format, args...)}
	if isLog(key) {
		f.rank = 1
	}
	v.report.Findings = append(v.report.Findings, f)
}

// finish sorts the findings and turns them into an error.
func (v *verifier) finish(err error) (Report, error) {
	r := v.report
	r.URL = v.url
	slices.SortFunc(r.Findings, func(a, b Finding) int { // what the log says of a manifest comes after the manifest
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Detail, b.Detail))
	})
	r.Findings = slices.Compact(r.Findings)
	for _, list := range []*[]Total{&r.Totals, &r.Unresolved} { // machines read [], not null
		if *list == nil {
			*list = []Total{}
		}
	}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	if r.Foreign == nil {
		r.Foreign = []string{}
	}
	if err != nil || len(r.Findings) == 0 {
		return r, err
	}
	f := r.Findings[0]
	if n := len(r.Findings) - 1; n > 0 {
		return r, fmt.Errorf("%s: %s (and %d more findings): %w", f.Path, f.Detail, n, sinks.ErrCorrupt)
	}
	return r, fmt.Errorf("%s: %s: %w", f.Path, f.Detail, sinks.ErrCorrupt)
}

// fullPath names a file of a lake for people: a path of the file system, or a
// URL without its parameters.
func fullPath(lakeURL, key string) string {
	u, err := url.Parse(lakeURL)
	if err != nil {
		return key
	}
	if u.Scheme == "file" {
		return filepath.Join(filepath.FromSlash(u.Path), filepath.FromSlash(key))
	}
	return u.Scheme + "://" + strings.TrimSuffix(u.Host+u.Path, "/") + "/" + u.Query().Get("prefix") + key
}
