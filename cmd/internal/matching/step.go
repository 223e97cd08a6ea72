package matching

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/fault"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// Input is what a matching needs.
type Input struct {
	Warehouse Warehouse
	Snapshot  int64 // manifest as of which it is asked
	Lake      sinks.Sink
	Decisions *decisions.Ledger
	Rules     []Rule
	TempDir   string
}

// Outcome is what a matching did.
type Outcome struct {
	Rules     map[string]match.Summary
	Inserted  int64 // pairs that are new or changed
	Retracted int64 // pairs that no longer hold, or changed
	Manifest  int64 // the last one; 0: nothing had changed
}

// Told adds up what the rules found: matches that hold, matches of which several
// are equally good, and rows without a partner, each counted by every rule that
// looked at it. A rule between sources that hold the same kind leaves none
// waiting: each has what the other has not.
func (o *Outcome) Told(rules []Rule) (matched, ambiguous, waiting int64) {
	for i := range rules {
		sum := o.Rules[rules[i].Name]
		matched, ambiguous = matched+sum.Matches, ambiguous+sum.Ambiguous
		if rules[i].Left != rules[i].Right {
			waiting += sum.Left + sum.Right - sum.Links - sum.Matches
		}
	}
	return matched, ambiguous, waiting
}

// Stream is where matches are committed.
func Stream() schemas.Stream {
	return schemas.Stream{Source: schemas.DecisionSource, Table: schemas.Matches}
}

// Step finds the matches of everything that the warehouse shows, and commits
// what is different from what the lake says, month by month of left_at: a month
// is stated anew, and pairs that are not in it any more are withdrawn. Killed
// anywhere it leaves whole months of before or of now; the next one does the
// rest.
func Step(ctx context.Context, in Input) (out Outcome, err error) {
	rows, out, err := in.plan(ctx)
	if err != nil {
		return out, err
	}
	defer rows.release()
	fault.Point("match.planned")
	err = in.commit(ctx, rows, &out)
	return out, err
}

func (in Input) plan(ctx context.Context) (rows *rowsByMonth, out Outcome, err error) {
	out.Rules = map[string]match.Summary{}
	rows = &rowsByMonth{months: map[string]*month{}, temp: in.TempDir}
	defer func() {
		if err != nil {
			rows.release()
		}
	}()
	q := clickhouse.Query{Snapshot: in.Snapshot, User: "auditor"}
	people, err := decidedBy(ctx, in.Warehouse, q, in.Decisions)
	if err != nil {
		return rows, out, err
	}
	for i := range people.links {
		if err := rows.add(&people.links[i]); err != nil {
			return rows, out, err
		}
	}
	for i := range in.Rules {
		r := &in.Rules[i]
		sum, err := match.Run(r.Rule, facts{ctx, in.Warehouse, q, r}, people.decidedFor(r), func(m match.Match) error { return linksOf(r, &m, rows.add) })
		if err != nil {
			return rows, out, err
		}
		if sum.Left+sum.Right == 0 && r.Left != r.Right { // no pass has gone through all rows
			if sum.Left, sum.Right, err = (facts{ctx, in.Warehouse, q, r}).count(); err != nil {
				return rows, out, err
			}
		}
		out.Rules[r.Name] = sum
	}
	for _, p := range rows.months {
		if err := p.flush(); err != nil {
			return rows, out, err
		}
	}
	return rows, out, nil
}

// perCommit bounds the rows of one manifest.
const perCommit = 500_000

func (in Input) commit(ctx context.Context, rows *rowsByMonth, out *Outcome) error {
	done, err := in.Lake.Done(ctx, Stream())
	if err != nil {
		return fmt.Errorf("read what is matched: %w", err)
	}
	var batch sinks.Batch
	flush := func() error {
		if len(batch.Parts) == 0 {
			return nil
		}
		receipt, err := in.Lake.Commit(ctx, batch)
		batch = sinks.Batch{}
		if err != nil {
			return fmt.Errorf("commit matches: %w", err)
		}
		out.Inserted, out.Retracted, out.Manifest = out.Inserted+receipt.Inserted, out.Retracted+receipt.Retracted, max(out.Manifest, receipt.Sequence)
		fault.Point("match.committed")
		return nil
	}
	for _, name := range allMonths(rows, done) {
		p, version := rows.months[name], "none"
		if p != nil {
			version = hex.EncodeToString(p.digest.Sum(nil)[:16])
		}
		if done.Files[name].Version == version {
			continue
		}
		part, err := partOf(name, version, p)
		if err != nil {
			return err
		}
		batch.Parts = append(batch.Parts, part)
		if batch.Rows() >= perCommit {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
