package embedded

import "syscall"

// childAttributes puts the child into a process group of its own, so that a
// terminal's Ctrl-C reaches the parent alone, and has the kernel kill it when
// the thread that started it ends.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
