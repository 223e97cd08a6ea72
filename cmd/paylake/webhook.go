package main

// Webhooks on the command line: who is told.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/webhook"
)

func (p *program) webhookCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "webhook", Short: "Who is told what happens, and whether it arrived", Args: cobra.NoArgs,
		Long: `Endpoints get signed messages about what the lake has committed, and about runs
and consents. "paylake up" sends them: at least once, for up to 72 hours, each
event under an id that never changes. docs/webhooks.md says how a receiver
verifies them. Events:
  ` + strings.Join(typeNames(), "\n  "),
		Example: "  paylake webhook add crm https://crm.example/hooks/paylake --event payment.settled --event payment.declined\n  paylake webhook deliveries crm --status dead",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(p.webhookAddCommand(), p.webhookListCommand(), p.webhookRotateCommand(), p.webhookDeliveriesCommand(), p.webhookReplayCommand(),
		p.webhookSwitchCommand("enable NAME", "Send to an endpoint again, what waited for it included", func(ctx context.Context, w state.Webhooks, name string) error { return w.Enable(ctx, name) }),
		p.webhookSwitchCommand("disable NAME", "Send nothing to an endpoint; what is for it waits", func(ctx context.Context, w state.Webhooks, name string) error {
			return w.Disable(ctx, name, "disabled by "+p.actor())
		}))
	return group
}

func typeNames() (names []string) {
	for _, t := range webhook.Types() {
		names = append(names, string(t))
	}
	return names
}

// endpointFlags are those of `webhook add`.
type endpointFlags struct {
	events  []string
	form    string
	ordered bool
	from    int64
	asJSON  bool
}

