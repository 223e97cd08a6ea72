// Package callbacks receives what upstreams send by themselves: a delivery is
// judged, stored durably and only then answered with 200; whatever it means is
// somebody else's work, later.
package callbacks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/paylake/paylake/cmd/internal/problem"
	"github.com/paylake/paylake/pipeline/state"
)

// Errors of judges, by what the sender is told.
var (
	ErrMalformed = errors.New("malformed")        // 400: not the protocol, or not signed with a live secret
	ErrContent   = errors.New("cannot be used")   // 422: signed, and yet about something else or unreadable
	ErrTooMany   = errors.New("too many of them") // 429: hints that nobody signed
	ErrTooLarge  = errors.New("too large")        // 413: larger than this source's may be
)

// Verdict is what a judge says about a delivery that it accepts.
type Verdict struct {
	Kind    string // what it is about
	Variant string // how it was signed
}

// Judge decides whether a delivery is accepted. It must not block and must not
// change anything. Its errors are told to the sender: they quote nothing of the
// body. One wraps ErrMalformed, ErrContent, ErrTooMany or ErrTooLarge.
type Judge func(h http.Header, body []byte) (Verdict, error)

// Options say what is received and where it goes.
type Options struct {
	Judges map[string]Judge // by the path's last two parts: flashpay/psp
	// Store makes deliveries outlive a power cut; fresh says which are new.
	Store func(ctx context.Context, list []state.Delivery) (fresh []bool, err error)
	Wake  func() // called after something new was stored
	Now   func() time.Time
	Log   *slog.Logger
	// MaxBody is the most bytes of one body.
	MaxBody int64
}

// patience bounds the reading of a body and the storing of a delivery: senders
// want an answer within 3 s.
const patience = 2500 * time.Millisecond

// Handler serves /callbacks/. Run must be running.
type Handler struct {
	o     Options
	queue chan *waiting
}

// New returns a handler.
func New(o Options) *Handler {
	return &Handler{o: o, queue: make(chan *waiting, 4*most)}
}

// ServeHTTP answers POST /callbacks/<type>/<source>.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	source, judge := h.judge(r.URL.Path)
	switch {
	case judge == nil:
		problem.Write(w, http.StatusNotFound, "no source of that type and name receives callbacks here; the configuration names them")
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		problem.Write(w, http.StatusMethodNotAllowed, "callbacks are delivered with POST")
		return
	case r.Header.Get("Content-Encoding") != "" && r.Header.Get("Content-Encoding") != "identity":
		problem.Write(w, http.StatusUnsupportedMediaType, "send the body as it is, without Content-Encoding")
		return
	}
	body, err := h.body(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	verdict, err := judge(r.Header, body)
	if err != nil {
		h.o.Log.Warn("callback refused", "source", source, "err", err)
		refuse(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	err = h.store(ctx, state.Delivery{Source: source, Kind: verdict.Kind, Variant: verdict.Variant, ReceivedAt: h.o.Now(), Body: body})
	if err != nil {
		h.o.Log.Error("callback not stored", "source", source, "err", err)
		problem.Write(w, http.StatusInternalServerError, "it could not be stored; send it again")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"status":"ok"}`+"\n")
}

func (h *Handler) judge(path string) (source string, judge Judge) {
	const prefix = "/callbacks/"
	if len(path) < len(prefix) {
		return "", nil
	}
	name := path[len(prefix):]
	judge = h.o.Judges[name]
	for i := range name {
		if name[i] == '/' {
			return name[i+1:], judge
		}
	}
	return "", nil
}

var errTooLarge = fmt.Errorf("the body is larger than a callback may be (%w)", ErrTooLarge)

func (h *Handler) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	_ = http.NewResponseController(w).SetReadDeadline(h.o.Now().Add(patience)) // a recorder has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.o.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, errTooLarge
	case err != nil:
		return nil, fmt.Errorf("the body did not arrive whole, or not in time (%w)", ErrMalformed)
	}
	return body, nil
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrContent):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, ErrTooMany):
		status = http.StatusTooManyRequests
	}
	problem.Write(w, status, err.Error())
}
