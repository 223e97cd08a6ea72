// Package ui is the dashboard: files that a browser asks for, all of them
// inside the binary. It holds no data and knows no session; its scripts ask
// the product API like any other client, with the cookie of POST /session.
package ui

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/paylake/paylake/cmd/internal/problem"
)

// policy lets the page load what this origin serves and nothing else: neither
// inline script or style, nor another site, nor a frame around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Handler serves the page at / and its files below /assets/. It says a problem
// where they cannot be read, which the tests would have seen.
func Handler() http.Handler {
	b, err := newBundle()
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			problem.Write(w, http.StatusInternalServerError, "the dashboard cannot be read")
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, b.page, "no-cache") // it names the files of this release
	})
	mux.HandleFunc("GET /assets/{bundle}/{name...}", b.file)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		guard(w.Header())
		problem.Write(w, http.StatusNotFound, "there is nothing at this address")
	})
	return mux
}

func (b *bundle) file(w http.ResponseWriter, r *http.Request) {
	a, known := b.files[r.PathValue("name")]
	if !known || r.PathValue("bundle") != b.name {
		guard(w.Header())
		problem.Write(w, http.StatusNotFound, "this release of the dashboard has no such file; load the page again")
		return
	}
	serve(w, r, a, "public, max-age=31536000, immutable")
}

func guard(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func serve(w http.ResponseWriter, r *http.Request, a asset, keep string) {
	h := w.Header()
	guard(h)
	h.Set("Cache-Control", keep)
	h.Set("Vary", "Accept-Encoding")
	body, etag := a.plain, a.etag
	if len(a.zipped) > 0 && takesGzip(r.Header.Get("Accept-Encoding")) {
		body, etag = a.zipped, strings.TrimSuffix(etag, `"`)+`-gz"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", etag)
	if has(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client went away
	}
}

// takesGzip says whether gzip is named and not refused (q=0).
func takesGzip(accept string) bool {
	for one := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(one, ";")
		coding = strings.TrimSpace(coding)
		if coding != "gzip" && coding != "*" {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		return err != nil || q > 0
	}
	return false
}

func has(list, etag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
			return true
		}
	}
	return false
}
