package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/lake"
)

// badRow is one line of `quarantine list`.
type badRow struct {
	lake.QuarantineRow
	FirstSeen time.Time `json:"first_seen"`
	Snapshot  int64     `json:"snapshot"`
	Resolved  int64     `json:"resolved_in,omitempty"` // manifest that says that the row came in after all
	Raw       *string   `json:"raw,omitempty"`
}

func (p *program) quarantineCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "quarantine", Short: "Rows that could not be read, and why",
		Example: "  paylake quarantine list\n  paylake quarantine show ID --raw\n  paylake quarantine redrive ID",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.quarantineList(cmd.Context(), quarantineFilter{}, false)
		},
	}
	var filter quarantineFilter
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List quarantined rows", Args: cobra.NoArgs,
		Example: "  paylake quarantine list --source mpay --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.quarantineList(cmd.Context(), filter, asJSON) },
	}
	filter.flags(list)
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	var raw, showJSON bool
	show := &cobra.Command{
		Use: "show ID", Short: "Show one row; --raw opens its sealed text", Args: cobra.ExactArgs(1),
		Long: `Shows one quarantined row. Its raw text lies sealed in the state database, because
it may hold numbers of people; --raw opens it with the configuration's keeper.`,
		Example: "  paylake quarantine show 0f3a… --raw",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.quarantineShow(cmd.Context(), args[0], raw, showJSON)
		},
	}
	show.Flags().BoolVar(&raw, "raw", false, "open the sealed raw text")
	show.Flags().BoolVar(&showJSON, "json", false, "print JSON")
	group.AddCommand(list, show, p.redriveCommand())
	return group
}

type quarantineFilter struct{ source, table, reason string }

func (f *quarantineFilter) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.source, "source", "", "only rows of `SOURCE`")
	cmd.Flags().StringVar(&f.table, "table", "", "only rows of `TABLE`")
	cmd.Flags().StringVar(&f.reason, "reason", "", "only rows refused for `REASON`, such as amount_syntax")
}

func (f quarantineFilter) takes(r badRow) bool {
	return (f.table == "" || f.table == r.Table) && (f.source == "" || f.source == r.Source) && (f.reason == "" || f.reason == r.Reason)
}

// badRows reads the quarantine files of the lake, in the order of manifests.
func (h *house) badRows(ctx context.Context, filter quarantineFilter) ([]badRow, error) {
	list, settled := []badRow{}, map[string]int64{}
	err := h.eachManifest(ctx, 1, func(e lake.Entry) error {
		for _, p := range e.Parts {
			for _, id := range p.Resolves {
				settled[id] = e.Sequence
			}
		}
		for _, file := range e.Quarantine {
			rows, err := h.lake.ReadQuarantine(ctx, file.Path)
			if err != nil {
				return err
			}
			for _, r := range rows {
				if b := (badRow{QuarantineRow: r, FirstSeen: e.CreatedAt, Snapshot: e.Sequence}); filter.takes(b) {
					list = append(list, b)
				}
			}
		}
		return nil
	})
	for i := range list {
		list[i].Resolved = settled[list[i].ID]
	}
	return list, err
}

func (p *program) quarantineList(ctx context.Context, filter quarantineFilter, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	list, err := h.badRows(ctx, filter)
	if err != nil {
		return err
	}
	if asJSON {
		return p.json(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(p.stderr, "no rows in quarantine")
		return nil
	}
	var rows [][]string
	var wait []badRow
	for _, r := range list {
		rows = append(rows, []string{r.ID, r.Source, r.Table, r.WalletID, r.RowID, r.Reason, r.Field, r.amount(),
			strconv.FormatInt(r.Snapshot, 10), instant(r.FirstSeen), r.resolved()})
		if r.Resolved == 0 {
			wait = append(wait, r)
		}
	}
	p.grid([]string{"id", "source", "table", "wallet", "row", "reason", "field", "amount", "manifest", "first seen", "resolved"}, rows)
	fmt.Fprintf(p.stdout, "quarantined: %s; rows that an upstream has sent again since: paylake query \"SELECT * FROM quarantine WHERE resolved_at IS NOT NULL\"\n", moneyOf(wait))
	return nil
}

func (r badRow) resolved() string {
	if r.Resolved == 0 {
		return ""
	}
	return "in manifest " + strconv.FormatInt(r.Resolved, 10)
}

func (r badRow) amount() string {
	if r.Amount == nil {
		return ""
	}
	return decimal(*r.Amount, r.Currency)
}

func (p *program) quarantineShow(ctx context.Context, id string, raw, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	list, err := h.badRows(ctx, quarantineFilter{})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(r badRow) bool { return r.ID == id })
	if i < 0 {
		return usagef("there is no quarantined row %q; see: paylake quarantine list", id)
	}
	row := list[i]
	if raw {
		if err := h.openRaw(ctx, &row); err != nil {
			return err
		}
	}
	if asJSON {
		return p.json(row)
	}
	p.showBadRow(row)
	return nil
}

func (h *house) openRaw(ctx context.Context, row *badRow) error {
	if err := h.openState(ctx); err != nil {
		return err
	}
	text, err := h.state.Vault().Get(ctx, row.ID)
	if errors.Is(err, state.ErrAbsent) {
		return fmt.Errorf("the raw text of %s is not in the state database; it was kept by another one, or erased: %w", row.ID, err)
	}
	if errors.Is(err, state.ErrErased) {
		return fmt.Errorf("the raw text of %s cannot be opened any more: %w", row.ID, err)
	}
	if err != nil {
		return err
	}
	s := string(text)
	row.Raw = &s
	return nil
}

func (p *program) showBadRow(r badRow) {
	for _, line := range [][2]string{
		{"id", r.ID}, {"source", r.Source}, {"table", r.Table}, {"wallet", r.WalletID}, {"row", r.RowID},
		{"reason", r.Reason}, {"field", r.Field}, {"amount", r.amount()},
		{"first seen", instant(r.FirstSeen)}, {"manifest", strconv.FormatInt(r.Snapshot, 10)},
		{"resolved", r.resolved()},
	} {
		fmt.Fprintf(p.stdout, "%-11s %s\n", line[0], line[1])
	}
	if r.Raw != nil {
		fmt.Fprintf(p.stdout, "raw         %s\n", *r.Raw)
	}
}
