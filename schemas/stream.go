package schemas

import (
	"fmt"
	"time"
)

// Stream is one thing that is read again and again: one table of one source,
// and of one wallet where the source has wallets.
type Stream struct {
	Source string // the source's name in the configuration
	Wallet string // empty for catalogues and for sources without wallets
	Table  *Table
}

// String is the stream's stable name: source/table or source/table/wallet.
func (s Stream) String() string {
	if s.Wallet == "" {
		return s.Source + "/" + s.Table.Name
	}
	return s.Source + "/" + s.Table.Name + "/" + s.Wallet
}

// Window is a half-open span of event time, [From, To), in UTC. The zero
// Window belongs to catalogues, which are read whole.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// IsZero reports whether w is the window of a catalogue.
func (w Window) IsZero() bool { return w.From.IsZero() && w.To.IsZero() }

// Contains reports whether an instant lies in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Overlaps reports whether two windows share an instant.
func (w Window) Overlaps(o Window) bool { return w.From.Before(o.To) && o.From.Before(w.To) }

func (w Window) String() string {
	if w.IsZero() {
		return "whole"
	}
	return fmt.Sprintf("[%s, %s)", w.From.UTC().Format(time.RFC3339), w.To.UTC().Format(time.RFC3339))
}
