package lake

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// What is known of the lake without reading an object: derived from manifests
// alone, once at open and then one manifest at a time. It is compact, because
// a lake may hold 10^5 wallets.

type tableID struct{ source, table string }

type tableState struct {
	objects    []object
	quarantine []string // files, in order
	seen       map[string]struct{}
	seenFiles  int                 // files of quarantine whose ids are in seen
	resolved   map[string]struct{} // ids of rejected rows that came in after all
	streams    map[string]*streamState
}

// object is a committed Parquet file, as far as a lookup needs it.
type object struct {
	path       string
	rows       int64
	bytes      int64
	sequence   int64
	span       span // event times, [min, max]
	minW, maxW string
}

// touches reports whether rows of a wallet with event times in [s.from, s.to]
// may lie in the object.
func (o object) touches(wallet string, s span) bool {
	return (wallet == anyWallet || wallet >= o.minW && wallet <= o.maxW) && o.span.from <= s.to && s.from <= o.span.to
}

// anyWallet stands for every wallet; no configured one has this name.
const anyWallet = "\x00"

// span is a stretch of event time in microseconds since the epoch.
type span struct{ from, to int64 }

type streamState struct {
	complete []span // half-open, disjoint, ascending
	breaks   []span // of balance chains, from the row before to the row after
	windows  []windowState
	rows     int64
	lastRead time.Time
	newest   int64                   // latest end of a window that the plan had owed
	reached  time.Time               // created_at of the newest manifest with that window
	files    map[string]schemas.File // as committed last
}

// windowState is the last verdict on a window: enough to tell whether a new one
// differs, and where the next window's chain begins.
type windowState struct {
	window    span
	verdict   uint64 // hash of state, closing and breaks
	closed    bool   // nothing owed
	final     bool
	balance   int64 // closing
	known     bool  // balance is known
	balanceAt int64
}

// keptWindows bounds the closed verdicts kept per stream. An older window is
// checked without the boundary to the one before.
const keptWindows = 16

func newTableState() *tableState {
	return &tableState{streams: map[string]*streamState{}, seen: map[string]struct{}{}, resolved: map[string]struct{}{}}
}

// snapshot returns what a commit needs, unmoved by manifests that readers apply
// while it works. Objects are only ever appended, or in a new slice; streams are
// copied.
func (t *tableState) snapshot(b sinks.Batch) *tableState {
	c := &tableState{objects: slices.Clip(t.objects), streams: map[string]*streamState{}, resolved: map[string]struct{}{}}
	for _, p := range b.Parts {
		for _, id := range p.Resolves {
			if _, before := t.resolved[id]; before {
				c.resolved[id] = struct{}{}
			}
		}
		if s := t.streams[p.Stream.Wallet]; s != nil {
			n := &streamState{complete: slices.Clone(s.complete), windows: slices.Clone(s.windows)}
			n.files = maps.Clone(s.files)
			c.streams[p.Stream.Wallet] = n
		}
	}
	return c
}

// apply adds one manifest.
func (t *tableState) apply(e Entry) {
	t.applyObjects(e)
	for _, q := range e.Quarantine {
		t.quarantine = append(t.quarantine, q.Path)
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		for _, id := range p.Resolves {
			t.resolved[strings.Clone(id)] = struct{}{}
		}
		s := t.streams[p.WalletID]
		if s == nil {
			s = &streamState{}
			t.streams[strings.Clone(p.WalletID)] = s
		}
		s.apply(p, e.CreatedAt)
	}
}

func (t *tableState) applyObjects(e Entry) {
	if len(e.Merged) > 0 { // into a slice of its own: commits under way look at the old one
		gone := map[string]bool{}
		for _, m := range e.Merged {
			for _, o := range m.From {
				gone[o.Path] = true
			}
		}
		var left []object
		for _, o := range t.objects {
			if !gone[o.path] {
				left = append(left, o)
			}
		}
		t.objects = left
	}
	for _, o := range e.Objects {
		t.objects = append(t.objects, objectAt(o, e.Sequence))
	}
}

// objectAt is where an object of a manifest lies.
func objectAt(o Object, sequence int64) object {
	return object{path: o.Path, rows: o.Rows, bytes: o.Bytes, sequence: sequence,
		span: span{micros(o.MinTime), micros(o.MaxTime)}, minW: o.MinWallet, maxW: o.MaxWallet}
}

