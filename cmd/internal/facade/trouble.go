package facade

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/paylake/paylake/sources/mpay"
)

// trouble is an answer that is none: an RFC 9457 problem that carries the
// façade's own words, error and hint, beside.
type trouble struct {
	status int
	word   string // `error`
	detail string
	after  time.Duration // Retry-After
	more   map[string]any
}

func (t trouble) Error() string { return t.word + ": " + t.detail }

func (t trouble) write(w http.ResponseWriter) {
	body := map[string]any{"type": "about:blank", "title": http.StatusText(t.status), "status": t.status, "detail": t.detail, "error": t.word}
	maps.Copy(body, t.more)
	if t.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(t.after.Seconds()))))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(t.status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}

// fail answers with an error; what is not meant for clients goes to the log.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var t trouble
	switch {
	case errors.As(err, &t):
	case r.Context().Err() != nil, errors.Is(err, context.Canceled):
		return
	default:
		if wait, transient := mpay.Cooling(err); transient {
			t = trouble{status: http.StatusTooManyRequests, word: "cooling_down", detail: "not now; try again later", after: max(wait, time.Second)}
			break
		}
		s.Log.Warn("façade could not answer", "part", r.URL.Path, "err", err)
		t = trouble{status: http.StatusServiceUnavailable, word: "unavailable", detail: "this cannot be answered at the moment; try again", after: 5 * time.Second}
	}
	t.write(w)
}

func bad(detail string) trouble {
	return trouble{status: http.StatusBadRequest, word: "bad_request", detail: detail}
}

// answer writes JSON that nobody on the way may keep.
func answer(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
	return nil
}
