package csv

import (
	"fmt"
	"io"
	"time"

	"github.com/paylake/paylake/patience"
)

// leastBytes must come of a file within Config.Wait: about a kilobyte a second. A
// store that drips would keep a run, and its lease, for weeks without ever
// standing still.
const leastBytes = 64 << 10

// paced ends a stream that comes too slowly. Only the time spent waiting for
// it counts, so that a reader may take all the time that it needs.
type paced struct {
	io.ReadCloser
	now    func() time.Time
	limit  time.Duration
	waited time.Duration // since the last leastBytes
	got    int
}

func (p *paced) Read(b []byte) (int, error) {
	began := p.now()
	n, err := p.ReadCloser.Read(b)
	p.waited += p.now().Sub(began)
	p.got += n
	switch {
	case p.got >= leastBytes:
		p.got, p.waited = 0, 0
	case err == nil && p.waited > p.limit:
		return n, fmt.Errorf("%w worth waiting for: %d bytes in %s, and %d are expected", patience.ErrStalled, p.got, p.waited.Round(time.Second), leastBytes)
	}
	return n, err
}
