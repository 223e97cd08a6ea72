package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/paylake/paylake/sinks"
)

const (
	startTimeout = 60 * time.Second
	stopPatience = 5 * time.Second
	shortLife    = 3 * time.Second // a child that lived less may have met a taken port
	giveUpAfter  = 3               // short lives in a row before the first answer
)

// holder owns the data directory's lock and the child.
type holder struct {
	opts    Options
	at      places
	lock    *flock.Flock
	changed func(Endpoint)
	library string

	mu      sync.Mutex
	ep      Endpoint
	leash   *os.File
	process *os.Process
	closing bool
	short   int   // short lives in a row
	last    error // how the last child ended

	quit chan struct{} // closed by close
	done chan struct{} // closed when the supervisor has ended
}

// start prepares the directory, starts the child and waits until it answers.
func start(ctx context.Context, o Options, lock *flock.Flock, changed func(Endpoint)) (*holder, error) {
	library, err := Library()
	if err != nil {
		return nil, err
	}
	h := &holder{opts: o, at: layout(o.DataDir), lock: lock, changed: changed, library: library,
		ep: newEndpoint(o.Tools), quit: make(chan struct{}), done: make(chan struct{})}
	if err := h.prepare(); err != nil {
		return nil, fmt.Errorf("embedded warehouse: %w", err)
	}
	go h.supervise()
	if err := h.ready(ctx); err != nil {
		return nil, errors.Join(err, h.stopChild())
	}
	return h, nil
}

func (h *holder) prepare() error {
	for _, dir := range []string{h.at.store, h.at.run} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return sinks.DiskError("create", dir, "data_dir", err)
		}
	}
	if err := os.Remove(h.at.record); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // the last holder's; nobody must join it
	}
	if err := writePrivate(h.at.config, configXML(h.at)); err != nil {
		return err
	}
	return writePrivate(h.at.users, usersXML(h.ep))
}

// supervise keeps one child running until quit. Its thread lives as long as
// the child does, because the kernel kills the child when the thread that
// started it ends.
func (h *holder) supervise() {
	defer close(h.done)
	runtime.LockOSThread()
	told := func() {} // the first child is announced by who started it
	for wait := 100 * time.Millisecond; ; wait = min(wait*2, 5*time.Second) {
		life := time.NewTimer(shortLife)
		err := h.runChild()
		short := life.Stop()
		told()
		if !short {
			wait = 100 * time.Millisecond
		}
		h.ended(err, short)
		select {
		case <-h.quit:
			return
		case <-time.After(wait):
			h.opts.Log.Warn("embedded clickhouse ended, starting it again", "err", err)
			told = h.tell()
		}
	}
}

// tell announces the next child when it answers, perhaps at other ports: who
// joins must find it, also while nobody in this process asks for it. The
// function that it returns ends the waiting.
func (h *holder) tell() (told func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if err := h.ready(ctx); err != nil && ctx.Err() == nil {
			h.opts.Log.Warn("embedded clickhouse was started again", "err", err)
		}
	})
	return func() { cancel(); waiting.Wait() }
}

func (h *holder) ended(err error, short bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = err
	if short {
		h.short++
		h.ep.Addr = "" // perhaps the ports were taken
	} else {
		h.short = 0
	}
}

// runChild starts a child and returns when it has ended.
func (h *holder) runChild() error {
	out, err := os.OpenFile(h.at.out, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	far, near, err := os.Pipe()
	if err != nil {
		return err
	}
	defer near.Close()
	cmd, err := h.start(far, near, out)
	far.Close()
	if err != nil {
		return err
	}
	err = cmd.Wait()
	h.mu.Lock()
	h.process, h.leash = nil, nil
	h.mu.Unlock()
	return err
}

func (h *holder) start(far, near, out *os.File) (*exec.Cmd, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil, errors.New("closing")
	}
	if h.ep.Addr == "" {
		native, http, err := h.opts.Tools.ports()
		if err != nil {
			return nil, err
		}
		h.ep.Addr, h.ep.HTTPAddr = local(native), local(http)
	}
	args := append(h.opts.Command[1:len(h.opts.Command):len(h.opts.Command)], h.opts.DataDir, port(h.ep.Addr), port(h.ep.HTTPAddr))
	cmd := exec.CommandContext(context.Background(), h.opts.Command[0], args...)
	cmd.Dir = h.at.run
	// Nothing of the parent's environment: it may hold secrets, and the
	// engine looks for keys of its own in it.
	cmd.Env = []string{"PAYLAKE_LIBCHDB=" + h.library, "TZ=UTC", "LANG=C.UTF-8", "HOME=" + h.at.run, "PATH=/usr/bin:/bin", allocator}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{far} // leashFD
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h.process, h.leash = cmd.Process, near
	return cmd, nil
}

