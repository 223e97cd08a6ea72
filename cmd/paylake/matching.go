package main

// Matching rows of two systems, at the end of every run and while `up` runs.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/matching"
	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/lake"
)

// matchedOf is the note that stands for what was matched last: with the same
// rows, rules and decisions there is nothing to do.
const matchedOf = "matches/of"

// newMatches matches what the run has brought. Without two systems that report
// the same kind of money it costs nothing: not a look at the lake. A warehouse
// that is out of reach is no verdict, as it is none for alarms. What changed is
// told to say, which may be nil.
func (h *house) newMatches(ctx context.Context, followers *pipeline.Followers, say io.Writer) pipeline.Verdict {
	h.store.mu.Lock()
	open := h.store.open
	h.store.mu.Unlock()
	if open == nil || ctx.Err() != nil || len(matching.Between(h.cfgRules(), h.configured)) == 0 {
		return pipeline.Verdict{}
	}
	out, err := h.match(ctx, open)
	switch {
	case errors.Is(err, sinks.ErrBusy), err != nil && ctx.Err() != nil:
		return pipeline.Verdict{} // who is at it, or the next run, does it
	case err != nil:
		return pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{fmt.Sprintf("match rows of two systems: %v", err)}}
	case out.Manifest == 0:
		return pipeline.Verdict{}
	}
	h.p.log.Info("rows matched", "inserted", out.Inserted, "retracted", out.Retracted, "manifest", out.Manifest)
	if say != nil {
		matched, ambiguous, waiting := out.Told(h.cfgRules())
		fmt.Fprintf(say, "matches: %s matched, %s ambiguous, %s rows wait for a partner; %s new, %s withdrawn, manifest %d; see: paylake match list --open\n",
			thousands(matched), thousands(ambiguous), thousands(waiting), thousands(out.Inserted), thousands(out.Retracted), out.Manifest)
	}
	return h.caughtUp(ctx, followers)
}

// caughtUp brings the followers up to what was just committed.
func (h *house) caughtUp(ctx context.Context, followers *pipeline.Followers) (v pipeline.Verdict) {
	followers.Nudge(ctx)
	for _, f := range followers.Wait(ctx) {
		if f.Err != nil && ctx.Err() == nil {
			v = v.And(pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{fmt.Sprintf("follower %s: %v", f.Name, f.Err)}})
		}
	}
	return v
}

// configured is how many sources a pipeline reads a table of.
func (h *house) configured(table string) int {
	seen := map[string]bool{}
	for _, q := range h.cfg.Pipelines {
		if q.Table == table {
			seen[q.Source] = true
		}
	}
	return len(seen)
}

// match brings the lake's matches up to what the warehouse shows; it does
// nothing where nothing has changed that they depend on. sinks.ErrBusy: somebody
// else is at it.
func (h *house) match(ctx context.Context, ch *clickhouse.Warehouse) (out matching.Outcome, err error) {
	release, err := h.state.Lease(ctx, "matches")
	if err != nil {
		return out, err
	}
	defer release()
	rules := h.cfgRules()
	objects, sources := map[string][]lake.Standing{}, map[string]map[string]bool{}
	var head int64
	for _, table := range matching.Tables(rules) {
		var list []lake.Standing
		if head, list, err = h.lake.Standing(ctx, table); err != nil {
			return out, err
		}
		objects[table], sources[table] = list, map[string]bool{}
		for _, o := range list {
			sources[table][o.Source] = true
		}
	}
	now := matching.Print(rules, fmt.Sprint(h.cfg.Aliases), objects)
	before, err := h.state.Get(ctx, matchedOf)
	if err != nil || before == now {
		return out, err
	}
	shown, err := ch.Newest(ctx, 0)
	if err != nil || shown.Sequence < head {
		return out, err // it is behind, and its follower has said why
	}
	so, err := decisions.Read(ctx, h.lake)
	if err != nil {
		return out, err
	}
	out, err = matching.Step(ctx, matching.Input{Warehouse: ch, Snapshot: shown.Sequence, Lake: h.lake, Decisions: so, TempDir: h.tempDir(),
		Rules: matching.Between(rules, func(table string) int { return len(sources[table]) })})
	if err != nil {
		return out, err
	}
	return out, h.state.Set(ctx, matchedOf, now)
}

// ambiguous counts the matches of a period that nobody can choose between but a
// person; none where no two systems report the same kind of money.
func (h *house) ambiguous(ctx context.Context, period reconcile.Period, snapshot int64) (int64, error) {
	if len(matching.Between(h.cfgRules(), h.configured)) == 0 {
		return 0, nil
	}
	ch, err := h.store.get(ctx)
	if err != nil {
		return 0, err
	}
	n, err := matching.Ambiguous(ctx, ch, clickhouse.Query{Snapshot: snapshot, User: "auditor"}, matching.Days{From: period.From.Format(time.DateOnly), To: period.To.Format(time.DateOnly)})
	if err != nil {
		return 0, fmt.Errorf("count ambiguous matches of %s: %w", period.Name, err)
	}
	return n, nil
}

// cfgRules are the rules of the configuration.
func (h *house) cfgRules() []matching.Rule { return matching.Configured(h.cfg.Matching) }