func (s *streamState) apply(p *Part, at time.Time) {
	s.rows += p.Inserted - p.Retracted
	if at.After(s.lastRead) && len(p.Resolves) == 0 {
		s.lastRead = at
	}
	if p.File != nil {
		if s.files == nil {
			s.files = map[string]schemas.File{}
		}
		s.files[p.File.Name] = *p.File
	}
	if p.Window.IsZero() {
		return
	}
	w := windowSpan(p.Window)
	// A notice, a row that came in after all, or a day that somebody asked for says
	// nothing about the windows before it: the look-back would count from it, and
	// what appeared meanwhile in the days that it no longer reaches would be lost.
	if w.to >= s.newest && !p.Hint && !p.Asked && len(p.Resolves) == 0 {
		s.newest, s.reached = w.to, at
	}
	if p.Final {
		s.complete = mergeSpan(s.complete, w)
	}
	s.breaks = slices.DeleteFunc(s.breaks, func(b span) bool { return b.to >= w.from && b.to < w.to })
	for _, b := range p.Chain.Breaks {
		s.breaks = append(s.breaks, span{micros(b.From), micros(b.To)})
	}
	s.remember(w, p)
}

func (s *streamState) remember(w span, p *Part) {
	s.windows = slices.DeleteFunc(s.windows, func(o windowState) bool { return o.window.from >= w.from && o.window.to <= w.to })
	if p.Chain.State == sinks.ChainNone && p.Chain.Closing == nil {
		return
	}
	n := windowState{window: w, verdict: p.Chain.verdict(), closed: len(p.Chain.Breaks) == 0, final: p.Final}
	if p.Chain.Closing != nil {
		n.balance, n.known, n.balanceAt = *p.Chain.Closing, true, micros(p.Chain.ClosedAt)
	}
	at, _ := slices.BinarySearchFunc(s.windows, w, func(o windowState, w span) int {
		return int(min(max(o.window.to-w.to, -1), 1))
	})
	s.windows = slices.Insert(s.windows, at, n)
	if len(s.windows) <= keptWindows {
		return
	}
	for i := range s.windows {
		if s.windows[i].closed {
			s.windows = slices.Delete(s.windows, i, i+1)
			return
		}
	}
}

// before returns the final window that ends where w begins.
func (s *streamState) before(w span) (windowState, bool) {
	if s == nil {
		return windowState{}, false
	}
	for _, o := range s.windows {
		if o.window.to == w.from && o.final {
			return o, true
		}
	}
	return windowState{}, false
}

// recorded returns the last verdict on this window, or on as much of it as had
// passed when it was read.
func (s *streamState) recorded(w span) (windowState, bool) {
	if s == nil {
		return windowState{}, false
	}
	for _, o := range s.windows {
		if o.window == w || o.window.from == w.from && o.window.to < w.to && !o.final {
			return o, true
		}
	}
	return windowState{}, false
}

// covers reports whether the stream is complete over all of w.
func (s *streamState) covers(w span) bool {
	if s == nil {
		return false
	}
	return slices.ContainsFunc(s.complete, func(c span) bool { return c.from <= w.from && w.to <= c.to })
}

func (s *streamState) done() sinks.Done {
	d := sinks.Done{Rows: s.rows, LastRead: s.lastRead, Reached: s.reached, Files: maps.Clone(s.files)}
	for _, c := range s.complete {
		d.Complete = append(d.Complete, c.window())
	}
	var owed []span
	for _, b := range s.breaks {
		owed = mergeSpan(owed, span{b.from, b.to + 1})
	}
	for _, o := range owed {
		d.Owed = append(d.Owed, o.window())
	}
	return d
}

// verdict is a hash of what a chain says, to see that it has changed.
func (c BalanceChain) verdict() uint64 {
	h := xxh3.New()
	put := func(s string) { _, _ = h.WriteString(s + "\x00") }
	put(string(c.State))
	if c.Closing != nil {
		put(Amount{}.Add(*c.Closing).String())
	}
	for _, b := range c.Breaks {
		put(b.After)
		put(b.Before)
		put(b.From.UTC().String() + b.To.UTC().String())
		put(Amount{}.Add(b.Missing).String())
	}
	return h.Sum64()
}

// mergeSpan adds a half-open span to disjoint ascending ones.
func mergeSpan(spans []span, n span) []span {
	i, _ := slices.BinarySearchFunc(spans, n.from, func(s span, from int64) int {
		if s.to < from {
			return -1
		}
		return 1
	})
	j := i
	for j < len(spans) && spans[j].from <= n.to {
		n = span{min(n.from, spans[j].from), max(n.to, spans[j].to)}
		j++
	}
	return slices.Replace(spans, i, j, n)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func windowSpan(w schemas.Window) span { return span{micros(w.From), micros(w.To)} }

func (s span) window() schemas.Window {
	return schemas.Window{From: time.UnixMicro(s.from).UTC(), To: time.UnixMicro(s.to).UTC()}
}
