package mpaytest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.FixedZone("+04", 4*3600))

func newServer(t testing.TB, rows int, opts Options) (*Server, func(method, path, bearer, body string) (int, map[string]any)) {
	t.Helper()
	opts.Now = func() time.Time { return start.AddDate(0, 1, 0) }
	s := New(Generate(1, rows, start, start.AddDate(0, 0, 10)), opts)
	return s, func(method, path, bearer, body string) (int, map[string]any) {
		r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+bearer)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var out map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil && w.Code != http.StatusNotFound {
			t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
		return w.Code, out
	}
}

// login goes through the chain and returns the session.
func login(t testing.TB, s *Server, ask func(method, path, bearer, body string) (int, map[string]any)) map[string]any {
	t.Helper()
	code, c := ask("POST", "/auth/otp/start", "", `{"msisdn":"+994501000000","locale":"az-AZ"}`)
	otp, ok := s.OTP(c["challenge_id"].(string))
	if code != http.StatusCreated || !ok {
		t.Fatal(code, c)
	}
	code, out := ask("POST", "/auth/otp/verify", "sandbox-server-key", `{"challenge_id":"`+c["challenge_id"].(string)+`","otp":"`+otp+`"}`)
	if code != http.StatusOK {
		t.Fatal(code, out)
	}
	return out["session"].(map[string]any)
}

func TestDoor(t *testing.T) {
	s, ask := newServer(t, 10, Options{})
	code, c := ask("POST", "/auth/otp/start", "", `{"msisdn":"+994501000000"}`)
	if code != 201 || c["cooldown_seconds"] != 45.0 {
		t.Fatal(code, c)
	}
	if code, _ := ask("POST", "/auth/otp/start", "", `{"msisdn":"+994501000000"}`); code != 429 {
		t.Errorf("no cooldown: %d", code)
	}
	id := c["challenge_id"].(string)
	if code, _ := ask("POST", "/auth/otp/verify", "wrong", `{}`); code != 401 {
		t.Errorf("without server key: %d", code)
	}
	code, out := ask("POST", "/auth/otp/verify", "sandbox-server-key", `{"challenge_id":"`+id+`","otp":"x"}`)
	if code != 400 || out["error"] != "otp_invalid" || out["retry_allowed"] != true || out["retry_after"] != 32.0 {
		t.Error(code, out)
	}
	if code, out := ask("GET", "/wallet/balance", "nobody", ""); code != 401 || out["error"] != "session_expired" {
		t.Error(code, out)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/sandbox/otp?challenge_id="+id, nil))
	if otp, _ := s.OTP(id); strings.TrimSpace(w.Body.String()) != otp || otp == "" {
		t.Errorf("otp %q, shown %q", otp, w.Body)
	}
}

func TestStatementAndBalance(t *testing.T) {
	s, ask := newServer(t, 100, Options{PageSize: 7})
	session := login(t, s, ask)
	at := session["access_token"].(string)
	seen, last := map[string]bool{}, 0.0
	for cursor := ""; ; {
		_, page := ask("GET", "/wallet/statement?from=2026-03-01&to=2026-03-10&cursor="+cursor, at, "")
		for _, r := range page["rows"].([]any) {
			row := r.(map[string]any)
			if seen[row["id"].(string)] || !strings.HasSuffix(row["posted_at"].(string), "+04:00") {
				t.Fatal(row)
			}
			seen[row["id"].(string)] = true
			last = row["balance_after"].(float64)
		}
		if page["next_cursor"] == nil {
			break
		}
		cursor = page["next_cursor"].(string)
	}
	_, balance := ask("GET", "/wallet/balance", at, "")
	if len(seen) != 100 || balance["available"] != last || s.Rows() != 100 {
		t.Errorf("%d rows, balance %v, last %v", len(seen), balance, last)
	}
	if _, p := ask("GET", "/wallet/statement?from=2026-03-01&to=2026-03-01", at, ""); len(p["rows"].([]any)) != 7 {
		t.Error("`to` does not include its day")
	}
	if code, out := ask("POST", "/auth/refresh", "", `{"refresh_token":"`+session["refresh_token"].(string)+`"}`); code != 200 || out["session"] == nil {
		t.Error(code, out)
	}
	if code, _ := ask("POST", "/auth/refresh", "", `{"refresh_token":"`+session["refresh_token"].(string)+`"}`); code != 401 {
		t.Errorf("a refresh token worked twice: %d", code)
	}
	_, catalogue := ask("GET", "/catalog/providers", at, "")
	if len(catalogue["rows"].([]any)) != 3 || catalogue["next_cursor"] != nil {
		t.Error(catalogue)
	}
}

func TestFaultNames(t *testing.T) {
	s, _ := newServer(t, 1, Options{})
	for _, f := range Faults {
		if err := s.SetFault(f, true); err != nil {
			t.Error(err)
		}
	}
	if err := s.SetFault("nonsense", true); err == nil {
		t.Error("an unknown fault was accepted")
	}
}

func BenchmarkStatement(b *testing.B) {
	s, ask := newServer(b, 100_000, Options{TokenLife: 1 << 62})
	at := login(b, s, ask)["access_token"].(string)
	r := httptest.NewRequest("GET", Prefix+"/wallet/statement?from=2026-03-01&to=2026-03-10&cursor="+place{Skip: 5000, AsOf: start.UnixMicro()}.String(), nil)
	r.Header.Set("Authorization", "Bearer "+at)
	for b.Loop() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		b.SetBytes(int64(w.Body.Len()))
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// The expiry fault ends sessions that have worked. One that never works would
// be another fault: a reader that renews would be told that a person must act.
func TestAFreshSessionServesOnce(t *testing.T) {
	s, ask := newServer(t, 10, Options{Faults: []string{"expiry"}, Cooldown: -1})
	token := ""
	for range 4 * expiryEvery {
		token = login(t, s, ask)["access_token"].(string)
		if code, _ := ask("GET", "/wallet/balance", token, ""); code != http.StatusOK {
			t.Fatalf("a fresh session was refused: %d", code)
		}
	}
	for range 2 * expiryEvery {
		ask("GET", "/wallet/balance", token, "")
	}
	if s.Fired("expiry") == 0 {
		t.Error("no session expired: the test proves nothing")
	}
}
