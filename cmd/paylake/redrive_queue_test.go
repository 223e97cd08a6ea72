package main

import "testing"

// A step of the queue that takes long makes everybody wait who takes over the
// steps of a process that died: payments are asked for again within minutes.
func TestRedriveHoldsNobodyUp(t *testing.T) {
	if w := (&program{}).redriveWorker(); w.Within > driveWithin {
		t.Errorf("a redrive may take %s, a payment's step %s", w.Within, driveWithin)
	}
}
