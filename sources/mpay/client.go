package mpay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/sources"
)

// maxBody is the cap on one answer.
const maxBody = 32 << 20

// largeBody is how much is read before room is made for the largest answer.
const largeBody = 8 << 20

// request is one question to the façade.
type request struct {
	method, path string
	query        url.Values
	bearer       string
	body         []byte        // JSON
	what         string        // for messages
	into         *bytes.Buffer // used for the answer's body; a new one when nil
}

// response is a whole answer.
type response struct {
	status int
	header http.Header
	body   []byte
}

func (r *response) close() { r.body = nil }

// send asks and reads the whole answer. Every error is ErrTransient, ErrShape
// (a body over the cap) or the context's own.
func (u *Upstream) send(ctx context.Context, r request) (*response, error) {
	if err := u.await(ctx); err != nil {
		return nil, err
	}
	target := u.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(r.body))
	if err != nil {
		return nil, sources.Errorf(sources.ErrShape, "%s: the address cannot be used", r.what)
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	resp, err := u.client.Do(req)
	if err != nil {
		return nil, unreachable(ctx, r.what, err)
	}
	defer resp.Body.Close()
	return readBody(ctx, r, resp)
}

func (u *Upstream) await(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if u.cfg.Limiter == nil {
		return nil
	}
	if err := u.cfg.Limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("rate limit: %w", context.DeadlineExceeded)
	}
	return nil
}

// unreachable drops the address from a transport's error: its query is long,
// and the caller names the source.
func unreachable(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &sources.Transient{Err: fmt.Errorf("%s: upstream out of reach: %w", what, err)}
}

func readBody(ctx context.Context, r request, resp *http.Response) (*response, error) {
	buf := r.into
	if buf == nil {
		buf = &bytes.Buffer{}
	}
	buf.Reset()
	if n := resp.ContentLength; n > 0 && n <= maxBody {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, largeBody))
	if err == nil && n == largeBody { // doubling goes on for ever; this is the last step
		buf.Grow(maxBody + 1 - largeBody + bytes.MinRead)
		var more int64
		more, err = buf.ReadFrom(io.LimitReader(resp.Body, maxBody+1-largeBody))
		n += more
	}
	if err != nil {
		return nil, unreachable(ctx, r.what, err)
	}
	if n > maxBody {
		return nil, sources.Errorf(sources.ErrShape, "%s: the answer is larger than %d MiB", r.what, maxBody>>20)
	}
	return &response{status: resp.StatusCode, header: resp.Header, body: buf.Bytes()}, nil
}

// refusal turns a status that is not success into an error.
func (u *Upstream) refusal(r *response, what string) error {
	switch {
	case r.status == http.StatusRequestTimeout, r.status == http.StatusTooEarly,
		r.status == http.StatusTooManyRequests, r.status >= 500:
		return &sources.Transient{After: u.retryAfter(r), Err: fmt.Errorf("%s: the upstream answered %d", what, r.status)}
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return sources.Errorf(sources.ErrAuth, "%s: the upstream answered %d", what, r.status)
	case r.status == http.StatusNotFound:
		return sources.Errorf(sources.ErrShape, "%s: the upstream answered 404; check the source's url", what)
	default:
		return sources.Errorf(sources.ErrShape, "%s: the upstream answered %d", what, r.status)
	}
}

// retryAfter reads Retry-After as seconds or as a date; 0 when absent or past.
func (u *Upstream) retryAfter(r *response) time.Duration {
	v := strings.TrimSpace(r.header.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 {
		return time.Duration(min(s, 86400) * float64(time.Second))
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return max(at.Sub(u.serverNow(r)), 0)
}

// serverNow is the upstream's clock, where it shows it.
func (u *Upstream) serverNow(r *response) time.Time {
	if at, err := http.ParseTime(r.header.Get("Date")); err == nil {
		return at
	}
	return u.cfg.Now()
}
