package main

import "syscall"

// dyingWithUs has the kernel end a program of ours when the thread that started
// it ends, and so when this process is killed.
func dyingWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
