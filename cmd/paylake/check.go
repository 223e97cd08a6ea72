package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/lake"
)

func (p *program) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Is everything there? Everything except moving data", Args: cobra.NoArgs,
		Long: `Checks configuration, secrets, state, lake (a race of writers for one key,
and whether its bucket keeps versions and locks them), warehouse, upstreams, and
whether the endpoints of webhooks and the targets of exports can be reached, without
sending them anything;
prints one line each: ok, FAILED, or warn for what stops nothing.`,
		Example: "  paylake check",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.check(cmd.Context()) },
	}
}

// checklist prints one line per check and remembers what failed.
type checklist struct {
	p    *program
	code int
	tell func(what, note string, err error) // takes every outcome instead of stdout; may be nil
}

// line prints the outcome of a check; note is what to know when it held.
func (c *checklist) line(what, note string, err error) bool {
	if c.tell != nil {
		c.tell(what, note, err)
		return err == nil
	}
	if err == nil {
		fmt.Fprintf(c.p.stdout, "ok      %-22s %s\n", what, note)
		return true
	}
	fmt.Fprintf(c.p.stdout, "FAILED  %-22s %s\n", what, strings.ReplaceAll(err.Error(), "\n", "; "))
	if code := c.p.codeOf(err); c.code == 0 || code == 1 {
		c.code = code
	}
	return false
}

// warn prints what somebody should look at and what stops nothing.
func (c *checklist) warn(what, note string) {
	if c.tell != nil {
		c.tell(what, note, errors.New(note))
		return
	}
	fmt.Fprintf(c.p.stdout, "warn    %-22s %s\n", what, strings.ReplaceAll(note, "\n", "; "))
}

const checkPatience = 30 * time.Second

func (p *program) check(ctx context.Context) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	c := &checklist{p: p}
	c.line("configuration", fmt.Sprintf("%s: %d sources, %d pipelines", h.cfg.File, len(h.cfg.Sources), len(h.cfg.Pipelines)), nil)
	secrets := h.checkSecrets(ctx, c)
	stateOpen := c.line("state", "opens, tables are up to date", h.openState(ctx))
	h.checkLake(ctx, c)
	h.checkLock(ctx, c)
	h.checkLog(ctx, c)
	h.checkWarehouse(ctx, c)
	if secrets && stateOpen {
		h.checkUpstreams(ctx, c)
	}
	if stateOpen {
		h.checkWebhooks(ctx, c)
		h.checkFindings(ctx, c)
	}
	h.checkExports(ctx, c)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.code != 0 {
		return &failure{code: c.code, err: errors.New("check"), said: true}
	}
	return nil
}

// checkSecrets resolves every reference of the configuration.
func (h *house) checkSecrets(ctx context.Context, c *checklist) bool {
	good := true
	for _, s := range h.cfg.Secrets() {
		_, err := s.Value(ctx)
		note := "from " + s.Reference()
		if err == nil && s.Key() == "secrets" {
			note, err = h.keeperNote(ctx)
		}
		good = c.line(s.Key(), note, misconfigured(err)) && good
	}
	return good
}

func (h *house) keeperNote(ctx context.Context) (string, error) {
	url, err := h.cfg.Keeper.Text(ctx)
	if err != nil {
		return "", err
	}
	_, local, err := config.KeeperKey(url)
	if local && err == nil {
		return "a development keeper (base64key): whoever reads the key reads every session; use a key service in production", nil
	}
	return "a key service", err
}

func (h *house) checkLake(ctx context.Context, c *checklist) {
	err := h.openLake(ctx)
	if err == nil {
		err = lake.CheckBucket(ctx, h.cfg.Lake)
	}
	note := ""
	if err == nil {
		var head int64
		head, err = h.lake.Head(ctx)
		note = fmt.Sprintf("%s: one of racing writers wins, %d manifests", h.cfg.Lake, head)
	}
	c.line("lake", note, err)
}

// checkLog says who signs the lake's transparency log and how far it is.
func (h *house) checkLog(ctx context.Context, c *checklist) {
	if h.lake == nil {
		return
	}
	signer, err := h.auditSigner(ctx)
	there, begun, lerr := h.lake.Checkpoint(ctx)
	head, herr := h.lake.Head(ctx)
	note := ""
	switch {
	case signer == nil && !begun:
		note = "none yet; the next run makes a key in " + h.auditFile(auditKeyFile)
	case !begun:
		note = "none yet; the next run begins " + signer.Origin()
	case signer == nil || signer.Origin() != there.Origin:
		note = fmt.Sprintf("%s, whose key is not here: this configuration does not sign; %d of %d manifests logged", there.Origin, there.Tree.N, head)
	default:
		note = fmt.Sprintf("%s, signed here; %d of %d manifests logged", there.Origin, there.Tree.N, head)
	}
	c.line("transparency log", note, errors.Join(err, lerr, herr))
}

func (h *house) checkWarehouse(ctx context.Context, c *checklist) {
	if h.lake == nil {
		return // without a lake there is nothing to follow
	}
	h.store = h.newWarehouse()
	ch, err := h.store.get(ctx)
	if err == nil {
		var out strings.Builder
		err = ch.Query(ctx, "SELECT version() AS version", clickhouse.Query{Format: clickhouse.FormatCSV}, &out)
	}
	note := "embedded ClickHouse answers"
	if h.cfg.Warehouse != config.Embedded {
		note = "ClickHouse answers"
	}
	c.line("warehouse", note, err)
	if h.cfg.Warehouse != config.Embedded && ch != nil && !errors.Is(err, sinks.ErrUnavailable) {
		c.rights(ctx, ch)
	}
}

func (h *house) checkUpstreams(ctx context.Context, c *checklist) {
	var names []string
	for _, s := range h.cfg.Sources {
		names = append(names, s.Name)
	}
	if err := h.openSources(ctx, names); err != nil {
		c.line("sources", "", err)
		return
	}
	h.pingUpstreams(ctx, c)
}

// pingUpstreams asks the sources that are open whether they answer.
func (h *house) pingUpstreams(ctx context.Context, c *checklist) {
	for _, s := range h.cfg.Sources {
		ctx, cancel := context.WithTimeout(ctx, checkPatience)
		h.checkFiles(ctx, c, s)
		if u := h.mpay[s.Name]; u != nil {
			c.line("source "+s.Name, s.URL+" answers", h.hinted("url", u.Ping(ctx)))
		}
		if u := h.psp[s.Name]; u != nil {
			c.line("source "+s.Name, s.DataURL+" answers", h.hinted("data_url, data_token and data_secret", u.Ping(ctx)))
		}
		cancel()
	}
}

// hinted says where to look when an upstream does not answer.
func (h *house) hinted(keys string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; check its %s in %s, then: paylake check", err, keys, h.cfg.File)
}
