package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/pipeline/state/postgrestest"
)

// replace exchanges the line of a key in the configuration.
func (g *playground) replace(t *testing.T, key, line string) {
	t.Helper()
	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	for old := range strings.Lines(string(text)) {
		if strings.HasPrefix(old, key+":") {
			g.edit(t, old, line+"\n")
			return
		}
	}
	t.Fatalf("no %s in\n%s", key, text)
}

// TestPostgresState: sessions, leases and the history of runs in PostgreSQL,
// shared by two processes.
func TestPostgresState(t *testing.T) {
	t.Parallel()
	url, stop, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	g := newPlayground(t, 300)
	g.replace(t, "state", "state: "+postgrestest.NewDatabase(t, url))
	g.paylake(t, "check").want(t, 0).says(t, "tables are up to date", "")
	g.grantAll(t)
	invoke(t.Context(), newPhone(g), "-c", g.config, "login", "--wallet", "wlt_441b").want(t, 0)

	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/wallet/statement") {
			once.Do(func() { close(reached) })
			<-release
		}
		return false
	})
	cmd, out := g.process(t, "run", "ledger")
	select {
	case <-reached:
	case <-time.After(60 * time.Second):
		t.Fatalf("the first process reads nothing:\n%s", out.String())
	}
	g.paylake(t, "run", "ledger").want(t, 5).says(t, "", "somebody else is running")
	close(release)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
	var s statusReport
	g.paylake(t, "status", "--json").want(t, 0).json(t, &s)
	for _, p := range s.Pipelines {
		if p.LastRun == nil {
			t.Errorf("%s: no run is remembered", p.Pipeline)
		}
	}
	stop()
	g.paylake(t, "status").want(t, 1).says(t, "", "state")
}

// transit is the part of HashiCorp Vault that keeps a key: it seals and opens
// what it is sent, with a key of its own.
type transit struct {
	token string
	aead  cipher.AEAD
	asked atomic.Int64
}

func newTransit(t *testing.T, token string) *transit {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return &transit{token: token, aead: aead}
}

func (v *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in, out struct {
		Plaintext  string `json:"plaintext,omitempty"`
		Ciphertext string `json:"ciphertext,omitempty"`
	}
	if r.Header.Get("X-Vault-Token") != v.token {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"errors":["permission denied"]}`))
		return
	}
	v.asked.Add(1)
	_ = json.NewDecoder(r.Body).Decode(&in)
	nonce := make([]byte, v.aead.NonceSize())
	switch r.URL.Path {
	case "/v1/transit/encrypt/paylake":
		_, _ = rand.Read(nonce)
		plain, _ := base64.StdEncoding.DecodeString(in.Plaintext)
		out.Ciphertext = "vault:v1:" + base64.StdEncoding.EncodeToString(v.aead.Seal(nonce, nonce, plain, nil))
	case "/v1/transit/decrypt/paylake":
		sealed, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(in.Ciphertext, "vault:v1:"))
		plain, err := v.aead.Open(nil, sealed[:len(nonce)], sealed[len(nonce):], nil)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		out.Plaintext = base64.StdEncoding.EncodeToString(plain)
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": out})
}

// TestKeyService: sessions are sealed by a key service; without it they stay
// closed, and no message quotes the keeper's URL or its token.
func TestKeyService(t *testing.T) {
	const token = "canary-vault-token"
	vault := newTransit(t, token)
	server := httptest.NewServer(vault)
	defer server.Close()
	t.Setenv("VAULT_ADDR", server.URL)
	t.Setenv("VAULT_TOKEN", token)
	g := newPlayground(t, 300)
	g.replace(t, "secrets", "secrets: env:PAYLAKE_TEST_KEEPER")
	t.Setenv("PAYLAKE_TEST_KEEPER", "hashivault://paylake")
	g.paylake(t, "check").want(t, 0).says(t, "a key service", "")
	g.paylake(t, "run", "ledger").want(t, 0)
	sealed := vault.asked.Load()
	if sealed == 0 {
		t.Fatal("nothing was sealed by the key service")
	}
	g.paylake(t, "run", "ledger").want(t, 0)
	if vault.asked.Load() == sealed {
		t.Error("the sealed sessions were not opened by the key service")
	}
	r := g.alone(t, []string{"VAULT_TOKEN=another"}, "run", "ledger") // the driver reads its environment once
	if r.code == 0 || strings.Contains(r.stdout+r.stderr, token) {
		t.Errorf("without its key: code %d\n%s", r.code, r.stderr)
	}
	for url, says := range map[string]string{
		"azurekeyvault://canary-vault.example/keys/x?tenant=canary": "the azurekeyvault:// URL is not one of a key",
		"awskms://canary-key?nonsense=canary":                       "the awskms:// URL is not one of a key",
		"gcpkms://canary/nonsense":                                  "the gcpkms:// URL is not one of a key",
		"nokms://canary":                                            "no key service is known by nokms://; this build knows awskms://, azurekeyvault://",
	} {
		t.Setenv("PAYLAKE_TEST_KEEPER", url)
		r := g.paylake(t, "status").want(t, 2).says(t, "", says)
		if strings.Contains(r.stdout+r.stderr, "canary") {
			t.Errorf("the URL is quoted: %s", r.stderr)
		}
	}
}
