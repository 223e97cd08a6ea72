package schemas

import "time"

// File is a file that a stream is made of. Its name says which statement it
// is, its version which wording of it: the same version again is nothing new,
// another version under the same name is a correction.
type File struct {
	Name string `json:"name"`
	// Version is a function of the file's bytes and of how they are read, so a
	// changed mapping makes every file new. Empty until the last part.
	Version  string    `json:"version"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified,omitzero"` // as the bucket says; only to skip a file without reading it
	// Span holds the event times of the rows, half-open; zero without rows.
	Span Window `json:"span,omitzero"`
	// Last says that the file ends with this part: from here on it is complete.
	Last bool `json:"last"`
	// Replaces is the stretch of event time whose rows this part states anew:
	// those that it does not hold are withdrawn. Zero for a file that is new.
	Replaces Window `json:"replaces,omitzero"`
}

// Join returns the smallest window that holds both; a zero window is nothing.
func (w Window) Join(o Window) Window {
	if w.IsZero() {
		return o
	}
	if o.IsZero() {
		return w
	}
	if o.From.Before(w.From) {
		w.From = o.From
	}
	if o.To.After(w.To) {
		w.To = o.To
	}
	return w
}
