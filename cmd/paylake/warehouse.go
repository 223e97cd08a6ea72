package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

func (p *program) warehouseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "warehouse", Short: "The embedded ClickHouse in the foreground, for BI tools", Args: cobra.NoArgs,
		Long: `Holds the embedded ClickHouse open and prints how to connect. Other commands use
it while it runs. Exit code 5 when another process holds it already.`,
		Example: "  paylake warehouse",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.warehouse(cmd.Context()) },
	}
}

func (p *program) warehouse(ctx context.Context) (err error) {
	if err := p.logTotals(); err != nil {
		return err
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if h.cfg.Warehouse != config.Embedded {
		return usagef("%s: warehouse is a server already; connect to it", h.cfg.File)
	}
	if err := h.openLake(ctx); err != nil {
		return err
	}
	if err := h.holdWarehouse(ctx); err != nil {
		return err
	}
	ch, err := h.store.get(ctx)
	if err != nil {
		return err
	}
	if _, err := ch.Follow(ctx); err != nil { // views and data, before anybody looks
		return err
	}
	p.showEndpoint(h.store.server.Current(), h.cfg.BI.Users)
	<-ctx.Done()
	return nil
}

// showEndpoint says how to connect. Passwords that the configuration does not
// name change with every start; they lie in warehouse.json as well, for its owner
// alone.
func (p *program) showEndpoint(e embedded.Endpoint, named map[string]config.Secret) {
	fmt.Fprintf(p.stdout, "native  %s\nhttp    http://%s\ndatabase %s\n", e.Addr, e.HTTPAddr, embedded.Database)
	for _, role := range []string{"analyst", "auditor", "accountant"} {
		if _, ok := named[role]; ok {
			fmt.Fprintf(p.stdout, "user    %-11s password as bi.users.%s says\n", role, role)
		} else if password, ok := e.Readers[role]; ok {
			fmt.Fprintf(p.stdout, "user    %-11s password %s\n", role, password)
		}
	}
	fmt.Fprintln(p.stderr, "stop with Ctrl-C; what is printed here changes with every start, unless bi: in the configuration says otherwise")
}
