package ui

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var address = regexp.MustCompile(`(?:href|src)="([^"]+)"`)

// named are the files that the page names.
func named(t *testing.T, h http.Handler) (all []string) {
	t.Helper()
	page := ask(h, "GET", "/")
	if page.Code != http.StatusOK {
		t.Fatal(page.Code)
	}
	for _, m := range address.FindAllStringSubmatch(page.Body.String(), -1) {
		all = append(all, m[1])
	}
	return all
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := Handler()
	for _, target := range append(named(t, h), "/", "/nothing", "/assets/0000000000000000/js/app.js") {
		head := ask(h, "GET", target).Header()
		csp := head.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy lacks %s: %q", target, part, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || head.Get("X-Content-Type-Options") != "nosniff" || head.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", target, head)
		}
	}
}

func TestFilesAreKeptForEverAndThePageIsNot(t *testing.T) {
	h := Handler()
	files := named(t, h)
	if len(files) < 20 {
		t.Fatalf("the page names %d files", len(files))
	}
	for _, target := range files {
		w := ask(h, "GET", target)
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
		if want := kinds[path.Ext(target)]; w.Header().Get("Content-Type") != want {
			t.Errorf("%s: %q, want %q", target, w.Header().Get("Content-Type"), want)
		}
	}
	page := ask(h, "GET", "/")
	if page.Header().Get("Cache-Control") != "no-cache" {
		t.Error(page.Header())
	}
	for _, etag := range []string{page.Header().Get("ETag"), "W/" + page.Header().Get("ETag"), `"other", ` + page.Header().Get("ETag"), "*"} {
		if again := ask(h, "GET", "/", "If-None-Match", etag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: %d", etag, again.Code)
		}
	}
	if other := ask(h, "GET", "/", "If-None-Match", `"other"`); other.Code != http.StatusOK {
		t.Error(other.Code)
	}
}

func TestGzipIsTheSameContent(t *testing.T) {
	h := Handler()
	for _, target := range append(named(t, h), "/") {
		plain := ask(h, "GET", target)
		zipped := ask(h, "GET", target, "Accept-Encoding", "br, gzip")
		if zipped.Header().Get("Content-Encoding") != "gzip" {
			continue // too small
		}
		r, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(body, plain.Body.Bytes()) {
			t.Errorf("%s: not the same (%v)", target, err)
		}
		if zipped.Header().Get("ETag") == plain.Header().Get("ETag") || zipped.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v", target, zipped.Header())
		}
	}
	if w := ask(h, "GET", "/", "Accept-Encoding", "gzip;q=0, identity"); w.Header().Get("Content-Encoding") != "" {
		t.Error("refused gzip was sent")
	}
	if head := ask(h, "HEAD", "/"); head.Code != http.StatusOK || head.Body.Len() != 0 {
		t.Error("HEAD has a body")
	}
	if w := ask(h, "POST", "/"); w.Code == http.StatusOK {
		t.Error("POST / is answered")
	}
}

// A phone on a slow line must be able to open the dashboard.
func TestEverythingIsSmall(t *testing.T) {
	b, err := newBundle()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, a := range b.files {
		total += min(len(a.plain), max(len(a.zipped), 1))
		if len(a.zipped) == 0 {
			total += len(a.plain)
		}
	}
	if total += len(b.page.zipped); total > 500_000 {
		t.Errorf("%d bytes compressed, want at most 500,000", total)
	}
	t.Logf("%d files, %d bytes compressed", len(b.files)+1, total)
}

func TestNothingIsInlineOrFromElsewhere(t *testing.T) {
	b, err := newBundle()
	if err != nil {
		t.Fatal(err)
	}
	page := string(b.page.plain)
	for _, bad := range []string{"<style", " style=", " onclick=", " onload=", "http:", "https:", "{{"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(page) {
		t.Error("the page has an inline script")
	}
	for name, a := range b.files {
		if strings.HasPrefix(name, "vendor/") {
			continue
		}
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "@import", "https://"} {
			if bytes.Contains(a.plain, []byte(bad)) {
				t.Errorf("%s has %q", name, bad)
			}
		}
	}
}

func TestUnknownFilesAreProblems(t *testing.T) {
	h := Handler()
	base := path.Dir(named(t, h)[0])
	for _, target := range []string{"/nothing", "/assets/", base + "/js/nothing.js", base + "/index.html", base + "/vendor/uplot-1.6.32/LICENSE", "/assets/0000000000000000/js/app.js"} {
		if w := ask(h, "GET", target); w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
	}
}

func TestNameFollowsContent(t *testing.T) {
	files := map[string][]byte{"a": []byte("x"), "b": []byte("y")}
	one := nameOf(files)
	files["b"] = []byte("z")
	if nameOf(files) == one || len(one) != 16 {
		t.Error("another content has the same name")
	}
}
