// Package s3test runs a real S3 server for tests: versitygw, the program that
// PAYLAKE_TEST_S3 names. A bucket is a folder and an object a file, so a test
// can tamper with what lies there.
package s3test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/s3blob" // s3://
)

const want = "PAYLAKE_TEST_S3 is not set: it names the program versitygw; make test fetches it (deploy/fetch versitygw)"

// Server is a running S3 server on this machine.
type Server struct {
	Endpoint             string // http://127.0.0.1:port
	AccessKey, SecretKey string // of its root user
	root                 string // of folders that are buckets
	side                 string
	program              string
	posix                []string // of its storage
}

// New starts a server, makes its key the AWS credentials of the process and
// stops it with the test.
func New(t testing.TB) *Server {
	t.Helper()
	return newServer(t, "--sidecar", t.TempDir())
}

func newServer(t testing.TB, posix ...string) *Server {
	t.Helper()
	s := &Server{AccessKey: "AKIDPAYLAKETEST", SecretKey: "canary-s3-secret-5f1c0e", program: os.Getenv("PAYLAKE_TEST_S3")}
	if s.program == "" {
		t.Fatal(want)
	}
	s.root, s.side, s.posix = t.TempDir(), t.TempDir(), posix
	s.start(t)
	credentials.Do(func() {
		for name, value := range map[string]string{
			"AWS_ACCESS_KEY_ID": s.AccessKey, "AWS_SECRET_ACCESS_KEY": s.SecretKey, "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
			"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		} {
			if err := os.Setenv(name, value); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// credentials are the same for every server, and stay in the environment of the
// process: tests with servers run side by side.
var credentials sync.Once

// NewVersioned starts a server whose buckets can keep versions and locks. Its
// metadata lie in extended attributes: with a folder beside the buckets, versitygw
// 1.8.0 goes on hiding a key that is written over a delete marker.
func NewVersioned(t testing.TB) *Server {
	t.Helper()
	return newServer(t, "--versioning-dir", t.TempDir())
}

// NewForgetful is NewVersioned with the folder, and so with that defect.
func NewForgetful(t testing.TB) *Server {
	t.Helper()
	return newServer(t, "--sidecar", t.TempDir(), "--versioning-dir", t.TempDir())
}

// ReadOnly starts another server over the same buckets that refuses to write.
func (s *Server) ReadOnly(t testing.TB) *Server {
	t.Helper()
	r := *s
	r.start(t, "--readonly")
	return &r
}

func (s *Server) start(t testing.TB, more ...string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	args := append([]string{"--port", addr, "--access", s.AccessKey, "--secret", s.SecretKey, "--region", "us-east-1",
		"--health", "/healthz", "--keep-alive", "--quiet"}, more...)
	var log bytes.Buffer
	args = append(append(append(args, "posix"), s.posix...), s.root)
	cmd := exec.Command(s.program, args...)
	cmd.Env = []string{"HOME=" + s.side, "PATH=/usr/bin:/bin"}
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
		t.Fatalf("%s: %v", s.program, err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	s.Endpoint = "http://" + addr
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for range 600 {
		if res, err := client.Get(s.Endpoint + "/healthz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("versitygw does not answer at %s", addr)
}

var buckets atomic.Int64

// Bucket makes an empty bucket and returns its name.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("lake-%d", buckets.Add(1))
	if err := os.Mkdir(s.Path(name, ""), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// URL is a bucket as the configuration names it.
func (s *Server) URL(bucket string) string { return URL(bucket, s.Endpoint) }

// URL names a bucket behind an endpoint.
func URL(bucket, endpoint string) string {
	return "s3://" + bucket + "?" + url.Values{"region": {"us-east-1"}, "endpoint": {endpoint}}.Encode()
}

// Path is the file in which an object lies.
func (s *Server) Path(bucket, key string) string {
	return filepath.Join(s.root, bucket, filepath.FromSlash(key))
}

// Open opens a bucket as any other client would.
func (s *Server) Open(t testing.TB, bucket string) *blob.Bucket {
	t.Helper()
	b, err := blob.OpenBucket(t.Context(), s.URL(bucket)+"&use_path_style=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// Fill copies the files of a folder into a bucket, through the server.
func (s *Server) Fill(t testing.TB, bucket, dir string) {
	t.Helper()
	b := s.Open(t, bucket)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		key, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return b.WriteAll(t.Context(), filepath.ToSlash(key), data, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}
