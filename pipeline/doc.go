// Package pipeline says what happens when: which windows are owed (plan.go,
// pure), how they move from sources into the lake (run.go and its neighbours),
// and at which hours (schedule.go).
//
// It sees the two contracts, sources.Source and sinks.Sink, and none of their
// implementations. What is complete is read from the sink, so a run that died
// anywhere is continued by running again: nothing else is kept.
//
// The cursor inside a window is deliberately not stored. A Source with its
// retries keeps the place in memory, which carries a window across a renewed
// login; after a crash a cursor without the rows read before it would lose
// them, so the window is read again from its start.
package pipeline