func (p *program) webhookAddCommand() *cobra.Command {
	var f endpointFlags
	cmd := &cobra.Command{
		Use: "add NAME URL", Short: "Tell a new endpoint; prints its secret, once", Args: cobra.ExactArgs(2),
		Long: `Adds an endpoint and prints the secret that signs what it gets: put it where the
receiver reads it, it is not shown again. The endpoint is told of what is
committed from now on; with --from, of what manifests from N on have brought.
The URL is https:// and leads to a public address; that is checked at every
connection again. --form mpay signs as MPAY-Signature: t=…,v1=… and writes the
message flat; the default is Standard Webhooks. --ordered sends one message at a
time: one that fails holds the others back, for 72 hours at most.`,
		Example: `  paylake webhook add crm https://crm.example/hooks/paylake
  paylake webhook add erp https://erp.example/mpay --form mpay --event payment.settled --ordered --from 1`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.addWebhook(cmd.Context(), args[0], args[1], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.events, "event", nil, "`TYPE` of events to tell; may be repeated (all)")
	flags.StringVar(&f.form, "form", string(webhook.FormStandard), "form and signature of messages: `standard|mpay`")
	flags.BoolVar(&f.ordered, "ordered", false, "one message at a time, in order")
	flags.Int64Var(&f.from, "from", 0, "begin with manifest `N` (the next one)")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("event", cobra.FixedCompletions(typeNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("form", cobra.FixedCompletions([]string{"standard", "mpay"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var endpointName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// check says what is wrong with the flags and the name.
func (f endpointFlags) check(name string) error {
	switch {
	case !endpointName.MatchString(name):
		return usagef("%q cannot be the name of an endpoint; use lower-case letters, digits, _ and -, at most 63", name)
	case f.form != string(webhook.FormStandard) && f.form != string(webhook.FormMPAY):
		return usagef("--form is standard or mpay, not %q", f.form)
	case f.from < 0:
		return usagef("--from is the number of a manifest; see: paylake snapshots")
	}
	for _, t := range f.events {
		if !slices.Contains(typeNames(), t) {
			return usagef("there are no events of type %q; %s", t, suggestion(t, typeNames()))
		}
	}
	return nil
}

func (p *program) addWebhook(ctx context.Context, name, url string, f endpointFlags) (err error) {
	if err := f.check(name); err != nil {
		return err
	}
	h, err := p.openWebhooks(ctx)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	sender := h.sender()
	defer sender.Close()
	if err := sender.CheckURL(ctx, url); err != nil {
		return misconfigured(err)
	}
	head, err := h.head(ctx)
	if err != nil {
		return err
	}
	secret := webhook.NewSecret()
	e := state.Endpoint{Name: name, URL: url, Types: f.events, Form: f.form, Ordered: f.ordered, Applied: head, Added: p.now(), Secrets: secretsOf([]webhook.Secret{secret})}
	if f.from > 0 {
		e.Applied = min(f.from-1, head)
	}
	if err := h.state.Webhooks().Add(ctx, e); err != nil {
		if errors.Is(err, state.ErrTaken) {
			return usagef("there is an endpoint %s already; choose another name, or see: paylake webhook list", name)
		}
		return err
	}
	if f.asJSON {
		return json.NewEncoder(p.stdout).Encode(map[string]any{"name": name, "url": url, "form": f.form, "ordered": f.ordered, "events": append([]string{}, f.events...), "from": e.Applied + 1, "secret": secret.Reveal()})
	}
	fmt.Fprintf(p.stdout, "%s is told of %s from manifest %d on\nsecret: %s\n", name, cmp.Or(strings.Join(f.events, ", "), "every event"), e.Applied+1, secret.Reveal())
	fmt.Fprintln(p.stderr, "the secret is not shown again; paylake up sends the messages")
	return nil
}

// openWebhooks opens what the commands need: the state database.
func (p *program) openWebhooks(ctx context.Context) (*house, error) {
	h, err := p.open()
	if err != nil {
		return nil, err
	}
	return h, h.openState(ctx)
}

// head is the newest manifest; 0 where nothing is committed yet.
func (h *house) head(ctx context.Context) (int64, error) {
	if err := h.readLake(ctx); err != nil || h.lake == nil {
		return 0, err
	}
	return h.lake.Head(ctx)
}

// endpoint finds an endpoint by its name, or says which there are.
func (h *house) endpoint(ctx context.Context, name string) (state.Endpoint, error) {
	all, err := h.state.Webhooks().Endpoints(ctx)
	if err != nil {
		return state.Endpoint{}, err
	}
	var names []string
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	if len(names) == 0 {
		return state.Endpoint{}, usagef("there is no endpoint %q, nor any other; add one: paylake webhook add NAME URL", name)
	}
	return state.Endpoint{}, usagef("there is no endpoint %q; %s", name, suggestion(name, names))
}

func (p *program) webhookRotateCommand() *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate NAME", Short: "Put a new secret in use; the former one signs along for a while", Args: cobra.ExactArgs(1),
		Long: `Makes a new secret and prints it. Until the overlap is over, messages carry a
signature by each, so the receiver may change over at any moment in between.`,
		Example: "  paylake webhook rotate crm\n  paylake webhook rotate crm --overlap 0s   # the former secret has leaked",
		RunE:    func(cmd *cobra.Command, args []string) error { return p.rotateWebhook(cmd.Context(), args[0], overlap) },
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the former secret signs along")
	return cmd
}

func (p *program) rotateWebhook(ctx context.Context, name string, overlap time.Duration) (err error) {
	if overlap < 0 {
		return usagef("--overlap is a time such as 24h, or 0s")
	}
	h, err := p.openWebhooks(ctx)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	found, err := h.endpoint(ctx, name)
	if err != nil {
		return err
	}
	e, err := endpointOf(found)
	if err != nil {
		return err
	}
	fresh, now := webhook.NewSecret(), p.now()
	if err := h.state.Webhooks().SetSecrets(ctx, name, secretsOf(webhook.Rotate(e.Secrets, fresh, now, overlap))); err != nil {
		return err
	}
	if err := h.state.Audit(ctx, state.Act{Actor: p.actor(), Action: "rotate", Subject: "webhook secret of " + name, Reason: "webhook rotate"}); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "secret: %s\n", fresh.Reveal())
	fmt.Fprintf(p.stderr, "the former secret of %s signs along until %s\n", name, now.Add(overlap).UTC().Format(time.RFC3339))
	return nil
}

// webhookSwitchCommand is `webhook enable` or `webhook disable`.
func (p *program) webhookSwitchCommand(use, short string, do func(context.Context, state.Webhooks, string) error) *cobra.Command {
	word, _, _ := strings.Cut(use, " ")
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1), Example: "  paylake webhook " + word + " crm",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			h, err := p.openWebhooks(cmd.Context())
			if h != nil {
				defer func() { err = errors.Join(err, h.close()) }()
			}
			if err != nil {
				return err
			}
			if _, err := h.endpoint(cmd.Context(), args[0]); err != nil {
				return err
			}
			if err := do(cmd.Context(), h.state.Webhooks(), args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s is %sd\n", args[0], word)
			return err
		},
	}
}
