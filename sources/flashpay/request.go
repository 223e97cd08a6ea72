package flashpay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/paylake/paylake/sources"
)

// query is a request's body. Order and names are the platform's. Balances and
// rates are asked for with token and signature alone.
type query struct {
	Token     string    `json:"token"`
	ProjectID []int64   `json:"project_id,omitempty"`
	Interval  *interval `json:"interval,omitempty"`
	TZ        string    `json:"tz,omitempty"`
	Limit     int       `json:"limit,omitempty"`
	Offset    *int      `json:"offset,omitempty"`
	Fields    []string  `json:"fields,omitempty"`
	Signature string    `json:"signature,omitempty"`
}

// interval is inclusive at both ends, to the second, in the zone of the query.
type interval struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Ping sends the cheapest signed request there is, one row of one second in the
// past, and verifies the answer: it proves reach, token and secret.
func (u *Upstream) Ping(ctx context.Context) error {
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := u.ask(ctx, operationsGet, u.interval(sources.Window{From: at, To: at.Add(time.Second)}), 0, 1)
	return err
}

// ask sends one request for a page and returns its verified answer. Errors wrap
// one of the kinds of package sources or the context's error, and hold no secret.
func (u *Upstream) ask(ctx context.Context, e *endpoint, span interval, offset, limit int) (*answer, error) {
	q := query{Token: u.cfg.Token, ProjectID: []int64{u.cfg.ProjectID}, Interval: &span, TZ: u.zone, Limit: limit, Offset: &offset}
	if e == operationsGet {
		q.Fields = u.cfg.Fields
	}
	a, err := u.exchange(ctx, e, q)
	if err != nil {
		return nil, fmt.Errorf("flashpay %s: %s from %s to %s, offset %d: %w", u.cfg.Name, e.path, span.From, span.To, offset, err)
	}
	return a, nil
}

// exchange has its turn, sends one request and returns the verified answer.
func (u *Upstream) exchange(ctx context.Context, e *endpoint, q query) (*answer, error) {
	body, err := signed(q, []byte(u.cfg.TokenSecret))
	if err != nil {
		return nil, err
	}
	select {
	case u.turn <- struct{}{}:
		defer func() { <-u.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	status, header, text, err := u.post(ctx, e, body)
	switch {
	case err != nil:
		return nil, err
	case status != http.StatusOK:
		return nil, u.refused(status, header, text)
	}
	a, err := e.open(text, []byte(u.cfg.TokenSecret))
	if errors.Is(err, errBody) {
		return nil, &sources.Transient{After: retryAfter(header),
			Err: fmt.Errorf("HTTP 200 with an error report%s", u.report(text))}
	}
	if err == nil {
		a.at = u.shownAt(header)
	}
	return a, err
}

// shownAt is the instant of which an answer speaks: its Date, by the platform's
// own clock, or else ours.
func (u *Upstream) shownAt(header http.Header) time.Time {
	if at, err := http.ParseTime(header.Get("Date")); err == nil {
		return at
	}
	return u.cfg.Now()
}

// signed is the request as it goes out: the text that was signed, signature added.
func signed(q query, secret []byte) ([]byte, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	if q.Signature, err = Sign(text, secret); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	return json.Marshal(q)
}

// post returns the whole answer. Its own patience running out is ErrTransient;
// the caller's context ending is the context's error.
func (u *Upstream) post(ctx context.Context, e *endpoint, body []byte) (int, http.Header, []byte, error) {
	limited, cancel := context.WithTimeout(ctx, u.patient)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, u.base+e.path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("write the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := u.client.Do(req)
	if err != nil {
		return 0, nil, nil, unreached(ctx, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, u.maxBody+1))
	switch {
	case err != nil:
		return 0, nil, nil, unreached(ctx, err)
	case int64(len(text)) > u.maxBody:
		return 0, nil, nil, sources.Errorf(sources.ErrShape, "the answer is larger than %d bytes", u.maxBody)
	}
	return resp.StatusCode, resp.Header, text, nil
}

func unreached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err // without the URL
	}
	return &sources.Transient{Err: fmt.Errorf("no answer: %w", err)}
}

// interval is the second-wise, inclusive interval of a half-open window: the
// whole seconds that it touches. Where a clock is set back, a local time means
// two instants: the interval is then widened until its ends mean one, as rows
// that come twice do no harm.
func (u *Upstream) interval(w sources.Window) interval {
	from := w.From.Truncate(time.Second)
	to := w.To.Add(-time.Nanosecond).Truncate(time.Second)
	for u.ambiguous(from) {
		from = from.Add(-30 * time.Minute)
	}
	for u.ambiguous(to) {
		to = to.Add(30 * time.Minute)
	}
	return interval{From: u.local(from), To: u.local(to)}
}

func (u *Upstream) local(t time.Time) string { return t.In(u.cfg.Zone).Format(time.DateTime) }

func (u *Upstream) ambiguous(t time.Time) bool {
	_, here := t.In(u.cfg.Zone).Zone()
	for _, d := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		_, there := t.Add(d).In(u.cfg.Zone).Zone()
		other := t.Add(time.Duration(here-there) * time.Second)
		if here != there && u.local(other) == u.local(t) {
			return true
		}
	}
	return false
}
