package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/gofrs/flock"
)

// leashFD is the child's end of a pipe that its parent holds open: at its end
// the parent has gone.
const leashFD = 3

// childLockPatience is how long a child waits for the one before it, which is
// dying with its parent, to leave the directory.
const childLockPatience = 20 * time.Second

// Child turns the calling process into a ClickHouse: the body of the hidden
// command that Options.Command names. It returns when the engine has ended.
func Child(args []string) error {
	if len(args) != 3 {
		return errors.New("clickhouse child: this command is started by paylake itself; the one for people is `paylake warehouse`")
	}
	for _, port := range args[1:] {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("clickhouse child: %q is not a port", port)
		}
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP) // the parent decides
	go followParent()
	at := layout(args[0])
	lock := flock.New(at.childLock, flock.SetPermissions(0o600))
	if err := lockPatiently(lock); err != nil {
		return err
	}
	defer runtime.KeepAlive(lock) // released by the end of the process alone
	return engine(at, args[1], args[2])
}

// followParent ends this process, whatever it is doing, when the parent has
// gone. Nothing is lost by it: what was acknowledged is on disk.
func followParent() {
	leash := os.NewFile(leashFD, "leash")
	if leash != nil {
		_, _ = io.Copy(io.Discard, leash)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

func lockPatiently(lock *flock.Flock) error {
	for waited := time.Duration(0); waited < childLockPatience; waited += joinPause {
		held, err := lock.TryLock()
		if held {
			return nil
		}
		if err != nil {
			return fmt.Errorf("clickhouse child: lock %s: %w", lock.Path(), err)
		}
		time.Sleep(joinPause)
	}
	return fmt.Errorf("clickhouse child: another one still holds %s", lock.Path())
}

// engine loads the library and runs the engine on the calling thread.
func engine(at places, tcpPort, httpPort string) error {
	path, err := Library()
	if err != nil {
		return err
	}
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load %s: %w", path, err)
	}
	var handlers func(int32)
	var cmdline func(int32, unsafe.Pointer) int32
	purego.RegisterLibFunc(&handlers, lib, "chdb_set_signal_handlers_enabled")
	purego.RegisterLibFunc(&cmdline, lib, "chdb_query_cmdline")
	handlers(0) // Go's runtime keeps its own

	args := []string{"clickhouse", // argv[0]; without it the first option is swallowed
		"--path", at.store, "--config-file", at.config, "--log-level", "warning",
		"--listen_host", "127.0.0.1", "--tcp_port", tcpPort, "--http_port", httpPort, "--query", idle}
	argv := make([]*byte, 0, len(args)+1)
	for _, a := range args {
		argv = append(argv, &append([]byte(a), 0)[0])
	}
	argv = append(argv, nil)
	code := cmdline(int32(len(argv)-1), unsafe.Pointer(&argv[0]))
	runtime.KeepAlive(argv)
	if code != 0 {
		return fmt.Errorf("clickhouse ended (code %d)", code)
	}
	return nil
}

// idle opens the listeners and then waits for ever, in short naps, so that
// killing the query ends the engine cleanly and soon.
const idle = "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; " +
	"SELECT sleepEachRow(0.1) FROM system.numbers FORMAT Null " +
	"SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 3000000, max_execution_time = 0"

// stop ends the idle query.
const stop = "KILL QUERY WHERE query LIKE 'SELECT sleepEachRow(0.1) FROM system.numbers FORMAT Null%' ASYNC"
