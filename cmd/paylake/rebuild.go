package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks"
)

func (p *program) rebuildCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rebuild", Short: "Make the warehouse again from the lake", Args: cobra.NoArgs,
		Long: `Drops what the warehouse holds and loads every object of the lake again. Before
that every file of the lake is compared with its digest: one that is lost or
damaged is put back, bit for bit: from an older version in a bucket that keeps
them (manifests, too), from the objects that it was merged from or into, or from
the warehouse that still holds its rows. Where nobody does, nothing is dropped
and the days to read again are printed.
Exit code 5 while paylake up or another holder runs.`,
		Example: "  paylake rebuild",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.rebuild(cmd.Context()) },
	}
}

func (p *program) rebuild(ctx context.Context) (err error) {
	p.boundMemory()
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openState(ctx); err != nil {
		return err
	}
	if err := h.holdServer(ctx); err != nil {
		return err
	}
	if err := h.openWhole(ctx); err != nil {
		return err
	}
	if err := h.holdWarehouse(ctx); err != nil {
		return err
	}
	ch, err := h.store.get(ctx)
	if err != nil {
		return err
	}
	began := p.now()
	if err := h.mendLake(ctx, ch); err != nil {
		return err
	}
	if err := ch.Rebuild(ctx); err != nil {
		return err
	}
	head, err := h.lake.Head(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "the warehouse is rebuilt up to manifest %d, took %s\n", head, rounded(p.now().Sub(began)))
	return nil
}

// holdWarehouse becomes the only holder of an embedded warehouse.
func (h *house) holdWarehouse(ctx context.Context) (err error) {
	h.store = h.newWarehouse()
	if h.cfg.Warehouse == config.Embedded {
		h.store.server, err = h.acquire(ctx, true)
	}
	return err
}

// upsAtOnce is how many processes may keep one ClickHouse server with `up`. Each
// takes a place; a rebuild takes all of them.
const upsAtOnce = 8

// joinServer takes a place beside others that keep a warehouse that is a server:
// they follow by turns. The embedded one has its own lock.
func (h *house) joinServer(ctx context.Context) (err error) {
	for place := range upsAtOnce {
		if err = h.takePlace(ctx, place); !errors.Is(err, sinks.ErrBusy) {
			return err
		}
	}
	return fmt.Errorf("the warehouse is being rebuilt, or %d processes keep it already: %w", upsAtOnce, err)
}

// holdServer keeps everybody else off a warehouse that is a server.
func (h *house) holdServer(ctx context.Context) error {
	for place := range upsAtOnce {
		if err := h.takePlace(ctx, place); err != nil {
			return fmt.Errorf("the warehouse is kept by another paylake; stop it first: %w", err)
		}
	}
	return nil
}

func (h *house) takePlace(ctx context.Context, place int) error {
	if h.cfg.Warehouse == config.Embedded {
		return nil
	}
	release, err := h.state.Lease(ctx, fmt.Sprintf("warehouse/%d", place))
	if err == nil {
		h.onClose(func() error { release(); return nil })
	}
	return err
}
