package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	pageRows  = 1000
	serverKey = "bench-server-key"
)

var (
	baku     = time.FixedZone("Asia/Baku", 4*3600)
	firstDay = time.Date(2026, 1, 1, 0, 0, 0, 0, baku)
)

// upstream is a wallet façade that has every page ready in memory, so that
// what is measured is the reader, not the server.
type upstream struct {
	o           options
	server      *http.Server
	url         string
	days        map[string][][]byte // wallet/date → pages
	bytes       int64
	first       sync.Once
	firstAt     time.Time
	pagesServed atomic.Int64
}

func newUpstream(o options) (*upstream, error) {
	u := &upstream{o: o, days: map[string][][]byte{}}
	u.render()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	const base = "/integrations/mpay/v1"
	mux.HandleFunc("POST "+base+"/auth/otp/start", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 4096))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"challenge_id":"ch_%x","expires_at":"2099-01-01T00:00:00Z","cooldown_seconds":0}`, phoneTail(body))
	})
	mux.HandleFunc("POST "+base+"/auth/otp/verify", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 4096))
		wallet := walletOf(body)
		fmt.Fprintf(w, `{"session":{"access_token":"at_%s","refresh_token":"rt_%s","assurance_level":"A2"}}`, wallet, wallet)
	})
	mux.HandleFunc("GET "+base+"/wallet/statement", u.statement)
	u.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	u.url = "http://" + l.Addr().String()
	go func() { _ = u.server.Serve(l) }() // ends with Close
	return u, nil
}

func (u *upstream) Close() { _ = u.server.Close() }

// statement serves [from, to): to is the first day after.
func (u *upstream) statement(w http.ResponseWriter, r *http.Request) {
	u.first.Do(func() { u.firstAt = time.Now() })
	wallet := r.Header.Get("Authorization")[len("Bearer at_"):]
	q := r.URL.Query()
	day, index := q.Get("from"), 0
	if c := q.Get("cursor"); c != "" {
		day = c[:10]
		index, _ = strconv.Atoi(c[11:])
	}
	pages := u.days[wallet+"/"+day]
	if index >= len(pages) || day >= q.Get("to") {
		_, _ = io.WriteString(w, `{"currency":"AZN","rows":[],"next_cursor":null}`)
		return
	}
	u.pagesServed.Add(1)
	_, _ = w.Write(pages[index])
}

func phoneTail(body []byte) []byte {
	for i := len(body) - 1; i > 6; i-- {
		if body[i] >= '0' && body[i] <= '9' {
			return body[i-5 : i+1]
		}
	}
	return nil
}

func walletOf(body []byte) string {
	for i := range body {
		if i+15 <= len(body) && string(body[i:i+3]) == "ch_" {
			var b [6]byte
			if _, err := fmt.Sscanf(string(body[i+3:i+15]), "%02x%02x%02x%02x%02x%02x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]); err == nil {
				return "wlt_" + string(b[:])
			}
		}
	}
	return "wlt_none"
}

func walletID(i int) string { return fmt.Sprintf("wlt_%06d", i) }
func msisdn(i int) string   { return fmt.Sprintf("+99450%07d", 2_000_000+i) }
