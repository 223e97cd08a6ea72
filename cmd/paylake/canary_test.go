package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/klauspost/compress/zstd"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// canaries are texts that must not be found anywhere: keys, one-time
// passwords and tokens that were really used, numbers of people, a card.
type canaries struct {
	mu    sync.Mutex
	texts map[string]string // text → what it is
}

func (c *canaries) add(text, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(text) >= 6 {
		c.texts[text] = what
	}
}

// find names the canaries in a text.
func (c *canaries) find(text []byte) (found []string) {
	for canary, what := range c.texts {
		if bytes.Contains(text, []byte(canary)) {
			found = append(found, what)
		}
	}
	slices.Sort(found)
	return found
}

// watch collects what passes between paylake and the upstream: passwords,
// tokens, numbers. Amounts of rows are not secrets; telephone numbers are.
func (c *canaries) watch(g *playground) {
	inner := g.server.Config.Handler
	g.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			c.add(token, "bearer token")
		}
		if strings.HasSuffix(r.URL.Path, "/auth/otp/verify") {
			body, _ := io.ReadAll(r.Body)
			for _, field := range strings.Split(string(body), `"`) {
				if strings.Trim(field, "0123456789") == "" {
					c.add(`"`+field+`"`, "one-time password")
					c.add("otp="+field, "one-time password")
				}
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		inner.ServeHTTP(w, r)
	})
}

const (
	canaryPhone = "+994501987654"
	canaryCard  = "4169738912345679"
	canaryField = "CANARY-UNKNOWN-FIELD"

	canaryCustomer = "996555987654"
)

// Everything runs with marked secrets; then logs, errors, the lake, the state
// database and the warehouse are searched. The search itself is proved by
// planting each canary where it would be found.
func TestCanaries(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	c := &canaries{texts: map[string]string{}}
	for _, k := range sandbox.Credentials() {
		c.add(k.Value, "key "+k.File)
	}
	for _, w := range g.world.Wallets() {
		c.add(w.MSISDN, "number of a wallet's owner")
	}
	for _, phone := range []string{canaryPhone, canaryPhone[1:], "0501987654"} {
		c.add(phone, "number of a counterparty")
	}
	c.add(canaryCustomer, "number of a customer")
	c.add(canaryCard, "card")
	c.add(canaryField, "unknown field")
	c.watch(g)
	marked := `{"id":"canary-1","posted_at":"DAYT10:00:00+04:00","type":"transfer_out","amount":-1.00,"counterparty_msisdn":"` + canaryPhone + `","subscriber_ref":"0501987654","note":"` + canaryField + `"},` +
		`{"id":"canary-2","posted_at":"DAYT10:00:01+04:00","type":"bill_pay","amount":-1.00,"subscriber_ref":"` + canaryCard + `"},` +
		`{"id":"canary-3","posted_at":"DAYT10:00:02+04:00","type":"transfer_out","amount":-1.001,"counterparty_msisdn":"` + canaryPhone + `","subscriber_ref":"` + canaryCard + `"}`
	g.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wallet/statement") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"currency":"AZN","rows":[`+strings.ReplaceAll(marked, "DAY", r.URL.Query().Get("from"))+`],"next_cursor":null}`)
		return true
	})
	var said strings.Builder
	say := func(args ...string) {
		r := g.paylake(t, args...)
		said.WriteString(r.stdout + r.stderr)
	}
	for _, args := range [][]string{{"check"}, {"plan"}, {"run", "-v"}, {"run", "--log", "json", "-v"}, {"status"}, {"status", "--json"}, {"quarantine", "list"},
		{"consent", "list", "--json"}, {"snapshots"}, {"erase", "--msisdn", "+994551112233", "--reason", "canary"}, {"keys", "rotate", "pseudonym"}, {"run", "ledger"}, {"verify"}} {
		say(args...)
	}
	h, done := g.opened(t)
	h.put(t, h.taken(t, "+"+canaryCustomer, "pl_canary", 1, "", "draft"))
	done()
	up := g.up(t)
	notice := g.noticeOf(t, "88001", "success", canaryCustomer, canaryCard, `,"note":"`+canaryField+`"`)
	for _, d := range []struct {
		body []byte
		want int
	}{{notice, 200}, {bytes.Replace(notice, []byte("5000"), []byte("5001"), 1), 400}, {[]byte(canaryCard + canaryPhone), 400}} {
		if code := up.deliver(t, "/callbacks/flashpay/psp", d.body); code != d.want {
			t.Fatalf("a callback was answered %d, want %d", code, d.want)
		}
	}
	g.eventually(t, "SELECT count() FROM operations WHERE operation_id = '88001' AND customer_id LIKE 'p%'", "1")
	g.eventually(t, "SELECT count() FROM payment_intents", "1")
	if code := up.deliver(t, "/callbacks/flashpay/psp", g.noticeOf(t, "88002", "success", canaryCustomer, canaryCard, "")); code != 200 {
		t.Fatal(code) // still in the inbox, perhaps, when the files are searched
	}
	up.stop()
	said.WriteString(up.errs.String())
	if !strings.Contains(said.String(), "canary-3") {
		t.Fatal("the bad row is not listed: nothing was searched")
	}
	places := map[string][]byte{"what the commands said": []byte(said.String()), "the lake's rows": g.rowsText(t), "the warehouse": g.warehouseText(t)}
	g.files(t, places)
	if len(places) < 12 || len(c.texts) < 15 {
		t.Fatalf("%d places, %d canaries", len(places), len(c.texts))
	}
	for place, text := range places {
		if found := c.find(text); len(found) > 0 {
			t.Errorf("%s: %v", place, found)
		}
		for canary := range c.texts { // the negative control
			if len(c.find(append(slices.Clone(text[:min(len(text), 1000)]), canary...))) == 0 {
				t.Fatalf("planted in %s, %q is not found", place, canary)
			}
		}
	}
}

// files adds every file beside the configuration but the keys themselves;
// compressed quarantine files are opened.
func (g *playground) files(t *testing.T, places map[string][]byte) {
	t.Helper()
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	err = filepath.WalkDir(filepath.Join(g.dir, sandboxData), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the warehouse moves its files
			return nil
		}
		if err != nil || e.IsDir() || strings.Contains(path, sandboxKeys) || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".zst") {
			if text, err = dec.DecodeAll(text, nil); err != nil {
				return err
			}
		}
		places[path] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rowsText is every row of every object, uncompressed, as Arrow reads the files.
func (g *playground) rowsText(t *testing.T) []byte {
	t.Helper()
	objects, err := filepath.Glob(filepath.Join(g.lake(), "objects", "*", "*.parquet"))
	if err != nil || len(objects) == 0 {
		t.Fatal(objects, err)
	}
	var out bytes.Buffer
	for _, path := range objects {
		r, err := file.OpenParquetFile(path, false)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		table, err := rows.ReadTable(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(table.NumCols()) {
			for _, chunk := range table.Column(i).Data().Chunks() {
				for row := range chunk.Len() {
					out.WriteString(chunk.ValueStr(row) + "\n")
				}
			}
		}
		table.Release()
		_ = r.Close()
	}
	return out.Bytes()
}

// warehouseText is every public view as the auditor sees it.
func (g *playground) warehouseText(t *testing.T) []byte {
	t.Helper()
	defer g.holding(t)()
	var out strings.Builder
	for _, view := range embedded.Views {
		if !strings.HasSuffix(view, "_at") {
			out.WriteString(g.paylake(t, "query", "--format", "csv", "SELECT * FROM "+view).want(t, 0).stdout)
		}
	}
	return []byte(out.String())
}
