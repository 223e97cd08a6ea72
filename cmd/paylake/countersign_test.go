package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
)

// witnessOf starts the independent witness of sinks/translog/tessera, which
// shares no code with this program.
func witnessOf(t *testing.T, logKey string) (url, keyFile string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tessera")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../../sinks/translog/tessera", "-o", program, ".")
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the witness: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "witness", logKey)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil || cmd.Start() != nil {
		t.Fatal("the witness does not start", err1, err2)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	var said []string
	for len(said) < 2 && lines.Scan() {
		said = append(said, lines.Text())
	}
	if len(said) < 2 {
		t.Fatal("the witness says ", said)
	}
	keyFile = filepath.Join(t.TempDir(), "witness.pub")
	write(t, keyFile, said[1]+"\n")
	return said[0], keyFile
}

func TestWitnessCosigns(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 50)
	g.withoutWarehouse(t)
	lake := "file:" + g.lake()
	g.paylake(t, "checkpoint", "show").want(t, 1).says(t, "", "no lake")
	g.paylake(t, "run", "providers").want(t, 1)
	key := filepath.Join(g.dir, "log.pub")
	write(t, key, g.paylake(t, "keys", "show", "audit").want(t, 0).stdout)
	url, witness := witnessOf(t, key)
	verify := func(args ...string) result {
		return paylake(t, append([]string{"verify", lake, "--key", key, "--witness", witness}, args...)...)
	}
	verify().want(t, 6).says(t, "", "no checkpoint here is cosigned by witness.example/w1+")
	ask := []string{"checkpoint", "witness", lake, "--url", url, "--witness", witness}
	paylake(t, ask...).want(t, 0).says(t, "checkpoint of 1 manifests cosigned by witness.example/w1+", "")
	verify().want(t, 0).says(t, "cosigned by  witness.example/w1+", "")
	g.paylake(t, "run", "nfc", "templates").want(t, 1) // now a proof of consistency is needed
	paylake(t, ask...).want(t, 0).says(t, fmt.Sprintf("checkpoint of %d manifests", g.commits(t)), "")
	paylake(t, ask...).want(t, 0) // again
	verify().want(t, 0).says(t, fmt.Sprintf("up to %d manifests", g.commits(t)), "")
	if text := paylake(t, "checkpoint", "show", lake).want(t, 0).stdout; strings.Count(text, "— ") != 2 {
		t.Errorf("the checkpoint is shown as\n%s", text)
	}
	proof := filepath.Join(g.dir, "p.tlog-proof")
	g.paylake(t, "prove", "--snapshot", "1", "-o", proof).want(t, 0)
	paylake(t, "verify", "--proof", proof, "--key", key, "--witness", witness).want(t, 0).says(t, "cosigned by witness.example/w1+", "")

	t.Run("another history is not cosigned", func(t *testing.T) {
		other := newPlayground(t, 60)
		other.withoutWarehouse(t)
		if err := os.MkdirAll(filepath.Join(other.dir, sandboxData), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(other.dir, sandboxData, auditKeyFile), read(t, filepath.Join(g.dir, sandboxData, auditKeyFile)))
		other.paylake(t, "run", "providers", "nfc", "templates", "balances").want(t, 1)
		paylake(t, "checkpoint", "witness", "file:"+other.lake(), "--url", url, "--witness", witness).want(t, 1).says(t, "", "422")
	})
	t.Run("lost", func(t *testing.T) { // the newest is not to be seen, which is not the same as none
		newest := filepath.Join(g.lake(), "checkpoint")
		text := read(t, newest)
		if err := os.Remove(newest); err != nil {
			t.Fatal(err)
		}
		paylake(t, "checkpoint", "show", lake).want(t, 1).says(t, "", newest+" is missing")
		paylake(t, ask...).want(t, 1).says(t, "", newest+" is missing")
		write(t, newest, text)
	})
	t.Run("damaged", func(t *testing.T) {
		files, err := filepath.Glob(filepath.Join(g.lake(), "checkpoints", "*.cosignature"))
		if err != nil || len(files) != 2 {
			t.Fatal(files, err)
		}
		text := read(t, files[1])
		write(t, files[1], strings.Replace(text, text[len(text)/2:len(text)/2+1], "A", 1))
		if read(t, files[1]) == text {
			t.Fatal("nothing is changed")
		}
		verify().want(t, 6).says(t, "", files[1])
	})
}

// authority is a time-stamping authority under a root of its own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	root string // PEM file
}

func newAuthority(t *testing.T, usage x509.ExtKeyUsage) *authority {
	t.Helper()
	rootKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	rootOf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root of a test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "authority of a test"}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
	rootDER, err1 := x509.CreateCertificate(rand.Reader, rootOf, rootOf, rootKey.Public(), rootKey)
	leafDER, err2 := x509.CreateCertificate(rand.Reader, leaf, rootOf, key.Public(), rootKey)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	cert, err := x509.ParseCertificate(leafDER)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert: cert, key: key, root: filepath.Join(t.TempDir(), "root.pem")}
	write(t, a.root, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})))
	return a
}

// serve answers requests; change may spoil the answer.
func (a *authority) serve(t *testing.T, change func(*timestamp.Timestamp)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		q, err := timestamp.ParseRequest(body)
		if err != nil {
			t.Error(err)
			return
		}
		ts := &timestamp.Timestamp{HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Nonce: q.Nonce, Time: time.Now().UTC(),
			Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true}
		change(ts)
		answer, err := ts.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestTimeStamps(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 50)
	g.withoutWarehouse(t)
	lake := "file:" + g.lake()
	g.paylake(t, "run", "providers").want(t, 1)
	honest, strange, web := newAuthority(t, x509.ExtKeyUsageTimeStamping), newAuthority(t, x509.ExtKeyUsageTimeStamping), newAuthority(t, x509.ExtKeyUsageServerAuth)
	stamp := func(url string) result { return paylake(t, "checkpoint", "stamp", lake, "--url", url) }
	for what, spoil := range map[string]func(*timestamp.Timestamp){
		"other bytes":      func(ts *timestamp.Timestamp) { ts.HashedMessage = bytes.Repeat([]byte{1}, 32) },
		"another question": func(ts *timestamp.Timestamp) { ts.Nonce = big.NewInt(1) },
		"no certificate":   func(ts *timestamp.Timestamp) { ts.AddTSACertificate = false },
	} {
		if r := stamp(honest.serve(t, spoil)); r.code != 1 {
			t.Errorf("%s: %+v", what, r)
		}
	}
	as := func(*timestamp.Timestamp) {}
	stamp(honest.serve(t, as)).want(t, 0).says(t, "checkpoint of 1 manifests stamped at", "")
	paylake(t, "verify", lake).want(t, 0).says(t, "authority is not checked", "")
	paylake(t, "verify", lake, "--tsa", honest.root).want(t, 0).says(t, "1 time stamps, by a trusted authority", "")
	paylake(t, "verify", lake, "--tsa", strange.root).want(t, 6).says(t, "", ".tsr: the stamp is not by an authority that is trusted")
	stamp(web.serve(t, as)).want(t, 0)
	paylake(t, "verify", lake, "--tsa", web.root).want(t, 6).says(t, "", "not for time stamps")

	files, err := filepath.Glob(filepath.Join(g.lake(), "checkpoints", "*.tsr"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	raw := read(t, files[0])
	for at := 0; at < len(raw); at += 11 {
		bad := []byte(raw)
		bad[at] ^= 4
		write(t, files[0], string(bad))
		paylake(t, "verify", lake).want(t, 6).says(t, "", files[0])
	}
}
