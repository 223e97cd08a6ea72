package main

// What the HTTP API asks of a house that runs.

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/paylake/paylake/cmd/internal/api"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// side is the same house for one request: what it opens for itself does not
// change what runs.
func (h *house) side() *house {
	return &house{p: h.p, cfg: h.cfg, state: h.state, lake: h.lake, log: h.log, store: h.store, permits: h.permits, persons: h.persons}
}

// refused turns what a command says to who typed it into an answer.
func refused(err error) error {
	var f *failure
	switch {
	case errors.Is(err, state.ErrAbsent), errors.Is(err, errNoRow):
		return &api.Refusal{Status: http.StatusNotFound, Detail: "there is no such thing here"}
	case errors.As(err, &f) && f.code == codeUsage:
		return &api.Refusal{Status: http.StatusUnprocessableEntity, Detail: withoutFile(f.Error())}
	}
	return err
}

// withoutFile leaves out where the configuration lies.
func withoutFile(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if strings.HasPrefix(w, "/") {
			words[i] = "the configuration"
		}
	}
	return strings.Join(words, " ")
}

// proofs shows the lake to the API.
type proofs struct{ h *house }

// Manifest implements api.Lake.
func (s proofs) Manifest(ctx context.Context, n int64) (any, error) {
	entry, found := lake.Entry{}, false
	for e, err := range s.h.lake.Manifests(ctx, n) {
		if err != nil {
			return nil, err
		}
		entry, found = e, true
		break
	}
	if !found {
		return nil, &api.Refusal{Status: http.StatusNotFound, Detail: "the lake has no such manifest"}
	}
	return manifestOf(entry), nil
}

// Proof implements api.Lake.
func (s proofs) Proof(ctx context.Context, n int64) ([]byte, error) {
	proof, err := lake.Prove(ctx, s.h.cfg.Lake, n, "")
	if errors.Is(err, lake.ErrRange) {
		return nil, &api.Refusal{Status: http.StatusNotFound, Detail: "the log has no such manifest, or not yet"}
	}
	return proof, err
}

// Verify implements api.Lake.
func (s proofs) Verify(ctx context.Context) (any, error) {
	keys, err := s.h.p.verifierKeys(ctx, "", s.h.cfg.Lake, false)
	if err != nil {
		return nil, err
	}
	r, err := lake.Verify(ctx, s.h.cfg.Lake, lake.VerifyOptions{Keys: keys})
	out := verified{Report: &r}
	if errors.Is(err, sinks.ErrCorrupt) {
		out.Error, err = withoutFile(err.Error()), nil
	}
	return out, err
}

// works shows what runs to the API.
type works struct {
	h    *house
	live *liveRuns
}

// Status implements api.Works.
func (s works) Status(ctx context.Context) (any, error) {
	r, err := s.h.side().status(ctx)
	if err != nil {
		return nil, err
	}
	return struct {
		statusReport
		Running []liveRun `json:"running"`
	}{r, s.live.list()}, nil
}

// Webhooks implements api.Works.
func (s works) Webhooks(ctx context.Context) (any, error) {
	all, err := s.h.state.Webhooks().Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := s.h.state.Webhooks().Counts(ctx)
	shown := []shownEndpoint{}
	for _, e := range all {
		shown = append(shown, showEndpoint(e, counts[e.ID], s.h.p.now()))
	}
	return map[string]any{"data": shown}, err
}

// Redrive implements api.Works.
func (s works) Redrive(ctx context.Context, ids []string, by string) (int, error) {
	h := s.h.side()
	list, err := h.redrivable(ctx, ids, quarantineFilter{})
	if err != nil {
		return 0, refused(err)
	}
	rows, steps := redriveSteps(list)
	if err := h.state.Enqueue(ctx, steps...); err != nil {
		return 0, err
	}
	return rows, h.state.Audit(ctx, state.Act{Actor: "api key " + by, Action: "redrive queued", Reason: strings.Join(ids, " ")})
}

// permissions shows the registry of consents to the API.
type permissions struct{ h *house }

// List implements api.Consents.
func (s permissions) List(ctx context.Context) (any, error) {
	all, err := s.h.state.Consents().List(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.h.p.consentsShown(ctx, s.h.state.Consents(), all)
	return map[string]any{"data": list}, err
}

// Grant implements api.Consents. It is what paylake consent grant does.
func (s permissions) Grant(ctx context.Context, g api.Grant, by string) (any, error) {
	h := s.h.side()
	asked, err := h.grants(ctx, grantFlags{wallets: []string{g.WalletID}, source: g.Source, purposes: g.Purposes, from: g.From, until: g.Until, by: by})
	if err != nil {
		return nil, refused(err)
	}
	made, err := h.state.Consents().Grant(ctx, asked)
	if errors.Is(err, state.ErrOverlap) {
		return nil, &api.Refusal{Status: http.StatusConflict, Detail: "there is a live consent with other terms; revoke it first"}
	}
	if err != nil {
		return nil, err
	}
	return s.changed(ctx, made)
}

// Revoke implements api.Consents. What is committed is hidden before it answers.
func (s permissions) Revoke(ctx context.Context, source, wallet, by, reason string) (any, error) {
	gone, err := s.h.state.Consents().Revoke(ctx, source, wallet, by, reason)
	if err != nil {
		return nil, refused(err)
	}
	return s.changed(ctx, gone)
}

func (s permissions) changed(ctx context.Context, list []state.Consent) (any, error) {
	ch, err := s.h.store.get(ctx)
	if err == nil {
		err = s.h.store.tellPeople(ctx, ch, s.h.state)
	}
	if err != nil { // it stands all the same, and every answer tells the warehouse first
		s.h.p.log.Warn("consent not told to the warehouse yet", "err", err)
	}
	shown, err := s.h.p.consentsShown(ctx, s.h.state.Consents(), list)
	return map[string]any{"data": shown}, err
}

// currencies are all, by code.
func currencies() (out []api.Currency) {
	for code, digits := range schemas.Currencies() {
		out = append(out, api.Currency{Code: code, Digits: digits})
	}
	slices.SortFunc(out, func(a, b api.Currency) int { return strings.Compare(a.Code, b.Code) })
	return out
}
