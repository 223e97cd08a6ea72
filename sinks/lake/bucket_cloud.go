package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/patience"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/translog"
)

// cloudBucket keeps the contract with a store's own preconditions. No request
// waits for ever: a store that stands still is out of reach.
type cloudBucket struct {
	b     *blob.Bucket
	name  string
	azure bool
	wait  time.Duration // for the next byte of a request; 0: storeWait

	keep *Retention // asked for with every write; nil: not
	now  func() time.Time
}

// storeWait is how long a store may stand still; sendRate is the slowest way to
// it that is not taken for a standstill.
const (
	storeWait = time.Minute
	sendRate  = 128 << 10 // bytes a second
)

func (c cloudBucket) watch(ctx context.Context, bytes int) *patience.Watch {
	wait := c.wait
	if wait <= 0 {
		wait = storeWait
	}
	return patience.Begin(ctx, wait+time.Duration(bytes)*time.Second/sendRate)
}

func (c cloudBucket) Read(ctx context.Context, key string, off, n int64) ([]byte, error) {
	w := c.watch(ctx, 0)
	data, err := c.read(w, key, off, n)
	if err = w.End(err); err != nil {
		return nil, cloudError("read", key, err)
	}
	return data, nil
}

func (c cloudBucket) read(w *patience.Watch, key string, off, n int64) ([]byte, error) {
	r, err := c.b.NewRangeReader(w.Context(), key, off, n, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(w.Reader(r))
}

func (c cloudBucket) Create(ctx context.Context, key string, data []byte) error {
	fault.Point("bucket.writing")
	w := c.watch(ctx, len(data))
	err := w.End(c.create(w.Context(), key, data))
	fault.Point("bucket.written")
	return cloudError("write", key, err)
}

func (c cloudBucket) Replace(ctx context.Context, key string, data []byte) error {
	w := c.watch(ctx, len(data))
	return cloudError("replace", key, w.End(c.put(w.Context(), key, data, blob.WriterOptions{ContentType: contentType(key)})))
}

// put writes a key. To Azure not by WriteAll: that driver (gocloud.dev v0.47.0)
// panics there when a precondition does not hold, in whoever lost a race.
func (c cloudBucket) put(ctx context.Context, key string, data []byte, o blob.WriterOptions) error {
	if c.azure {
		return c.b.Upload(ctx, key, bytes.NewReader(data), c.writing(key, o))
	}
	return c.b.WriteAll(ctx, key, data, c.writing(key, o))
}

// contentType of a key that is replaced: people look at the log's newest
// checkpoint in a browser.
func contentType(key string) string {
	if key == translog.Latest {
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

func (c cloudBucket) List(ctx context.Context, prefix string) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		it := c.b.List(&blob.ListOptions{Prefix: prefix})
		for {
			w := c.watch(ctx, 0)
			o, err := it.Next(w.Context())
			err = w.End(err)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(listed{}, cloudError("list", prefix, err))
				return
			}
			if !yield(listed{o.Key, o.Size}, nil) {
				return
			}
		}
	}
}

func (c cloudBucket) Delete(ctx context.Context, key string) error {
	w := c.watch(ctx, 0)
	return cloudError("delete", key, w.End(c.b.Delete(w.Context(), key)))
}

// storeURL is a lake's URL with what the lake needs of the driver. Parameters
// that the URL has itself stay as they are.
//
// The S3 driver's own checksums are left out on reading: whoever tampers with a
// stored object would be reported as a network fault, and every byte that is
// loaded or verified is compared with its SHA-256 anyway. And an endpoint that is
// an IP address, or localhost, gets path-style requests: a bucket's name cannot
// stand before an address.
func storeURL(u *url.URL) string {
	if u.Scheme != "s3" {
		return u.String()
	}
	q := u.Query()
	if !q.Has("response_checksum_validation") {
		q.Set("response_checksum_validation", "when_required")
	}
	endpoint, err := url.Parse(q.Get("endpoint"))
	if err == nil && !q.Has("use_path_style") && !q.Has("s3ForcePathStyle") {
		if host := endpoint.Hostname(); net.ParseIP(host) != nil || host == "localhost" {
			q.Set("use_path_style", "true")
		}
	}
	with := *u
	with.RawQuery = q.Encode()
	return with.String()
}

// conflicts is how often a write is repeated that S3 answers with "somebody is
// writing this key right now": it has stored nothing, and the other write may
// fail yet, so neither success nor defeat can be reported.
const conflicts = 20

// create writes a key that must not exist.
func (c cloudBucket) create(ctx context.Context, key string, data []byte) error {
	for attempt := 1; ; attempt++ {
		err := c.put(ctx, key, data, blob.WriterOptions{IfNotExist: true, ContentType: "application/octet-stream"})
		if attempt == conflicts || storeCode(err) != "ConditionalRequestConflict" {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt) * 10 * time.Millisecond):
		}
	}
}

// storeCode is an S3 server's own word for an error.
func storeCode(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// cloudError says what a store's error means to the lake, and to a person.
func cloudError(op, key string, err error) error {
	if err == nil {
		return nil
	}
	code := storeCode(err)
	err = terse{err}
	switch {
	case errors.Is(err, patience.ErrStalled):
		return fmt.Errorf("%s %s: the store gives %w; look at the network and at the lake's URL, then run again: %w", op, key, err, sinks.ErrUnavailable)
	case code == "NoSuchBucket", gcerrors.Code(err) == gcerrors.NotFound && (op == "write" || op == "replace"):
		return fmt.Errorf("%s %s: there is no such bucket; create it, or correct the lake's URL: %w", op, key, err)
	case gcerrors.Code(err) == gcerrors.PermissionDenied, keyCodes[code], strings.Contains(err.Error(), "get credentials"):
		return fmt.Errorf("%s %s: the store refuses these credentials; let them list, read and create objects in the bucket, "+
			"and delete below probe/ (for s3:// they come from the usual AWS environment): %w", op, key, err)
	}
	switch gcerrors.Code(err) {
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return fmt.Errorf("%s %s: %w", op, key, errTaken)
	case gcerrors.NotFound:
		return fmt.Errorf("%s %s: %w", op, key, errAbsent)
	case gcerrors.Canceled, gcerrors.DeadlineExceeded:
		return fmt.Errorf("%s %s: %w", op, key, err)
	}
	return fmt.Errorf("%s %s: %w (%w)", op, key, err, sinks.ErrUnavailable)
}

// keyCodes are answers of S3 servers to a key they do not know or a signature
// that does not fit.
var keyCodes = map[string]bool{"InvalidAccessKeyId": true, "SignatureDoesNotMatch": true, "ExpiredToken": true, "InvalidToken": true}

// terse shows what an S3 server said without the driver's frame around it:
// request numbers help nobody who reads one line of a log.
type terse struct{ err error }

func (t terse) Error() string {
	if api, ok := errors.AsType[smithy.APIError](t.err); ok && api.ErrorMessage() != "" {
		return api.ErrorCode() + ": " + strings.TrimSuffix(strings.TrimSpace(api.ErrorMessage()), ".")
	}
	if azure, ok := errors.AsType[*azcore.ResponseError](t.err); ok { // its own text has many lines
		return fmt.Sprintf("%s (HTTP status %d)", azure.ErrorCode, azure.StatusCode)
	}
	text := t.err.Error()
	if i := strings.Index(text, "operation error "); i > 0 {
		text = text[i:]
	}
	return text
}

func (t terse) Unwrap() error { return t.err }
