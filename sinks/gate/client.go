package gate

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Signer signs requests and verifies answers with the secrets of a project.
type Signer interface {
	// Sign returns the signature of a JSON object.
	Sign(body []byte) (string, error)
	// Verify checks the signature that a JSON object carries.
	Verify(body []byte) error
}

// Client talks to one project's Gate. It implements Platform.
type Client struct {
	base      string
	projectID int64
	signer    Signer
	now       func() time.Time
	http      *http.Client
}

const (
	saleMbank     = "/v2/payment/wallet/mbank/sale"
	clarification = "/v2/payment/clarification"
	statusPath    = "/v2/payment/status"

	maxAnswer   = 1 << 20
	dialWithin  = 10 * time.Second
	replyWithin = 30 * time.Second
)

// NewClient returns a client for a Gate at an address such as
// https://gateway.example.
func NewClient(base string, projectID int64, signer Signer, now func() time.Time) *Client {
	// A connection for each request: what is sent over a new one is sent once, and
	// where none came about nothing was sent. HTTP/2 and idle connections make the
	// transport send again by itself.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, DisableCompression: true, TLSHandshakeTimeout: dialWithin,
		ResponseHeaderTimeout: replyWithin, MaxResponseHeaderBytes: 64 << 10, Protocols: new(http.Protocols),
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	transport.Protocols.SetHTTP1(true)
	return &Client{base: strings.TrimRight(base, "/"), projectID: projectID, signer: signer, now: now, http: &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Sale implements Platform.
func (c *Client) Sale(ctx context.Context, body []byte) Reply {
	signed, err := c.sign(body)
	if err != nil {
		return Reply{Kind: NotSent, Why: err.Error()}
	}
	a, err := c.post(ctx, saleMbank, signed)
	if err != nil {
		return a.failed(err)
	}
	return a.reply(c.projectID)
}

// Clarify implements Platform.
func (c *Client) Clarify(ctx context.Context, paymentID, code string) Reply {
	body, err := json.Marshal(struct {
		General general `json:"general"`
		Data    struct {
			Code string `json:"approval_code"`
		} `json:"additional_data"`
	}{general{c.projectID, paymentID}, struct {
		Code string `json:"approval_code"`
	}{code}})
	if err == nil {
		body, err = c.sign(body)
	}
	if err != nil {
		return Reply{Kind: NotSent, Why: err.Error()}
	}
	a, err := c.post(ctx, clarification, body)
	if err != nil {
		return a.failed(err)
	}
	if a.status == http.StatusOK && (len(a.body) == 0 || !a.saysError()) {
		return Reply{Kind: Taken}
	}
	return a.reply(c.projectID).without(code)
}

// Status implements Platform.
func (c *Client) Status(ctx context.Context, paymentID string) (Evidence, error) {
	body, err := json.Marshal(struct {
		General general `json:"general"`
	}{general{c.projectID, paymentID}})
	if err == nil {
		body, err = c.sign(body)
	}
	if err != nil {
		return Evidence{}, err
	}
	a, err := c.post(ctx, statusPath, body)
	if err != nil {
		return Evidence{}, fmt.Errorf("ask for %s: %w", paymentID, err)
	}
	e, err := a.evidence(c.projectID, paymentID, c.signer, c.now())
	if err != nil {
		return Evidence{}, fmt.Errorf("ask for %s: %w", paymentID, err)
	}
	return e, nil
}

// sign puts the signature into the object `general`, which comes first in every
// request of ours and has only plain members.
func (c *Client) sign(body []byte) ([]byte, error) {
	signature, err := c.signer.Sign(body)
	if err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	text, err := json.Marshal(signature)
	if err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	end := bytes.IndexByte(body, '}')
	out := make([]byte, 0, len(body)+len(text)+16)
	out = append(append(out, body[:end]...), `,"signature":`...)
	return append(append(out, text...), body[end:]...), nil
}

// post sends a request once and reads the whole answer. a.connected tells
// whether any byte may have gone out.
func (c *Client) post(ctx context.Context, path string, body []byte) (a answer, err error) {
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return a, errors.New("gate_url is not an address")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.GetBody = nil // nobody sends it twice
	resp, err := c.http.Do(req)
	a.connected = connected.Load()
	if err != nil {
		return a, bare(err)
	}
	defer resp.Body.Close()
	a.status = resp.StatusCode
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)); err != nil {
		return a, fmt.Errorf("the answer did not arrive whole: %w", bare(err))
	}
	if len(a.body) > maxAnswer {
		return a, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	return a, nil
}

// bare is an error without the address that it is about.
func bare(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return fmt.Errorf("no answer: %w", at.Err)
	}
	return err
}
