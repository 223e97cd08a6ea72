package main

// `paylake quarantine redrive`: rejected rows are tried again.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

var errNoRow = errors.New("no quarantined row")

// redriven is one line of `quarantine redrive`.
type redriven struct {
	badRow
	Fate pipeline.Fate `json:"outcome"`
	Why  string        `json:"why,omitempty"`
}

func (p *program) redriveCommand() *cobra.Command {
	var filter quarantineFilter
	var all, dry, asJSON, queue bool
	cmd := &cobra.Command{
		Use: "redrive [ID…]", Short: "Try quarantined rows again with today's decoder and checks",
		Long: `Decodes the sealed raw texts again. A row that is good now is committed like any
other, with consents and checks as of today, and counts as resolved; one that is
still bad says why and changes nothing. So does one whose key the lake shows with
other content: nobody can say which of the two is newer. Safe to repeat. Exit
code 3: some of the rows still wait. With --queue a running paylake up does it.`,
		Example: "  paylake quarantine redrive 0f3a…\n  paylake quarantine redrive --reason currency_unknown --dry-run\n  paylake quarantine redrive --all\n  paylake quarantine redrive --all --queue   # a running paylake up does it",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if len(ids) == 0 && filter == (quarantineFilter{}) && !all {
				return usagef("name rows by their ids, --table, --reason or --source, or write --all; see: paylake quarantine list")
			}
			if queue {
				if dry || asJSON {
					return usagef("--queue only queues; a running paylake up tries the rows")
				}
				return p.queueRedrive(cmd.Context(), ids, filter)
			}
			return p.redrive(cmd.Context(), ids, filter, dry, asJSON)
		},
	}
	filter.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every row that waits")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would happen and change nothing")
	cmd.Flags().BoolVar(&queue, "queue", false, "leave it to a running paylake up; it is done also when this machine fails")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) redrive(ctx context.Context, ids []string, filter quarantineFilter, dry, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	list, err := h.redrivable(ctx, ids, filter)
	if err != nil {
		return err
	}
	verdict := pipeline.Verdict{}
	if len(list) > 0 {
		if verdict, err = h.redriveAll(ctx, list, dry); err != nil {
			return err
		}
	}
	if asJSON {
		if err := p.json(list); err != nil {
			return err
		}
	} else {
		p.showRedriven(list)
	}
	return p.conclude(verdict)
}

// redrivable picks rows that wait; of ids that are named it keeps those that are
// settled, too, to say so.
func (h *house) redrivable(ctx context.Context, ids []string, filter quarantineFilter) ([]*redriven, error) {
	rows, err := h.badRows(ctx, filter)
	if err != nil {
		return nil, err
	}
	list := []*redriven{}
	for _, r := range rows {
		if named := slices.Contains(ids, r.ID); named || len(ids) == 0 && r.Resolved == 0 {
			list = append(list, &redriven{badRow: r})
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(list, func(r *redriven) bool { return r.ID == id }) {
			return nil, usagef("there is %w %q; see: paylake quarantine list", errNoRow, id)
		}
	}
	return list, nil
}

// redriveAll tries the rows pipeline by pipeline.
func (h *house) redriveAll(ctx context.Context, list []*redriven, dry bool) (v pipeline.Verdict, err error) {
	var chosen []config.Pipeline
	mine := map[string][]*redriven{}
	for _, r := range list {
		at := slices.IndexFunc(h.cfg.Pipelines, func(q config.Pipeline) bool { return q.Source == r.Source && q.Table == r.Table })
		switch {
		case r.Resolved > 0:
			r.Fate, r.Why = pipeline.FateThere, fmt.Sprintf("resolved in manifest %d", r.Resolved)
			continue
		case at < 0:
			r.Fate, r.Why = pipeline.FateKept, fmt.Sprintf("no pipeline of %s reads %s of %s", h.cfg.File, r.Table, r.Source)
			continue
		}
		q := h.cfg.Pipelines[at]
		if mine[q.Name] == nil {
			chosen = append(chosen, q)
		}
		mine[q.Name] = append(mine[q.Name], r)
	}
	if len(chosen) > 0 {
		jobs, _, err := h.openJobs(ctx, chosen, span{})
		if err != nil {
			return v, err
		}
		settled := h.sentAgain(ctx)
		for name, rows := range mine {
			mine[name] = slices.DeleteFunc(rows, func(r *redriven) bool {
				if settled[r.ID] {
					r.Fate, r.Why = pipeline.FateThere, "the upstream has sent a good row of this key since"
				}
				return settled[r.ID]
			})
		}
		for i, q := range chosen {
			one, err := h.redriveOne(ctx, q, jobs[i], mine[q.Name], dry)
			if v = v.And(one); err != nil {
				return v, err
			}
		}
	}
	waiting := 0
	for _, r := range list {
		if !r.Fate.Resolved() && r.Fate != pipeline.FateGood {
			waiting++
		}
	}
	if waiting > 0 {
		v = v.And(pipeline.Verdict{Code: pipeline.CodeFinding, Why: []string{fmt.Sprintf("%d of %d rows still wait in quarantine", waiting, len(list))}})
	}
	return v, nil
}

func (h *house) redriveOne(ctx context.Context, q config.Pipeline, job pipeline.Job, mine []*redriven, dry bool) (v pipeline.Verdict, err error) {
	streams := map[string]schemas.Stream{}
	for _, s := range h.streams(q) {
		streams[s.Wallet] = s
	}
	var rows []pipeline.Quarantined
	var of []*redriven
	for _, r := range mine {
		s, ok := streams[r.WalletID]
		if !ok {
			r.Fate, r.Why = pipeline.FateKept, fmt.Sprintf("%s has no wallet %s any more", h.cfg.File, r.WalletID)
			continue
		}
		text := r.badRow
		if err := h.openRaw(ctx, &text); err != nil {
			if !errors.Is(err, state.ErrAbsent) && !errors.Is(err, state.ErrErased) {
				return v, err
			}
			r.Fate, r.Why = pipeline.FateKept, err.Error()
			continue
		}
		rows = append(rows, pipeline.Quarantined{ID: r.ID, Stream: s, RowID: r.RowID, Currency: r.Currency, Snapshot: r.Snapshot, Raw: []byte(*text.Raw)})
		of = append(of, r)
	}
	d := pipeline.Redriving{Job: job, DryRun: dry, Person: h.called(ctx),
		Reader: func(s schemas.Stream) (sources.Redriver, bool) { return h.redriver(q, s) }}
	report, err := d.Run(ctx, rows)
	for i, o := range report.Outcomes {
		of[i].Fate, of[i].Why = o.Fate, o.Why
	}
	for _, f := range report.Followers {
		if f.Err != nil {
			v = v.And(pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{fmt.Sprintf("the lake is committed up to %d; %s catches up with the next run: %v", report.Sequence, f.Name, f.Err)}})
		}
	}
	return v, err
}

