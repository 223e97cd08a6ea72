package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/webhook"
)

// The receiver takes what is signed, refuses what is not, and fails when told
// to; it remembers all of it.
func TestHooks(t *testing.T) {
	mux := http.NewServeMux()
	(&hooks{now: time.Now}).routes(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	secret := webhook.NewSecret()
	call := func(method, name, body string, header http.Header) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/sandbox/hooks/"+name, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if header != nil {
			req.Header = header
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	body := `{"idempotency_key":"evt_1"}`
	signed := func(f webhook.Form, s webhook.Secret) http.Header {
		h, err := webhook.Sign(f, []webhook.Secret{s}, "evt_1", time.Now(), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for _, bad := range []string{"{", `{"delay": "soon"}`} {
		if code := call(http.MethodPut, "crm", bad, nil); code != 400 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	if code := call(http.MethodPut, "crm", `{"secrets":["`+secret.Reveal()+`"],"fail":1}`, nil); code != 204 {
		t.Fatal(code)
	}
	for i, want := range []int{503, 204, 401} {
		s := secret
		if i == 2 {
			s = webhook.NewSecret()
		}
		if code := call(http.MethodPost, "crm", body, signed(webhook.FormStandard, s)); code != want {
			t.Errorf("message %d: %d", i, code)
		}
	}
	call(http.MethodPut, "erp", `{"secrets":["`+secret.Reveal()+`"],"form":"mpay","fail":-1,"status":410}`, nil)
	for range 2 {
		if code := call(http.MethodPost, "erp", body, signed(webhook.FormMPAY, secret)); code != 410 {
			t.Error(code)
		}
	}
	res, err := server.Client().Get(server.URL + "/sandbox/hooks/crm")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got []HookMessage
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil || len(got) != 1 || got[0].ID != "evt_1" || got[0].Times != 3 || !got[0].Taken || got[0].Verified {
		t.Errorf("%+v %v", got, err)
	}
}
