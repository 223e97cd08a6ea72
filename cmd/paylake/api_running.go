package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
)

// liveRun is a run that goes on in this process.
type liveRun struct {
	Pipeline string    `json:"pipeline"`
	Rows     int64     `json:"rows"`
	Windows  int       `json:"windows_done"`
	Started  time.Time `json:"started_at"`
}

// liveRuns knows the runs that go on.
type liveRuns struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]liveRun
}

// watch listens to jobs: a run begins with its lease, and ends with it.
func (l *liveRuns) watch(jobs []pipeline.Job) {
	for i := range jobs {
		name, lease := jobs[i].Spec.Name, jobs[i].Lease
		jobs[i].Lease = func(ctx context.Context, key string) (func(), error) {
			release, err := lease(ctx, key)
			if err != nil {
				return nil, err
			}
			l.set(liveRun{Pipeline: name, Started: l.now()})
			return func() { l.end(name); release() }, nil
		}
		jobs[i].Progress = func(p pipeline.Progress) { l.progress(name, p) }
	}
}

func (l *liveRuns) set(r liveRun) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]liveRun{}
	}
	l.all[r.Pipeline] = r
}

func (l *liveRuns) end(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, name)
}

func (l *liveRuns) progress(name string, p pipeline.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r, ok := l.all[name]; ok {
		r.Rows, r.Windows = p.Rows, p.Done
		l.all[name] = r
	}
}

// list is by name.
func (l *liveRuns) list() []liveRun {
	out := []liveRun{}
	if l == nil {
		return out
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.all {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b liveRun) int { return strings.Compare(a.Pipeline, b.Pipeline) })
	return out
}

// nextAt is the next hour of a pipeline's schedule; nil where it has none.
func (h *house) nextAt(q config.Pipeline) *time.Time {
	if q.Schedule == "" {
		return nil
	}
	zone := time.UTC
	for _, s := range h.cfg.Sources {
		if s.Name == q.Source {
			zone = s.Zone
		}
	}
	schedule, err := pipeline.ParseSchedule(q.Schedule, zone)
	if err != nil {
		return nil
	}
	at := schedule.Next(h.p.now()).UTC()
	return &at
}
