package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/sources/flashpay"
)

// received is what a receiver of callbacks got; it refuses what refuse says.
func received(t *testing.T, refuse func(path string) bool) (origin string, got *[]string) {
	t.Helper()
	got = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if refuse != nil && refuse(r.URL.Path) {
			http.Error(w, "not now", http.StatusTooManyRequests)
			return
		}
		if signed := r.Header.Get("MPAY-Signature"); strings.HasPrefix(r.URL.Path, "/callbacks/mpay/") != (signed != "") {
			t.Errorf("%s is signed %q in its header", r.URL.Path, signed)
		}
		*got = append(*got, r.URL.Path+" "+string(body))
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

// The same seed and day tell the same, however late it is, and a refusal leaves
// the truth as it was.
func TestCallbacksAreAFunctionOfTheDay(t *testing.T) {
	late := atomic.Int64{}
	w := newWorld(t, Options{Seed: 3, Rows: 4000, Still: true, Now: func() time.Time { return noon.Add(time.Duration(late.Load())) }})
	origin, first := received(t, nil)
	tables := func() map[string]int64 {
		out := map[string]int64{}
		for _, table := range w.Truth(w.Now()).Tables {
			out[table.Table] += table.Rows
		}
		return out
	}
	before := tables()
	if before["settlements"]+before["chargeback_hints"]+before["alarms"] != 0 {
		t.Fatalf("told before anything was sent: %v", before)
	}
	busy, _ := received(t, func(path string) bool { return strings.Contains(path, "flashpay") })
	told, err := w.Tell(t.Context(), busy)
	if err != nil || len(told) != 3 || told[1].Taken != 0 || !strings.Contains(told[1].Answer, "429 Too Many Requests not now") || tables()["settlements"] != 0 {
		t.Errorf("refused: %+v, %v", told, err)
	}
	if told, err = w.Tell(t.Context(), origin+"/"); err != nil || len(told) != 3 {
		t.Fatalf("%+v, %v", told, err)
	}
	for _, k := range told {
		if k.Taken != k.Sent || k.Sent < 4 {
			t.Errorf("%+v", k)
		}
	}
	late.Store(int64(20 * time.Hour))
	again, second := received(t, nil)
	if _, err := w.Tell(t.Context(), again); err != nil || !slices.Equal(*first, *second) {
		t.Errorf("told something else 20 hours later: %v", err)
	}
	after := tables()
	for table, n := range map[string]int64{"settlements": 25, "chargeback_hints": 5, "alarms": 1, "operations": 5, "payments": 5} {
		if after[table]-before[table] != n {
			t.Errorf("%s: %d rows, then %d, want %d more", table, before[table], after[table], n)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:80", "file:///etc/passwd", "http://"} {
		if _, err := w.Tell(context.Background(), bad); err == nil {
			t.Errorf("%q was told", bad)
		}
	}
}

// Every signature of an operation holds with the project's secret alone, and
// each is told in two states of which the final one stays.
func TestOperationCallbacksAreSigned(t *testing.T) {
	w := newWorld(t, Options{Seed: 5, Rows: 4000})
	states := map[string][]string{}
	for _, c := range w.Callbacks() {
		if c.Kind != CallbackOperation {
			continue
		}
		if _, err := flashpay.ReadCallback(c.Body, [][]byte{[]byte(FlashpaySecret)}); err != nil {
			t.Fatalf("%s: %v", c.Body, err)
		}
		if _, err := flashpay.ReadCallback(c.Body, [][]byte{[]byte("another")}); err == nil {
			t.Fatal("it holds with another secret, too")
		}
		var body struct {
			Operation struct {
				ID     json.Number `json:"id"`
				Status string      `json:"status"`
			} `json:"operation"`
		}
		if err := json.Unmarshal(c.Body, &body); err != nil {
			t.Fatal(err)
		}
		states[body.Operation.ID.String()] = append(states[body.Operation.ID.String()], body.Operation.Status)
	}
	if len(states) != retold+5 {
		t.Errorf("%d operations", len(states))
	}
	for id, s := range states {
		if len(s) != 3 || s[1] != "processing" || s[0] != s[2] {
			t.Errorf("%s: %v", id, s)
		}
	}
}
