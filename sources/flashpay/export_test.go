package flashpay

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// SetAllocator makes records from mem, so that a test can count them.
func SetAllocator(u *Upstream, mem memory.Allocator) { u.mem = mem }

// SetLimits makes an answer too large or too late sooner.
func SetLimits(u *Upstream, body int64, wait time.Duration) { u.maxBody, u.patient = body, wait }
