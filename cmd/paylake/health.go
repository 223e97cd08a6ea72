package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/paylake/paylake/cmd/internal/api"
	"github.com/paylake/paylake/cmd/internal/facade"
	"github.com/paylake/paylake/cmd/internal/problem"
	"github.com/paylake/paylake/cmd/internal/ui"
)

// handler answers /healthz (the process is alive), /readyz (state, lake and
// warehouse can be reached) and /metrics (for Prometheus), receives callbacks,
// and serves the API, the façade and the dashboard. Everything else is an RFC 9457
// problem.
func (h *house) handler(r *receiver, front *api.API) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", h.ready)
	if h.meters != nil {
		mux.Handle("GET /metrics", h.meters.Handler())
	}
	if r != nil {
		mux.Handle("/callbacks/", r.handler)
	}
	mux.Handle(facade.Prefix, h.newFacade())
	for _, path := range front.Paths() {
		mux.Handle(path, front)
	}
	dashboard := ui.Handler()
	mux.Handle("/{$}", dashboard)
	mux.Handle("/assets/", dashboard)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, http.StatusNotFound, "there is nothing at this address")
	})
	return mux
}

const readyPatience = 5 * time.Second

func (h *house) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyPatience)
	defer cancel()
	checks := []struct {
		name string
		ask  func(context.Context) error
	}{
		{"state", h.state.Ping},
		{"lake", func(ctx context.Context) error { _, err := h.lake.Head(ctx); return err }},
		{"warehouse", h.store.ping},
	}
	for _, c := range checks {
		if err := c.ask(ctx); err != nil {
			h.p.log.Debug("not ready", "part", c.name, "err", err)
			problem.Write(w, http.StatusServiceUnavailable, c.name+" is out of reach; the log says why")
			return
		}
	}
	answer(w, http.StatusOK, map[string]string{"status": "ready"})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}
