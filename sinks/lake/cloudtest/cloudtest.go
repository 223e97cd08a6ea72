// Package cloudtest runs emulators of object stores for tests, on this machine:
// fake-gcs-server for gs://, Azurite for azblob://. They are no real clouds; what
// they are trusted with is that a precondition is kept.
package cloudtest

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
)

// The account of every Azurite, published in its documentation.
const (
	account = "devstoreaccount1"
	key     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// GCS starts fake-gcs-server, the program that PAYLAKE_TEST_GCS names, makes it
// the store of gs:// URLs in this process, and returns the URL of an empty bucket.
func GCS(t testing.TB) string {
	t.Helper()
	program := os.Getenv("PAYLAKE_TEST_GCS")
	if program == "" {
		t.Fatal("PAYLAKE_TEST_GCS is not set: it names the program fake-gcs-server; make test fetches it (deploy/fetch gcs)")
	}
	addr := free(t)
	_, port, _ := net.SplitHostPort(addr)
	start(t, addr, "/storage/v1/b", program, "-scheme", "http", "-host", "127.0.0.1", "-port", port, "-backend", "memory",
		"-public-host", addr, "-log-level", "error")
	t.Setenv("STORAGE_EMULATOR_HOST", addr)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Post("http://"+addr+"/storage/v1/b?project=test", "application/json", strings.NewReader(`{"name":"lake"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("no bucket: %s", r.Status)
	}
	return "gs://lake?anonymous=true"
}

// Azure starts Azurite, whose script PAYLAKE_TEST_AZURITE names, makes its
// account that of the environment, and returns the URL of an empty container.
func Azure(t testing.TB) string {
	t.Helper()
	script := os.Getenv("PAYLAKE_TEST_AZURITE")
	if script == "" {
		t.Fatal("PAYLAKE_TEST_AZURITE is not set: it names Azurite's script for blobs; make test fetches it (deploy/fetch azurite)")
	}
	addr := free(t)
	_, port, _ := net.SplitHostPort(addr)
	start(t, addr, "/", "node", script, "--silent", "--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry",
		"--blobHost", "127.0.0.1", "--blobPort", port)
	t.Setenv("AZURE_STORAGE_ACCOUNT", account)
	t.Setenv("AZURE_STORAGE_KEY", key)
	lake := "azblob://lake?" + url.Values{"protocol": {"http"}, "domain": {addr}, "localemu": {"true"}}.Encode()
	b, err := blob.OpenBucket(t.Context(), lake)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var c *container.Client
	if !b.As(&c) {
		t.Fatal("the driver gives no container")
	}
	if _, err := c.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return lake
}

func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs a server until the test ends, and waits until it answers.
func start(t testing.TB, addr, path, program string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// The kernel kills it with the thread that started it, so that thread must
	// live as long: other goroutines end theirs.
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		err := cmd.Start()
		if started <- err; err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for range 1200 {
		if res, err := client.Get("http://" + addr + path); err == nil {
			_ = res.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	<-ended
	t.Fatalf("%s does not answer at %s:\n%s", program, addr, log.String())
}
