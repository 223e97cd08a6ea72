// Package servertest runs a ClickHouse that plays somebody else's server: real
// users and grants, a query log, and TLS in front of both ports. It is the
// engine of the embedded warehouse under another configuration.
package servertest

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Server is a ClickHouse on this machine.
type Server struct {
	Addr, HTTPAddr string
	Dir            string // its files, logs included

	gone chan struct{} // closed when the process has ended
}

// Gone reports whether the server has ended by itself, soon enough: what it does
// over a broken file it does within a moment.
func (s *Server) Gone() bool {
	select {
	case <-s.gone:
		return true
	case <-time.After(2 * time.Second):
		return false
	}
}

// Start starts a server and ends it with the test. The running program must
// become a ClickHouse when it is called with `clickhouse-child`.
func Start(t testing.TB, access ...Access) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "paylake-server-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{Addr: free(t), HTTPAddr: free(t), Dir: dir}
	run := filepath.Join(dir, "clickhouse-run")
	for _, d := range []string{run, filepath.Join(dir, "clickhouse")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	users := filepath.Join(run, "users.xml")
	write(t, users, usersXML(access))
	write(t, filepath.Join(run, "config.xml"), fmt.Sprintf(configXML, run, run, users))
	s.run(t, run, folderOf(access, run))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for range 1200 {
		if res, err := client.Get("http://" + s.HTTPAddr + "/ping"); err == nil {
			_ = res.Body.Close()
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	out, _ := os.ReadFile(filepath.Join(run, "out"))
	t.Fatalf("the server does not answer: %s", out)
	return nil
}

// run starts the process. It holds the other end of a pipe: when it is closed,
// or this process dies, the server ends.
func (s *Server) run(t testing.TB, run, folder string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(run, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	far, near, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	cmd := exec.Command(exe, "clickhouse-child", s.Dir, port(s.Addr), port(s.HTTPAddr))
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = folder, out, out, []*os.File{far}
	cmd.Env = []string{"PAYLAKE_LIBCHDB=" + os.Getenv("PAYLAKE_LIBCHDB"), "TZ=UTC", "HOME=" + run, "PATH=/usr/bin:/bin"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	s.gone = gone
	var ended error
	go func() { ended = cmd.Wait(); close(gone) }()
	t.Cleanup(func() {
		near.Close()
		<-gone
		if t.Failed() {
			last, _ := os.ReadFile(filepath.Join(run, "out"))
			t.Logf("the server ended with %v; its last words: %s", ended, last)
		}
	})
}

const configXML = `<clickhouse>
  <logger><level>trace</level><log>%s/log</log><errorlog>%s/errlog</errorlog><console>0</console></logger>
  <user_directories><users_xml><path>%s</path></users_xml></user_directories>
  <query_log><database>system</database><table>query_log</table><flush_interval_milliseconds>200</flush_interval_milliseconds></query_log>
</clickhouse>`

func usersXML(access []Access) string {
	var users, roles string
	for _, a := range access {
		users, roles = users+a.user, roles+a.role
	}
	return `<clickhouse><profiles><default></default></profiles><quotas><default></default></quotas>
<roles>` + roles + `</roles>
<users>` + users + `<default><password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
<grants><query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT SELECT ON system.numbers</query></grants></default></users></clickhouse>`
}

// Access is a user or a role of a server, or the folder that users may read.
type Access struct{ user, role, folder string }

// Files is the folder whose files the server's users may read: this engine
// knows no other than the one it is started in.
func Files(folder string) Access { return Access{folder: folder} }

func folderOf(access []Access, none string) string {
	for _, a := range access {
		if a.folder != "" {
			return a.folder
		}
	}
	return none
}

// User is a user with a password and grants; without grants it may do all.
func User(name, password string, grants ...string) Access {
	sum := sha256.Sum256([]byte(password))
	rights := "<access_management>1</access_management>"
	if len(grants) > 0 {
		rights = "<grants>" + queries(grants) + "</grants>"
	}
	return Access{user: fmt.Sprintf("<%s><password_sha256_hex>%x</password_sha256_hex><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>%s</%s>",
		name, sum, rights, name)}
}

// Role is a role with grants.
func Role(name string, grants ...string) Access {
	return Access{role: "<" + name + "><grants>" + queries(grants) + "</grants></" + name + ">"}
}

func queries(grants []string) string {
	return "<query>" + strings.Join(grants, "</query><query>") + "</query>"
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
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

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}
