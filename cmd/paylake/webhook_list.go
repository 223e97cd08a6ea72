package main

// Webhooks on the command line: what arrived.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline/state"
)

// shownEndpoint is one line of `webhook list --json`.
type shownEndpoint struct {
	Name      string   `json:"name"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Form      string   `json:"form"`
	Ordered   bool     `json:"ordered"`
	Status    string   `json:"status"` // active, disabled, or circuit open
	Why       string   `json:"why,omitempty"`
	Secrets   int      `json:"secrets"`
	Applied   int64    `json:"applied"`
	Pending   int64    `json:"pending"`
	Delivered int64    `json:"delivered"`
	Dead      int64    `json:"dead"`
}

func (p *program) webhookListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List endpoints, and how they stand", Args: cobra.NoArgs, Example: "  paylake webhook list --json",
		RunE: func(cmd *cobra.Command, _ []string) error { return p.listWebhooks(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *program) listWebhooks(ctx context.Context, asJSON bool) (err error) {
	h, err := p.openWebhooks(ctx)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	all, err := h.state.Webhooks().Endpoints(ctx)
	if err != nil {
		return err
	}
	counts, err := h.state.Webhooks().Counts(ctx)
	if err != nil {
		return err
	}
	shown := []shownEndpoint{}
	for _, e := range all {
		shown = append(shown, showEndpoint(e, counts[e.ID], p.now()))
	}
	if asJSON {
		return json.NewEncoder(p.stdout).Encode(shown)
	}
	if len(shown) == 0 {
		fmt.Fprintln(p.stdout, "nobody is told; add an endpoint: paylake webhook add NAME URL")
		return nil
	}
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSTATUS\tPENDING\tDELIVERED\tDEAD\tFORM\tEVENTS\tURL")
	for _, e := range shown {
		form := e.Form
		if e.Ordered {
			form += ", ordered"
		}
		events := strings.Join(e.Events, ",")
		if events == "" {
			events = "all"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", e.Name, e.Status, e.Pending, e.Delivered, e.Dead, form, events, e.URL)
	}
	return t.Flush()
}

func showEndpoint(e state.Endpoint, counts map[string]int64, now time.Time) shownEndpoint {
	out := shownEndpoint{Name: e.Name, URL: e.URL, Events: e.Types, Form: e.Form, Ordered: e.Ordered, Status: "active", Applied: e.Applied,
		Pending: counts["pending"], Delivered: counts["delivered"], Dead: counts["dead"]}
	if out.Events == nil {
		out.Events = []string{}
	}
	for _, s := range e.Secrets {
		if s.Until.IsZero() || now.Before(s.Until) {
			out.Secrets++
		}
	}
	switch {
	case e.Disabled != "":
		out.Status, out.Why = "disabled", e.Disabled
	case now.Before(e.Open):
		out.Status, out.Why = "circuit open", fmt.Sprintf("%d attempts in a row failed; the next is at %s", e.Failures, e.Open.Format(time.RFC3339))
	}
	return out
}

// shownDelivery is one line of `webhook deliveries --json`.
type shownDelivery struct {
	EventID     string    `json:"event_id"`
	Type        string    `json:"type"`
	Endpoint    string    `json:"endpoint"`
	Status      string    `json:"status"`
	Tries       int       `json:"tries"`
	Code        int       `json:"code,omitempty"`
	Error       string    `json:"error,omitempty"`
	EventAt     time.Time `json:"event_at"`
	LastAt      time.Time `json:"last_at,omitzero"`
	NextAt      time.Time `json:"next_at,omitzero"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	Snapshot    int64     `json:"snapshot,omitempty"`
}

type deliveryFlags struct {
	status string
	limit  int
	asJSON bool
}

