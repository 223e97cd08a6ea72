package csv

// line keeps the blocks of one file in order while they are decoded side by
// side. Reading and handing out happen in the caller's goroutine; decoding in
// goroutines that end with their block, wait for nobody and touch nothing but
// their block. Not for concurrent use.
type line struct {
	scan    *scanner
	terms   *terms
	most    int // records in a block
	ahead   int // blocks in the line
	readers chan *rowReader
	waiting []*block // in the order of the file
	idle    []*block
	ended   bool // the last of them is the file's
}

// newLine has the blocks decoded by the readers; one reader is enough for the
// caller's goroutine.
func newLine(s *scanner, t *terms, most int, readers []*rowReader) *line {
	l := &line{scan: s, terms: t, most: most, ahead: 1, readers: make(chan *rowReader, len(readers))}
	if len(readers) > 1 {
		l.ahead = len(readers) + 1
	}
	for _, r := range readers {
		l.readers <- r
	}
	return l
}

// next returns the file's next block, decoded. After one that ends the file or
// has an error there is none. The block must be given back.
func (l *line) next() *block {
	for len(l.waiting) < l.ahead && !l.ended {
		b := l.idleBlock()
		b.fill(l.scan, l.most)
		l.ended = b.eof || b.err != nil
		l.waiting = append(l.waiting, b)
		b.decoded = make(chan struct{})
		if l.ahead == 1 {
			l.decode(b)
		} else {
			go l.decode(b)
		}
	}
	b := l.waiting[0]
	<-b.decoded
	l.waiting = l.waiting[1:]
	if b.panicked != nil {
		panic(b.panicked) // where the caller's own guard sees it
	}
	return b
}

func (l *line) idleBlock() *block {
	if n := len(l.idle); n > 0 {
		b := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return b
	}
	return &block{}
}

func (l *line) decode(b *block) {
	defer close(b.decoded)
	if b.err != nil {
		return
	}
	r := <-l.readers // never for long: there are readers for all but the oldest block
	defer func() {
		b.panicked = recover()
		l.readers <- r
	}()
	r.decode(b, l.terms, nil)
}

// back takes a block for the next use.
func (l *line) back(b *block) {
	if b.rows != nil {
		b.rows.Release()
		b.rows = nil
	}
	l.idle = append(l.idle, b)
}

// rest waits until nobody decodes.
func (l *line) rest() {
	for _, b := range l.waiting {
		<-b.decoded
	}
}

// close gives back what was decoded and not handed out.
func (l *line) close() {
	l.rest()
	for _, b := range l.waiting {
		l.back(b)
	}
	l.waiting, l.idle, l.ended = nil, nil, true
}
