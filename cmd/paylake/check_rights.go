package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/lake"
)

// rights says what the user of a ClickHouse server lacks, and which of the
// readers' roles, with the statements that mend it. Readers who are missing stop
// nothing, so they fail nothing.
func (c *checklist) rights(ctx context.Context, ch *clickhouse.Warehouse) {
	user, roles, err := ch.Missing(ctx)
	if err == nil && len(user) > 0 {
		err = errors.New("its user lacks rights; an administrator grants them with the statements below")
	}
	c.line("warehouse rights", "its user may do what paylake does", err)
	c.statements(user)
	if len(roles) > 0 {
		c.line("warehouse roles", "not all are there, or may not be looked at; an administrator makes them with the statements below", nil)
		c.statements(roles)
	} else if err == nil {
		c.line("warehouse roles", "paylake_analyst, paylake_auditor and paylake_accountant see the views", nil)
	}
}

func (c *checklist) statements(list []string) {
	for _, s := range list {
		fmt.Fprintf(c.p.stdout, "          %s;\n", s)
	}
}

// checkLock says whether the lake's bucket keeps what was committed, and what to
// type where it does not. A bucket without it stops nothing, so it fails nothing;
// but a retention that is asked for with every file needs Object Lock.
func (h *house) checkLock(ctx context.Context, c *checklist) {
	if h.lake == nil {
		return
	}
	p, asked, err := lake.CheckProtection(ctx, h.cfg.Lake)
	if err == nil && !asked {
		return
	}
	note, own := p.String(), h.cfg.LakeLock
	if own != nil {
		note += fmt.Sprintf("; lake_lock asks for %s, %s, with every file", own.Mode, own.For)
		if err == nil && p.Lock == "off" {
			err = errors.New(note + "; no file can be written: turn object lock on, or remove lake_lock")
		}
	}
	c.line("lake immutability", note, err)
	for _, s := range p.Advice(own != nil) {
		fmt.Fprintf(c.p.stdout, "          %s\n", s)
	}
}
