// Telling: the sandbox delivers its callbacks to a paylake.

package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Told is what became of the deliveries of one kind.
type Told struct {
	Kind   string `json:"kind"`
	Sent   int    `json:"sent"`
	Taken  int    `json:"taken"`            // answered with 2xx
	Answer string `json:"answer,omitempty"` // of one that was not taken
}

// answerWithin is how long a receiver may take.
const answerWithin = 3 * time.Second

// Tell delivers all callbacks to the paylake at an origin
// (http://127.0.0.1:8080), one after the other. When every one was taken, the
// truth counts what they say. It fails for an origin that is none; what
// receivers refuse is in the result.
func (w *World) Tell(ctx context.Context, origin string) ([]Told, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("sandbox: to is not an address such as http://127.0.0.1:8080")
	}
	client, out, refused := &http.Client{Timeout: answerWithin}, []Told{}, false
	defer client.CloseIdleConnections()
	for _, c := range w.Callbacks() {
		if n := len(out); n == 0 || out[n-1].Kind != c.Kind {
			out = append(out, Told{Kind: c.Kind})
		}
		t := &out[len(out)-1]
		t.Sent++
		if answer := w.deliver(ctx, client, strings.TrimSuffix(origin, "/"), c); answer != "" {
			t.Answer, refused = answer, true
			continue
		}
		t.Taken++
	}
	if !refused {
		w.told.Store(true)
	}
	return out, nil
}

// deliver returns the answer to a callback that was not taken.
func (w *World) deliver(ctx context.Context, client *http.Client, origin string, c Callback) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, origin+c.Path, bytes.NewReader(c.Body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Kind == CallbackSettlement {
		req.Header.Set("MPAY-Signature", signSettlement(w.now(), c.Body))
	}
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
	if resp.StatusCode/100 != 2 {
		return resp.Status + " " + string(said)
	}
	return ""
}

// signSettlement is the header of a body that goes out at an instant.
func signSettlement(at time.Time, body []byte) string {
	m := hmac.New(sha256.New, []byte(WebhookSecret))
	fmt.Fprintf(m, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%x", at.Unix(), m.Sum(nil))
}

// tell serves POST /sandbox/callbacks?to=http://127.0.0.1:8080.
func (d *desk) tell(w http.ResponseWriter, r *http.Request) {
	told, err := d.world.Tell(r.Context(), r.URL.Query().Get("to"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, told)
}
