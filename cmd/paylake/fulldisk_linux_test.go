package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// insideMounts marks the copy of the test that has mounts of its own.
const insideMounts = "PAYLAKE_TEST_OWN_MOUNTS"

// TestFullDisk fills real file systems: the test runs itself again in a user
// and mount namespace, where it may mount small ones that nobody else sees.
func TestFullDisk(t *testing.T) {
	if os.Getenv(insideMounts) != "" {
		t.Run("lake", fullLake)
		t.Run("data_dir", fullDataDir)
		t.Run("state", fullState)
		t.Run("spill", fullSpill)
		t.Run("export", fullExport)
		return
	}
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestFullDisk$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), insideMounts+"=yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	runtime.LockOSThread() // the kernel kills it with the thread that started it
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("on small file systems of its own (this needs user namespaces; see: sysctl kernel.unprivileged_userns_clone): %v\n%s", err, out)
	}
	if n := strings.Count(string(out), "--- PASS: TestFullDisk/"); n != 5 {
		t.Fatalf("%d tests ran on full disks, want 5\n%s", n, out)
	}
}

// disk is a file system of its own.
type disk struct{ dir string }

// mountDisk mounts a file system of so many kilobytes on a folder.
func mountDisk(t *testing.T, dir string, kilobytes int) disk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kilobytes)); err != nil {
		t.Fatalf("mount a file system on %s: %v", dir, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return disk{dir}
}

func (d disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves so many kilobytes free.
func (d disk) fill(t *testing.T, free int) {
	t.Helper()
	f, err := os.Create(d.ballast())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk does not get full: %v", err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(info.Size()&^4095 - int64(free)<<10); err != nil {
		t.Fatal(err)
	}
}

func (d disk) makeRoom(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		t.Fatal(err)
	}
}

// wantFull checks a run on a full disk: red, with the place in its words.
func wantFull(t *testing.T, r result, place string) {
	t.Helper()
	r.want(t, 1)
	for _, part := range []string{"full", place, "make room"} {
		if !strings.Contains(r.stderr, part) {
			t.Errorf("%q is not in:\n%s", part, r.stderr)
		}
	}
	noPanic(t, r)
}

// wantExact runs again after room was made, and compares with the truth.
func (g *playground) wantExact(t *testing.T) {
	t.Helper()
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
	g.paylake(t, "verify").want(t, 0)
	g.paylake(t, "run").want(t, 0).says(t, "0 rows moved", "")
}

func fullLake(t *testing.T) {
	g := newPlayground(t, 1500)
	d := mountDisk(t, g.lake(), 8<<10)
	for _, free := range []int{0, 16, 60} {
		d.fill(t, free)
		r := g.paylake(t, "run")
		wantFull(t, r, g.lake())
		if strings.Contains(tree(t, g.lake()), ".tmp") {
			t.Errorf("temporary files are left:\n%s", tree(t, g.lake()))
		}
	}
	g.paylake(t, "verify").want(t, 0)
	d.makeRoom(t)
	g.wantExact(t)
}

// The lake goes on: it lies elsewhere.
func fullDataDir(t *testing.T) {
	g := newPlayground(t, 1500)
	data := filepath.Join(g.dir, "small")
	d := mountDisk(t, data, 96<<10)
	g.edit(t, `data_dir: "`+sandboxData+`"`, `data_dir: "small"`)
	for _, free := range []int{0, 256} {
		d.fill(t, free)
		wantFull(t, g.paylake(t, "run"), data)
		g.paylake(t, "verify").want(t, 0)
	}
	d.makeRoom(t)
	g.wantExact(t)
}

func fullState(t *testing.T) {
	g := newPlayground(t, 1500)
	small := filepath.Join(g.dir, "small")
	d := mountDisk(t, small, 2<<10)
	g.edit(t, "sqlite://./"+sandboxData+"/state.db", "sqlite://./small/state.db")
	place := filepath.Join(small, "state.db")
	for _, free := range []int{0, 40} { // no room for its tables
		d.fill(t, free)
		wantFull(t, g.paylake(t, "run"), place)
	}
	d.makeRoom(t)
	g.grantAll(t)
	for _, free := range []int{0, 16} { // no room for sessions and history
		d.fill(t, free)
		wantFull(t, g.paylake(t, "run"), place)
	}
	d.makeRoom(t)
	g.wantExact(t)
}

// One window with more rows than memory takes is sorted in data_dir.
func fullSpill(t *testing.T) {
	g := newPlayground(t, 300)
	const pages, rows = 3, 100_000
	g.intercept(firstDay(func(posted string) string { return largePage(posted, 0, rows, "p1") }))
	day := g.before.Load()
	g.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if at := r.URL.Query().Get("cursor"); at != "" {
			n, _ := strconv.Atoi(at[1:])
			next := fmt.Sprintf("p%d", n+1)
			if n+1 == pages {
				next = ""
			}
			_, _ = io.WriteString(w, largePage(r.URL.Query().Get("from")+"T10:00:00+04:00", n*rows, rows, next))
			return true
		}
		return (*day)(w, r)
	})
	temp := filepath.Join(g.dir, sandboxData, "tmp")
	d := mountDisk(t, temp, 256<<10)
	for _, free := range []int{0, 4096} {
		d.fill(t, free)
		wantFull(t, g.paylake(t, "run", "ledger"), temp)
		g.paylake(t, "verify").want(t, 0)
	}
	d.makeRoom(t)
	g.paylake(t, "run", "ledger").want(t, 0).says(t, "300,000 inserted", "")
	r := g.paylake(t, "query", "--format", "csv", "SELECT count(), sum(amount_minor) FROM ledger").want(t, 0)
	if !strings.HasSuffix(r.stdout, fmt.Sprintf("\n%d,%d\n", pages*rows, -125*pages*rows)) {
		t.Errorf("got %s", r.stdout)
	}
	if left := tree(t, temp); strings.Contains(left, "process-") {
		t.Errorf("left behind:\n%s", left)
	}
}

func largePage(posted string, from, n int, next string) string {
	var b strings.Builder
	b.WriteString(`{"currency":"AZN","rows":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"e%d","posted_at":"%s","type":"fee","amount":-1.25}`, from+i, posted)
	}
	fmt.Fprintf(&b, `],"next_cursor":%q}`, next)
	return b.String()
}

// A file for which there is no room has not its final name, and goes on once
// there is some.
func fullExport(t *testing.T) {
	g := newPlayground(t, 100)
	g.fillMonth(t, 200_000)
	g.paylake(t, "rebuild").want(t, 0)
	small := filepath.Join(g.dir, "out")
	d := mountDisk(t, small, 128<<10)
	file := filepath.Join(small, "march.csv")
	for _, free := range []int{0, 20 << 10} {
		d.fill(t, free)
		r := g.paylake(t, "export", "ledger", "--as", "auditor", "-o", file)
		wantFull(t, r, file)
		if _, err := os.Stat(file); err == nil {
			t.Fatal("half a file has the final name")
		}
	}
	d.makeRoom(t)
	g.paylake(t, "export", "ledger", "--as", "auditor", "-o", file).want(t, 0).says(t, "", "goes on with ")
	if text := read(t, file); strings.Count(text, "\n") != 200_001 {
		t.Errorf("%d lines", strings.Count(text, "\n"))
	}
}