// sentAgain are rejected rows whose keys have become visible otherwise; none
// while the warehouse is out of reach: then the lake's own rows decide.
func (h *house) sentAgain(ctx context.Context) map[string]bool {
	open, err := h.store.get(ctx)
	if err == nil {
		var ids map[string]bool
		if ids, err = open.Settled(ctx); err == nil {
			return ids
		}
	}
	h.p.log.Warn("resolved rows not looked for", "err", err)
	return nil
}

// redriver is what decodes rows of a stream again.
func (h *house) redriver(q config.Pipeline, s schemas.Stream) (sources.Redriver, bool) {
	var src sources.Source
	switch {
	case h.files[q.Source] != nil:
		src = h.files[q.Source]
	case h.psp[q.Source] != nil:
		src = pspSource(h.psp[q.Source], q.Table)
	case h.mpay[q.Source] != nil:
		src, _ = h.mpay[q.Source].Source(s.Table.Name, s.Wallet)
	}
	r, ok := src.(sources.Redriver)
	return r, ok
}

// called says what the person behind a first pseudonym is called today; somebody
// whom the vault does not know keeps the name.
func (h *house) called(ctx context.Context) func(string) string {
	return func(pseudonym string) string {
		number, err := h.state.Subjects().Number(ctx, pseudonym)
		switch {
		case errors.Is(err, state.ErrErased):
			return schemas.Erased
		case err != nil:
			return pseudonym
		}
		return h.pseudo.Of(number)
	}
}

func (p *program) showRedriven(list []*redriven) {
	if len(list) == 0 {
		fmt.Fprintln(p.stderr, "no rows wait in quarantine")
		return
	}
	var rows [][]string
	for _, r := range list {
		rows = append(rows, []string{r.ID, r.Source, r.Table, r.WalletID, r.RowID, r.amount(), string(r.Fate), r.Why})
	}
	p.grid([]string{"id", "source", "table", "wallet", "row", "amount", "outcome", "why"}, rows)
	for _, fate := range []pipeline.Fate{pipeline.FateCommitted, pipeline.FateGood, pipeline.FateThere, pipeline.FateBad, pipeline.FateOlder, pipeline.FateKept} {
		var some []badRow
		for _, r := range list {
			if r.Fate == fate {
				some = append(some, r.badRow)
			}
		}
		if len(some) > 0 {
			fmt.Fprintf(p.stdout, "%s: %s\n", fate, strings.TrimPrefix(moneyOf(some), ", "))
		}
	}
}
