package intents

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"go.uber.org/goleak"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// written is a line as payments write it, every key of it.
const written = `{"payment_id":"pl_0123456789abcdef0123456789abcdef","version":3,"at":"2026-03-18T19:30:00.000001Z","from":"approved","to":"sending","event":"claimed",
"by":"sender","reason":"","tenant":"acme","job":"bills","key":"INV-2026-0318","project_id":137493,"method":"mbank","operation":"sale","provider_code":"AZERSU_RES",
"amount_minor":125000,"currency":"KGS","customer_id":"c-17","account":"p1_9f86d081884c7d659a2feaa0c55ad015","account_masked":"+99655•••••56",
"fingerprint":"1f0c8b5ae2d94c7e3b6a9d8f70152c4e8a6b3d9f1e7c5a2b4d6f8091a3c5e7d9","maker":"aysel","checker":"rashad","batch":"b_51d2c07be83af694","attempt":1,
"sent_at":"2026-03-18T19:30:00.000001Z","accepted_at":"","settled_at":"","told":"","operation_id":"","request_id":"","code_space":"","code":"","code_message":"","finding":""}`

// with is the line with other values; a nil one takes its key away.
func with(t testing.TB, changed map[string]any) []byte {
	t.Helper()
	members := membersOf(t)
	maps.Copy(members, changed)
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// membersOf is the line key by key.
func membersOf(t testing.TB) map[string]any {
	t.Helper()
	members := map[string]any{}
	d := json.NewDecoder(strings.NewReader(written))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		t.Fatal(err)
	}
	return members
}

func reader(t testing.TB) Reader {
	t.Helper()
	people, err := schemas.NewPseudonymizer(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Asia/Bishkek")
	if err != nil {
		t.Fatal(err)
	}
	return Reader{Source: "psp", Zone: zone, People: people}
}

// rowsOf are the rows of a record as maps of text.
func rowsOf(rec arrow.Record) (out []map[string]string) {
	for i := range int(rec.NumRows()) {
		row := map[string]string{}
		for c, f := range rec.Schema().Fields() {
			if col := rec.Column(c); !col.IsNull(i) {
				row[f.Name] = col.ValueStr(i)
			}
		}
		out = append(out, row)
	}
	return out
}

// inbox implements pipeline.Inbox in memory. What is settled is there again
// after forget, as after a crash before it was noted.
type inbox struct {
	mu      sync.Mutex
	list    []pipeline.Notice
	settled map[int64]bool
}

func (b *inbox) put(bodies ...[]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, body := range bodies {
		b.list = append(b.list, pipeline.Notice{ID: int64(len(b.list) + 1), Source: "psp", Kind: Kind, Body: body})
	}
}

func (b *inbox) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.settled)
}

func (b *inbox) Waiting(_ context.Context, _ []string, limit int) ([]pipeline.Notice, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(b.list), func(n pipeline.Notice) bool { return b.settled[n.ID] })
	return left[:min(len(left), limit)], nil
}

func (b *inbox) Settle(_ context.Context, ids []int64, _ string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.settled == nil {
		b.settled = map[int64]bool{}
	}
	for _, id := range ids {
		b.settled[id] = true
	}
	return nil
}

// told lets a Reader be what reads a source's deliveries.
type told struct{ Reader }

func (r told) Read(_ context.Context, notices []pipeline.Notice) ([]pipeline.Told, error) {
	return r.Tell(notices)
}

// drained is an inbox and a real lake with the real drain between them.
func drained(t *testing.T) (*inbox, *pipeline.Drain, *lake.Lake) {
	t.Helper()
	clock := time.Date(2026, 3, 19, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { clock = clock.Add(time.Second); return clock }
	l, err := lake.Open(t.Context(), lake.Options{URL: "file://" + t.TempDir(), TempDir: t.TempDir(), Now: now, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	b := &inbox{}
	return b, &pipeline.Drain{Inbox: b, Readers: map[string]pipeline.NoticeReader{"psp": told{reader(t)}}, Sink: l, Now: now, TempDir: t.TempDir()}, l
}

// held is every row that the lake's manifests have, as committed.
func held(t *testing.T, l *lake.Lake) (rows []map[string]string, manifests int) {
	t.Helper()
	var columns []string
	for _, f := range schemas.PaymentIntents.Fields {
		columns = append(columns, f.Name)
	}
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		manifests++
		for _, o := range e.Objects {
			err := l.EachRow(t.Context(), schemas.PaymentIntents, o, columns, func(rec arrow.Record) error {
				rows = append(rows, rowsOf(rec)...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return rows, manifests
}
