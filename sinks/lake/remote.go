package lake

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
)

// Remote is how another program reads one file of the lake over HTTP: GET with
// exactly these headers. Whoever has it can read this file, and nothing else,
// for the quarter of an hour that S3 allows a signature; the headers are
// therefore as secret as the file.
type Remote struct {
	URL    string
	Header map[string]string
}

// unsignedPayload stands for the empty body of a GET in a signature.
const unsignedPayload = "UNSIGNED-PAYLOAD"

// Remote signs a read of one file. ok is false where that is not known to work,
// and the file has to be sent instead.
//
// BUG(lake): gs:// and azblob:// are not signed for: there is no server here to
// try it on. Their objects are read by paylake and sent to ClickHouse.
func (l *Lake) Remote(ctx context.Context, path string) (r Remote, ok bool, err error) {
	c, ok := l.bucket.(cloudBucket)
	var client *s3.Client
	if !ok || !c.b.As(&client) {
		return Remote{}, false, nil
	}
	at, err := objectURL(ctx, c.b, path)
	if err != nil {
		return Remote{}, false, cloudError("sign", path, err)
	}
	o := client.Options()
	if o.Credentials == nil {
		return Remote{URL: at.String()}, true, nil // a public bucket
	}
	keys, err := o.Credentials.Retrieve(ctx)
	if err != nil {
		return Remote{}, false, cloudError("sign", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return Remote{}, false, fmt.Errorf("sign %s: %w", path, err)
	}
	req.Header.Set("X-Amz-Content-Sha256", unsignedPayload)
	err = v4.NewSigner().SignHTTP(ctx, keys, req, unsignedPayload, "s3", o.Region, l.opts.Now().UTC(),
		func(s *v4.SignerOptions) { s.DisableURIPathEscaping = true })
	if err != nil {
		return Remote{}, false, fmt.Errorf("sign %s: %w", path, err)
	}
	r = Remote{URL: at.String(), Header: map[string]string{}}
	for name := range req.Header {
		r.Header[name] = req.Header.Get(name)
	}
	return r, true, nil
}

// objectURL is where an object lies: what the driver would sign, without its
// signature.
func objectURL(ctx context.Context, b *blob.Bucket, key string) (*url.URL, error) {
	signed, err := b.SignedURL(ctx, key, &blob.SignedURLOptions{Method: http.MethodGet, Expiry: time.Minute})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(signed)
	if err != nil {
		return nil, err
	}
	u.RawQuery = ""
	return u, nil
}

// FullPath names a file of the lake for people: a path, or a URL without its
// parameters.
func (l *Lake) FullPath(path string) string { return l.full(path) }
