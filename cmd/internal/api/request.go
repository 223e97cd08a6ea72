package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

const (
	maxBody     = 64 << 10         // of a request
	readWithin  = 10 * time.Second // a request's body
	writeWithin = 40 * time.Second // an answer, but for what is streamed
	streaming   = 30 * time.Minute
)

type requestKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

var idOfRequest = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// wrapped is everything that is the same for all requests, from the outside in.
func (a *API) wrapped() http.Handler {
	pack, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.EnableZstd(true), gzhttp.ExceptContentTypes([]string{"application/vnd.apache.parquet"}))
	if err != nil {
		panic(err) // the options are constants
	}
	return a.numbered(a.headed(pack(a.surviving(a.bounded(a.guarded(a.routed()))))))
}

// numbered gives every request an id: its sender's, or a new one.
func (a *API) numbered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !idOfRequest.MatchString(id) {
			id = rand.Text()
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, id)))
	})
}

// headed tells browsers to do nothing with an answer but read it.
func (a *API) headed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "private, no-cache")
		h.Add("Vary", "Authorization, Cookie")
		if a.TLS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// bounded bounds how long a request may take and how large it may be.
func (a *API) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		within := writeWithin
		if strings.HasPrefix(r.URL.Path, "/v1/exports/") || r.URL.Path == "/v1/verify" {
			within = streaming
		}
		now, control := a.Now(), http.NewResponseController(w)
		_ = control.SetWriteDeadline(now.Add(within + 5*time.Second)) // a writer without deadlines is a test's
		if !a.readBody(w, r, control) {
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), within)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// readBody takes a request's body in before anything else, so that its deadline
// ends with it: one that passes later would end the request itself.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, control *http.ResponseController) bool {
	if r.Body == nil || r.ContentLength == 0 {
		return true
	}
	_ = control.SetReadDeadline(a.Now().Add(readWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_ = control.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "the body is larger than 64 KiB")
	case err != nil:
		refuse(w, http.StatusBadRequest, "the body did not arrive")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil
}

// routed finds the operation, and answers with a problem where there is none.
func (a *API) routed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := a.mux.Handler(r)
		if pattern != "" {
			a.mux.ServeHTTP(w, r)
			return
		}
		probe := &statusOf{header: http.Header{}}
		h.ServeHTTP(probe, r)
		if probe.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", probe.header.Get("Allow"))
			refuse(w, http.StatusMethodNotAllowed, "this address is not for "+r.Method+"; see the header Allow")
			return
		}
		refuse(w, http.StatusNotFound, "there is nothing at this address; /docs lists what there is")
	})
}

// statusOf keeps an answer's status and headers, and nothing else.
type statusOf struct {
	header http.Header
	status int
}

func (s *statusOf) Header() http.Header         { return s.header }
func (s *statusOf) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOf) WriteHeader(status int)      { s.status = status }
