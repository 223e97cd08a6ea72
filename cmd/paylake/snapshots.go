package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks/lake"
)

// snapshot is one line of `snapshots`: a manifest in short.
type snapshot struct {
	Sequence    int64     `json:"sequence"`
	CreatedAt   time.Time `json:"created_at"`
	Kind        string    `json:"kind"`
	Source      string    `json:"source"`
	Table       string    `json:"table"`
	Parts       int       `json:"parts"`
	Objects     int       `json:"objects"`
	Rows        int64     `json:"rows"`
	Inserted    int64     `json:"inserted"`
	Retracted   int64     `json:"retracted"`
	Duplicates  int64     `json:"duplicates"`
	Quarantined int64     `json:"quarantined"`
	SHA256      string    `json:"sha256"`
}

func (p *program) snapshotsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "snapshots [N]", Short: "List the lake's manifests, or show one",
		Example: "  paylake snapshots\n  paylake snapshots 3 --json", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.snapshots(cmd.Context(), asJSON)
			}
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || n < 1 {
				return usagef("%q is not the number of a manifest; see: paylake snapshots", args[0])
			}
			return p.snapshot(cmd.Context(), n, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) snapshots(ctx context.Context, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	list := []snapshot{}
	err = h.eachManifest(ctx, 1, func(e lake.Entry) error {
		list = append(list, inShort(e))
		return nil
	})
	if err != nil {
		return err
	}
	if asJSON {
		return p.json(list)
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{strconv.FormatInt(s.Sequence, 10), instant(s.CreatedAt), s.Source, s.Table,
			strconv.Itoa(s.Parts), thousands(s.Inserted), thousands(s.Retracted), thousands(s.Duplicates),
			thousands(s.Quarantined), s.SHA256[:12]})
	}
	p.grid([]string{"manifest", "created", "source", "table", "parts", "inserted", "retracted", "duplicates", "quarantined", "sha256"}, rows)
	return nil
}

// eachManifest reads the lake's manifests from a number on; a lake that is not
// there has none.
func (h *house) eachManifest(ctx context.Context, from int64, f func(lake.Entry) error) error {
	if h.lake == nil {
		if err := h.readLake(ctx); err != nil || h.lake == nil {
			return err
		}
	}
	for e, err := range h.lake.Manifests(ctx, from) {
		if err == nil {
			err = f(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func inShort(e lake.Entry) snapshot {
	s := snapshot{Sequence: e.Sequence, CreatedAt: e.CreatedAt, Kind: e.Kind, Source: e.Source, Table: e.Table,
		Parts: len(e.Parts), Objects: len(e.Objects), SHA256: e.SHA256}
	for _, part := range e.Parts {
		s.Rows += part.Rows
		s.Inserted += part.Inserted
		s.Retracted += part.Retracted
		s.Duplicates += part.Duplicates
		s.Quarantined += part.Quarantined.Rows
	}
	return s
}

var errFound = errors.New("found")

// snapshot shows one manifest, with every part.
func (p *program) snapshot(ctx context.Context, n int64, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	var entry lake.Entry
	err = h.eachManifest(ctx, n, func(e lake.Entry) error { entry = e; return errFound })
	switch {
	case err == nil:
		return usagef("the lake has no manifest %d; see: paylake snapshots", n)
	case !errors.Is(err, errFound):
		return err
	case asJSON:
		return p.json(manifestOf(entry))
	}
	p.showSnapshot(entry)
	return nil
}

// shownManifest is what snapshots N --json prints.
type shownManifest struct {
	lake.Manifest
	SHA256 string `json:"sha256"`
}

func manifestOf(e lake.Entry) shownManifest { return shownManifest{e.Manifest, e.SHA256} }

func (p *program) showSnapshot(e lake.Entry) {
	fmt.Fprintf(p.stdout, "manifest %d of %s, %s %s\nsha256 %s\nprevious %s\n\n",
		e.Sequence, instant(e.CreatedAt), e.Source, e.Table, e.SHA256, e.PrevSHA256)
	var rows [][]string
	for _, part := range e.Parts {
		rows = append(rows, []string{part.WalletID, part.Window.String(), thousands(part.Rows), thousands(part.Inserted),
			thousands(part.Retracted), thousands(part.Duplicates), thousands(part.Quarantined.Rows), string(part.Chain.State)})
	}
	p.grid([]string{"wallet", "window", "rows", "inserted", "retracted", "duplicates", "quarantined", "chain"}, rows)
	rows = nil
	for _, o := range e.Objects {
		rows = append(rows, []string{o.Path, thousands(o.Rows), thousands(o.Bytes)})
	}
	p.grid([]string{"object", "rows", "bytes"}, rows)
	rows = nil
	for _, t := range e.Totals {
		rows = append(rows, []string{t.Provider, t.Currency, thousands(t.Count), fmt.Sprint(t.Debit), fmt.Sprint(t.Credit)})
	}
	p.grid([]string{"provider", "currency", "count", "debit (minor)", "credit (minor)"}, rows)
	fmt.Fprintf(p.stdout, "quarantined %s\n", rowsAndMoney(totalsOfParts(e.Parts)))
}
