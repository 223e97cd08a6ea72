//go:build browser

package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/paylake/paylake/cmd/internal/problem"
)

type fields = map[string]any

// fake answers in the API's shape with what the real one would need a bad day
// for: huge amounts, many pages, refusals.
type fake struct {
	mu     sync.Mutex
	scopes []string
	signed bool
	broken map[string]int // status by path
	slow   time.Duration
	posts  []string // method, path and body of what changed something
	draft  string   // the state of the one payment
}

const csrf = "c5rf"

func newFake(scopes ...string) *fake {
	return &fake{scopes: scopes, broken: map[string]int{}, draft: "draft"}
}

func (f *fake) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", Handler())
	mux.HandleFunc("/session", f.session)
	mux.HandleFunc("/v1/", f.api)
	return mux
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) session(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.Method {
	case http.MethodPost:
		var body struct{ Key string }
		if json.NewDecoder(r.Body).Decode(&body) != nil || body.Key != "plk_good" {
			problem.Write(w, http.StatusUnauthorized, "this key is not known")
			return
		}
		f.signed = true
		w.WriteHeader(http.StatusNoContent)
	case http.MethodDelete:
		f.signed = false
		w.WriteHeader(http.StatusNoContent)
	default:
		if !f.signed {
			problem.Write(w, http.StatusUnauthorized, "sign in")
			return
		}
		send(w, fields{"name": "auditor", "scopes": f.scopes, "wallets": nil, "csrf": csrf})
	}
}

func send(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func (f *fake) api(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	slow, status, signed := f.slow, f.broken[r.URL.Path], f.signed
	f.mu.Unlock()
	time.Sleep(slow)
	switch {
	case !signed:
		problem.Write(w, http.StatusUnauthorized, "the session has ended")
	case status != 0:
		problem.Write(w, status, "the warehouse <b>is</b> busy; try again")
	case r.Method == http.MethodPost:
		f.post(w, r)
	default:
		f.list(w, r)
	}
}

func (f *fake) post(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-CSRF-Token") != csrf {
		problem.Write(w, http.StatusForbidden, "the token is missing")
		return
	}
	var body json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&body)
	f.set(func() {
		f.posts = append(f.posts, r.URL.Path+" "+string(body))
		if strings.HasSuffix(r.URL.Path, "/approve") {
			f.draft = "approved"
		}
	})
	if r.URL.Path == "/v1/verify" {
		send(w, fields{"url": "file:///lake", "manifests": 3, "rows": "9007199254740993", "findings": []any{}})
		return
	}
	send(w, fields{"queued": 2})
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	answer := fields{"data": []fields{}, "snapshot": 42}
	switch r.URL.Path {
	case "/v1/wallets":
		answer["data"] = []fields{{"wallet_id": "wlt_441b"}, {"wallet_id": "wlt_9c02"}}
	case "/v1/spend":
		answer["data"] = spendRows(q.Get("group_by"), q.Get("currency"))
	case "/v1/ledger":
		answer["data"] = []fields{ledgerRow(len(q.Get("cursor")), q.Get("provider_code"))}
		if q.Get("cursor") == "" {
			answer["next_cursor"] = "more"
		}
	case "/v1/status":
		answer = fields{"pipelines": []fields{{"pipeline": "psp_operations", "source": "psp", "table": "operations", "rows": 3, "quarantine": fields{"rows": 1, "totals": []fields{{"currency": "AZN", "rows": 1, "amount_minor": "-75000000"}}}}}, "followers": []fields{}, "running": []fields{{"pipeline": "psp_operations", "rows": 1234567, "started_at": "2026-03-01T00:00:00Z"}}}
	case "/v1/intents":
		answer["data"] = []fields{{"payment_id": "pl_1", "provider_code": "azersu", "amount_minor": "125000", "currency": "AZN", "key": "bill 7", "maker": "leyla", "status": f.draft, "fingerprint": "f1"}}
	case "/v1/quarantine":
		answer["data"] = []fields{{"id": "q1", "reason": "amount_scale", "field": "amount", "source": "bank", "table": "bank_entries", "first_seen": "2026-03-01T00:00:00.000000Z"}}
	}
	send(w, answer)
}

func spendRows(by, currency string) (rows []fields) {
	for _, c := range []string{"AZN", "JPY"} {
		if currency != "" && currency != c {
			continue
		}
		for i := range 3 {
			row := fields{"currency": c, "entries": 10, "spend_minor": "9007199254740993", "refunds_minor": "100", "net_minor": "9007199254740893"}
			switch {
			case strings.HasPrefix(by, "provider"):
				row["provider_code"], row["provider_name"], row["source"] = fmt.Sprint("p", i), "<img src=x onerror=alert(1)> "+fmt.Sprint(i), []string{"mpay", "psp", "bank"}[i]
			case by == "category":
				row["category"] = []string{"utilities", "mobile", ""}[i]
			default:
				row["business_date"] = fmt.Sprintf("2026-03-%02d", i+1)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func ledgerRow(i int, provider string) fields {
	return fields{"posted_at": "2026-03-31T20:30:00.123456Z", "type": "bill_pay", "provider_code": provider, "category": "utilities", "amount_minor": "-9007199254740993", "currency": "AZN", "status": "posted", "wallet_id": "wlt_441b", "entry_id": fmt.Sprint("e", i), "snapshot": 7}
}
