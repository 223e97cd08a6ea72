package s3test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Proxy stands before the server, changes each request and signs it again, as a
// gateway of somebody else would; it returns its endpoint. It is how a store
// that is worse than the real one is played.
func (s *Server) Proxy(t testing.TB, change func(*http.Request)) (endpoint string) {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	front := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = target.Host
		change(r.Out)
		s.sign(t, r.Out)
	}})
	t.Cleanup(func() { front.Close(); transport.CloseIdleConnections() })
	return front.URL
}

func (s *Server) sign(t testing.TB, r *http.Request) {
	r.Header.Del("Authorization")
	keys := aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.SecretKey}
	err := v4.NewSigner().SignHTTP(r.Context(), keys, r, r.Header.Get("X-Amz-Content-Sha256"), "s3", "us-east-1", time.Now(),
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err != nil {
		t.Errorf("sign for the server behind the proxy: %v", err)
	}
}
