package webhook

import "time"

// Export is an attempt to carry out an export of the configuration.
type Export struct {
	RunID, Name, Dataset, Format, Period string
	Object                               string // in its target
	Rows, Snapshot                       int64
	At                                   time.Time
	Why                                  string // it failed
}

func (e Export) fields() Fields {
	f := Fields{}
	f.Text("export", e.Name)
	f.Text("dataset", e.Dataset)
	f.Text("format", e.Format)
	f.Text("period", e.Period)
	return f
}

// Written is the event of a file in its target, told once for each file.
func (e Export) Written() Event {
	f := e.fields()
	f.Text("object", e.Object)
	f.Number("rows", e.Rows)
	f.Number("snapshot", e.Snapshot)
	return Event{ID: EventID(ExportWritten, e.Name, e.Object), Type: ExportWritten, At: e.At, Data: f}
}

// Failed is the event of an attempt that failed, told once for each.
func (e Export) Failed() Event {
	f := e.fields()
	f.Text("run_id", e.RunID)
	f.Text("error", e.Why)
	return Event{ID: EventID(ExportFailed, e.RunID), Type: ExportFailed, At: e.At, Data: f}
}
