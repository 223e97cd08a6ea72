//go:build !linux

package embedded

import "syscall"

// childAttributes puts the child into a process group of its own. Without the
// kernel's help it is the pipe from the parent that ends it.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
