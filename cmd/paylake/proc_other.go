//go:build !linux

package main

import "syscall"

// dyingWithUs needs Linux; elsewhere a program lives on until it notices that
// nobody reads what it prints.
func dyingWithUs() *syscall.SysProcAttr { return nil }
