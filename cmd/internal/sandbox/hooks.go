// A receiver of webhooks, to try them with: it verifies what it gets and can be
// told to fail.

package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paylake/paylake/sinks/webhook"
)

// Hook is how one receiver behaves. PUT it to /sandbox/hooks/NAME.
type Hook struct {
	Secrets []string `json:"secrets"`          // whsec_…; several while rotating; none: nothing holds
	Form    string   `json:"form"`             // standard or mpay; empty: standard
	Fail    int      `json:"fail,omitempty"`   // so many messages are refused, then taken again; -1: all
	Status  int      `json:"status,omitempty"` // with this status; 0: 503
	Delay   string   `json:"delay,omitempty"`  // before every answer, such as 2s
}

// HookMessage is what a receiver remembers of one message.
type HookMessage struct {
	ID       string          `json:"id"`       // the idempotency key
	Times    int             `json:"times"`    // how often it came
	Taken    bool            `json:"taken"`    // answered with 2xx
	Verified bool            `json:"verified"` // every time
	Error    string          `json:"error,omitempty"`
	Body     json.RawMessage `json:"body"`
}

const (
	maxHookBody     = 256 << 10
	maxHookMessages = 100_000
)

// hooks are the receivers.
type hooks struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]*hook
}

type hook struct {
	Hook
	got   map[string]*HookMessage
	order []string
}

// routes adds the receivers' addresses.
func (s *hooks) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /sandbox/hooks/{name}", s.receive)
	mux.HandleFunc("PUT /sandbox/hooks/{name}", s.configure)
	mux.HandleFunc("GET /sandbox/hooks/{name}", s.list)
}

// of finds a receiver, and makes it; s.mu is held.
func (s *hooks) of(name string) *hook {
	if s.all == nil {
		s.all = map[string]*hook{}
	}
	if s.all[name] == nil {
		s.all[name] = &hook{got: map[string]*HookMessage{}}
	}
	return s.all[name]
}

func (s *hooks) configure(w http.ResponseWriter, r *http.Request) {
	var h Hook
	if err := json.NewDecoder(io.LimitReader(r.Body, maxHookBody)).Decode(&h); err != nil {
		http.Error(w, "this is not the JSON of a receiver: "+err.Error(), http.StatusBadRequest)
		return
	}
	if _, err := time.ParseDuration(h.Delay); h.Delay != "" && err != nil {
		http.Error(w, "delay is not a duration; write it as 2s", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(r.PathValue("name")).Hook = h
	w.WriteHeader(http.StatusNoContent)
}

func (s *hooks) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHookBody))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	status, delay := s.judge(r.PathValue("name"), r.Header, body)
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	}
	w.WriteHeader(status)
}

// judge verifies a message, remembers it and says how it is answered.
func (s *hooks) judge(name string, header http.Header, body []byte) (status int, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.of(name)
	delay, _ = time.ParseDuration(h.Delay)
	form := webhook.Form(h.Form)
	if form == "" {
		form = webhook.FormStandard
	}
	var secrets []webhook.Secret
	for _, text := range h.Secrets {
		if one, err := webhook.ParseSecret(strings.TrimSpace(text)); err == nil {
			secrets = append(secrets, one)
		}
	}
	err := webhook.Verify(form, header, body, secrets, s.now())
	m := h.remember(body, err)
	switch {
	case err != nil:
		return http.StatusUnauthorized, delay
	case h.Fail != 0:
		h.Fail = max(h.Fail-1, -1)
		if h.Status != 0 {
			return h.Status, delay
		}
		return http.StatusServiceUnavailable, delay
	}
	m.Taken = true
	return http.StatusNoContent, delay
}

func (h *hook) remember(body []byte, err error) *HookMessage {
	var head struct {
		ID string `json:"idempotency_key"`
	}
	_ = json.Unmarshal(body, &head) // what is no JSON has no id
	m := h.got[head.ID]
	if m == nil {
		m = &HookMessage{ID: head.ID, Verified: true}
		if json.Valid(body) {
			m.Body = slices.Clone(body)
		}
		if len(h.order) < maxHookMessages {
			h.got[head.ID], h.order = m, append(h.order, head.ID)
		}
	}
	m.Times++
	if err != nil {
		m.Verified, m.Error = false, err.Error()
	}
	return m
}

func (s *hooks) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	h := s.of(r.PathValue("name"))
	out := make([]HookMessage, 0, len(h.order))
	for _, id := range h.order {
		out = append(out, *h.got[id])
	}
	s.mu.Unlock()
	writeJSON(w, out)
}
