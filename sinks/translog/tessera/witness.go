package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/formats/log"
	cosign "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

// witness is a C2SP tlog-witness for one log.
type witness struct {
	log    note.Verifier
	signer *cosign.Signer

	mu   sync.Mutex
	size uint64
	root []byte
}

// serveWitness prints its address and its verifier key, a line each, and serves
// until its standard input ends.
func serveWitness(keyFile string) error {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "witness.example/w1")
	if err != nil {
		return err
	}
	w := &witness{log: verifier}
	if w.signer, err = cosign.NewSignerForCosignatureV1(skey); err != nil {
		return err
	}
	if vkey, err = cosign.VKeyToCosignatureV1(vkey); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n%s\n", l.Addr(), vkey)
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ServeHTTP implements add-checkpoint.
func (w *witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/add-checkpoint" {
		http.Error(out, "no", http.StatusNotFound)
		return
	}
	head, checkpoint, ok := bytes.Cut(body, []byte("\n\n"))
	old, hashes, err := parseHead(head)
	if !ok || err != nil {
		http.Error(out, "bad request", http.StatusBadRequest)
		return
	}
	c, _, n, err := log.ParseCheckpoint(checkpoint, w.log.Name(), w.log)
	if err != nil {
		http.Error(out, err.Error(), http.StatusForbidden)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case old > c.Size:
		http.Error(out, "old size is larger", http.StatusBadRequest)
	case old != w.size:
		out.Header().Set("Content-Type", "text/x.tlog.size")
		out.WriteHeader(http.StatusConflict)
		fmt.Fprintf(out, "%d\n", w.size)
	case old == c.Size && old > 0 && !bytes.Equal(w.root, c.Hash):
		http.Error(out, "another root", http.StatusConflict)
	case old > 0 && proof.VerifyConsistency(rfc6962.DefaultHasher, old, c.Size, hashes, w.root, c.Hash) != nil:
		http.Error(out, "not consistent", http.StatusUnprocessableEntity)
	default:
		sig, err := w.signer.Sign([]byte(n.Text))
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		w.size, w.root = c.Size, c.Hash
		raw := append(binary.BigEndian.AppendUint32(nil, w.signer.KeyHash()), sig...)
		fmt.Fprintf(out, "— %s %s\n", w.signer.Name(), base64.StdEncoding.EncodeToString(raw))
	}
}

func parseHead(head []byte) (old uint64, hashes [][]byte, err error) {
	lines := bufio.NewScanner(bytes.NewReader(head))
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "old ") {
		return 0, nil, errors.New("no old size")
	}
	if old, err = strconv.ParseUint(lines.Text()[4:], 10, 63); err != nil {
		return 0, nil, err
	}
	for lines.Scan() {
		h, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			return 0, nil, err
		}
		hashes = append(hashes, h)
	}
	return old, hashes, nil
}