func (p *program) webhookDeliveriesCommand() *cobra.Command {
	var f deliveryFlags
	cmd := &cobra.Command{
		Use: "deliveries [NAME]", Short: "List messages, the newest first, and what became of them", Args: cobra.MaximumNArgs(1),
		Long: `Lists messages: pending (tried for up to 72 hours), delivered, or dead. The
warehouse shows the same as webhook_deliveries.`,
		Example: "  paylake webhook deliveries crm --status dead\n  paylake query \"SELECT endpoint, status, count() FROM webhook_deliveries GROUP BY ALL\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.listDeliveries(cmd.Context(), strings.Join(args, ""), f)
		},
	}
	cmd.Flags().StringVar(&f.status, "status", "", "only `pending|delivered|dead` ones")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "at most `N`")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(deliveryStatuses, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var deliveryStatuses = []string{"pending", "delivered", "dead"}

func (p *program) listDeliveries(ctx context.Context, name string, f deliveryFlags) (err error) {
	if f.status != "" && !slices.Contains(deliveryStatuses, f.status) {
		return usagef("--status is pending, delivered or dead, not %q", f.status)
	}
	if f.limit < 1 {
		return usagef("--limit is a number of messages, at least 1")
	}
	h, err := p.openWebhooks(ctx)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	var of state.Endpoint
	if name != "" {
		if of, err = h.endpoint(ctx, name); err != nil {
			return err
		}
	}
	list, err := h.state.Webhooks().Sendings(ctx, of.ID, f.status, f.limit)
	if err != nil {
		return err
	}
	if f.asJSON {
		shown := []shownDelivery{}
		for _, d := range list {
			shown = append(shown, shownDelivery{d.Event.ID, d.Event.Type, d.Endpoint.Name, d.Status, d.Tries, d.Code, d.Error, d.Event.At, d.Last, d.Next, d.Delivered, d.Event.Snapshot})
		}
		return json.NewEncoder(p.stdout).Encode(shown)
	}
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "EVENT\tTYPE\tENDPOINT\tSTATUS\tTRIES\tLAST\tWHY")
	for _, d := range list {
		last := "–"
		if !d.Last.IsZero() {
			last = d.Last.Format(time.RFC3339)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", d.Event.ID, d.Event.Type, d.Endpoint.Name, d.Status, d.Tries, last, d.Error)
	}
	return t.Flush()
}

type replayFlags struct {
	event string
	dead  bool
	from  int64
}

func (p *program) webhookReplayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use: "replay NAME {--dead | --event ID | --from N}", Short: "Send messages again", Args: cobra.ExactArgs(1),
		Long: `Sends messages again, under the ids that they had: those that were given up
(--dead), one whatever became of it (--event), or what manifests from N on have
brought and the endpoint has not been told (--from). For 72 hours, as new ones.`,
		Example: "  paylake webhook replay crm --dead\n  paylake webhook replay crm --event evt_5d1c…\n  paylake webhook replay crm --from 12",
		RunE:    func(cmd *cobra.Command, args []string) error { return p.replayWebhooks(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVar(&f.event, "event", "", "the event of this `ID`")
	cmd.Flags().BoolVar(&f.dead, "dead", false, "all that were given up")
	cmd.Flags().Int64Var(&f.from, "from", 0, "look again at manifests from `N` on")
	return cmd
}

// check wants one of the three.
func (f replayFlags) check() error {
	given := 0
	for _, one := range []bool{f.event != "", f.dead, f.from != 0} {
		if one {
			given++
		}
	}
	if given != 1 {
		return usagef("what is to be sent again? give one of --dead, --event ID and --from N")
	}
	if f.from < 0 {
		return usagef("--from is the number of a manifest; see: paylake snapshots")
	}
	return nil
}

func (p *program) replayWebhooks(ctx context.Context, name string, f replayFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	h, err := p.openWebhooks(ctx)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	e, err := h.endpoint(ctx, name)
	if err != nil {
		return err
	}
	if f.from > 0 {
		if err := h.state.Webhooks().Rewind(ctx, name, f.from); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s is told what manifests from %d on have brought and it does not know yet; the next run or up sees to it\n", name, f.from)
		return nil
	}
	n, err := h.state.Webhooks().Replay(ctx, e.ID, f.event)
	if err != nil {
		return err
	}
	if n == 0 && f.event != "" {
		return usagef("%s was not told of an event %s, or its text is no longer kept; see: paylake webhook deliveries %s, or: paylake webhook replay %s --from N", name, f.event, name, name)
	}
	fmt.Fprintf(p.stdout, "%d messages are sent again\n", n)
	if e.Disabled != "" {
		fmt.Fprintf(p.stderr, "%s is disabled (%s); first: paylake webhook enable %s\n", name, e.Disabled, name)
	}
	return nil
}

// webhookStatus is how webhooks stand, in `status`.
type webhookStatus struct {
	Endpoints int   `json:"endpoints"`
	Disabled  int   `json:"disabled"`
	Pending   int64 `json:"pending"`
	Dead      int64 `json:"dead"`
}

func (h *house) webhookStatus(ctx context.Context) (w webhookStatus, err error) {
	disabled, err := h.state.Webhooks().Standing(ctx)
	if err != nil {
		return w, err
	}
	counts, err := h.state.Webhooks().Counts(ctx)
	for id, off := range disabled {
		w.Endpoints++
		if off {
			w.Disabled++
		}
		w.Pending += counts[id]["pending"]
		w.Dead += counts[id]["dead"]
	}
	return w, err
}

func (p *program) showWebhooks(w webhookStatus) {
	if w.Endpoints == 0 {
		return
	}
	fmt.Fprintf(p.stdout, "webhooks: %d endpoints, %s messages on their way, %s given up\n", w.Endpoints, thousands(w.Pending), thousands(w.Dead))
	if w.Disabled > 0 || w.Dead > 0 {
		fmt.Fprintf(p.stderr, "paylake: %d webhook endpoints are disabled, %d messages were given up; see: paylake webhook list\n", w.Disabled, w.Dead)
	}
}