// allocator lets the engine keep freed memory for half a minute: given back at
// once, every load would have the kernel clear the same pages again.
const allocator = "MALLOC_CONF=dirty_decay_ms:30000,muzzy_decay_ms:30000"

// ready waits until the child answers, then tells everybody where.
func (h *holder) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	h.mu.Lock()
	before := h.short // what ended earlier was somebody else's wait: one that was killed may be starting again now
	h.mu.Unlock()
	for {
		h.mu.Lock()
		ep, process, short, last := h.ep, h.process, h.short-before, h.last
		h.mu.Unlock()
		if process != nil && ep.Addr != "" && answers(ctx, ep) == nil {
			return h.announce(ep, process.Pid)
		}
		if short >= giveUpAfter {
			return fmt.Errorf("the embedded ClickHouse does not start (%s): %s; see %s: %w: %w", fmt.Sprint(last), h.lastWords(), h.at.log, errShortLives, sinks.ErrUnavailable)
		}
		if err := pause(ctx, joinPause); err != nil {
			return fmt.Errorf("the embedded ClickHouse does not answer at %s (%w); see %s: %w", ep.HTTPAddr, err, h.at.log, sinks.ErrUnavailable)
		}
	}
}

func (h *holder) announce(ep Endpoint, child int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed(ep)
	tcp, _ := strconv.Atoi(port(ep.Addr))
	http, _ := strconv.Atoi(port(ep.HTTPAddr))
	r := record{PID: os.Getpid(), ChildPID: child, TCPPort: tcp, HTTPPort: http, User: ep.User, Password: ep.Password, Readers: ep.Readers}
	return r.write(h.opts.DataDir)
}

func (h *holder) lastWords() string {
	data, _ := os.ReadFile(h.at.out)
	text := strings.TrimSpace(string(data[max(0, len(data)-600):]))
	return strings.Join(strings.Fields(text), " ")
}

// close ends the child and gives the directory back.
func (h *holder) close() error {
	err := h.stopChild()
	if rerr := os.Remove(h.at.record); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return errors.Join(err, h.lock.Close())
}

// stopChild asks the engine to end, then ends it.
func (h *holder) stopChild() error {
	h.mu.Lock()
	h.closing = true
	ep, process, leash := h.ep, h.process, h.leash
	h.mu.Unlock()
	close(h.quit)
	if process == nil {
		<-h.done
		return nil
	}
	if post(context.Background(), ep, stop, stopPatience) == nil && h.within(stopPatience) {
		return nil
	}
	if leash != nil {
		_ = leash.Close() // at the end of the pipe the child kills itself
	}
	if h.within(stopPatience) {
		return nil
	}
	_ = process.Kill()
	<-h.done
	return nil
}

func (h *holder) within(d time.Duration) bool {
	select {
	case <-h.done:
		return true
	case <-time.After(d):
		return false
	}
}

// ports are those that tools know, and free ones instead of those that they
// leave to the system.
func (t Tools) ports() (native, http int, err error) {
	free, err := freePorts(2)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range []int{t.NativePort, t.HTTPPort} {
		if p == 0 {
			continue
		}
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", local(p))
		if err != nil {
			return 0, 0, fmt.Errorf("port %d, which bi: in the configuration names, cannot be used: %w; stop who has it or name another", p, err)
		}
		_ = l.Close()
	}
	return cmp.Or(t.NativePort, free[0]), cmp.Or(t.HTTPPort, free[1]), nil
}

// freePorts asks the system for ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}
