//go:build !paylake_faults

// Package fault names the moments at which tests let the process die: after
// each step that outlives it, and before the steps that must not come first.
// Every package may import it, and it imports nothing of ours.
//
// A point is a comment in programs that are shipped. Built with the tag
// paylake_faults, the program reads from its environment where to die.
package fault

// Point says what has just been made durable. It does nothing.
func Point(string) {}
