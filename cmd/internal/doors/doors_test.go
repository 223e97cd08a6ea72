package doors

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Everybody has a burst of their own; who waited as long as was said comes in, and
// knocking meanwhile makes nobody wait longer.
func TestWait(t *testing.T) {
	d, now := New(0.1, 2), time.Unix(0, 0)
	for range 2 {
		if w := d.Wait("a", now); w != 0 {
			t.Fatalf("inside the burst: %s", w)
		}
	}
	for range 5 {
		if w := d.Wait("a", now); w != 10*time.Second {
			t.Errorf("after it: %s", w)
		}
	}
	if w := d.Wait("b", now); w != 0 {
		t.Errorf("somebody else: %s", w)
	}
	if w := d.Wait("a", now.Add(10*time.Second)); w != 0 {
		t.Errorf("after waiting: %s", w)
	}
	if Host("10.0.0.1:99") != "10.0.0.1" || Host("x") != "x" {
		t.Error("host")
	}
}
