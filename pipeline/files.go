package pipeline

// Files: a stream that lies on a shelf has a lane for each file that is to be
// read, so that one that cannot be read leaves the others alone.

import (
	"context"
	"fmt"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// planFiles asks the sink which files it knows and the shelf which differ.
func (r *run) planFiles(ctx context.Context, shelf sources.Shelf) ([]*lane, error) {
	s, planner := shelf.Stream(), r.job.planner(r.job.Now())
	var units []sources.Unit
	err := guarded(s.String(), func() error {
		done, err := r.job.Sink.Done(ctx, s)
		if err == nil {
			units, err = shelf.Files(ctx, done.Files, !r.job.From.IsZero() || !r.job.To.IsZero())
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", s, err)
	}
	r.byName = map[string]*lane{}
	var lanes []*lane
	for i, u := range units {
		ln := &lane{source: u.Source, index: i, walk: planner.walk(sinks.Done{}),
			report: StreamReport{Stream: s, Name: s.String() + "/" + u.Name}}
		lanes = append(lanes, ln)
		r.byName[ln.report.Name] = ln
	}
	r.report.Planned = len(units)
	return lanes, nil
}
