package main

// Keys of the HTTP API on the command line.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/api"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline/state"
)

func (p *program) keyCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "key", Short: "Keys of the HTTP API", Args: cobra.NoArgs, Example: "  paylake key add bi --scope read\n  paylake key list",
		RunE: func(cmd *cobra.Command, _ []string) error { return p.listKeys(cmd.Context(), false) },
	}
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List keys, ended and revoked ones included", Args: cobra.NoArgs, Example: "  paylake key list --json",
		RunE: func(cmd *cobra.Command, _ []string) error { return p.listKeys(cmd.Context(), asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	var by string
	revoke := &cobra.Command{
		Use: "revoke NAME|ID", Short: "End a key and its sessions, at once", Args: cobra.ExactArgs(1), Example: "  paylake key revoke bi",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.revokeKey(cmd.Context(), args[0], cmp.Or(by, p.actor()))
		},
	}
	revoke.Flags().StringVar(&by, "by", "", "`NAME` of who asks ($USER)")
	group.AddCommand(p.keyAddCommand(), list, revoke)
	return group
}

// keyFlags are those of `key add`.
type keyFlags struct {
	scopes, wallets []string
	source          string
	until, by       string
}

func (p *program) keyAddCommand() *cobra.Command {
	var f keyFlags
	var scopes strings.Builder
	for _, s := range api.Scopes() {
		fmt.Fprintf(&scopes, "\n  %-8s %s", s.Name, s.Doc)
	}
	cmd := &cobra.Command{
		Use: "add NAME --scope S", Short: "Make a key; prints it, once", Args: cobra.ExactArgs(1),
		Long: `Makes a key for the HTTP API and the dashboard of paylake up, and prints it: it is
not shown again, and what is stored does not open anything. With --wallet the key
reaches the rows of these wallets alone. Scopes:` + scopes.String(),
		Example: `  paylake key add bi --scope read
  paylake key add partner --scope read --wallet wlt_441b --until 2027-01-01
  paylake key add auditor --scope read --scope audit`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.addKey(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.scopes, "scope", nil, "what the key opens: `SCOPE`; may be repeated")
	flags.StringArrayVar(&f.wallets, "wallet", nil, "only rows of this wallet: `ID`, or SOURCE/ID; may be repeated (every wallet)")
	flags.StringVar(&f.source, "source", "", "`SOURCE` of the wallets, where two have one of that id")
	flags.StringVar(&f.until, "until", "", "first `DAY`, UTC, on which the key opens nothing (no end)")
	flags.StringVar(&f.by, "by", "", "`NAME` of who makes it ($USER)")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions(api.ScopeNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("wallet", p.completeWallets)
	return cmd
}

func (p *program) addKey(ctx context.Context, name string, f keyFlags) (err error) {
	if !endpointName.MatchString(name) {
		return usagef("%q cannot be the name of a key; use lower-case letters, digits, _ and -, at most 63", name)
	}
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	k, err := h.keyOf(name, f)
	if err != nil {
		return err
	}
	if err := h.openState(ctx); err != nil {
		return err
	}
	made, secret, err := h.state.APIKeys().Add(ctx, k)
	if errors.Is(err, state.ErrTaken) {
		return usagef("there is, or was, a key %s; choose another name, or see: paylake key list", name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, secret)
	fmt.Fprintf(p.stderr, "%s (%s) opens %s; it is not shown again\n", name, made.ID, strings.Join(k.Scopes, ", "))
	return nil
}

// keyOf is the key that the flags ask for.
func (h *house) keyOf(name string, f keyFlags) (k state.APIKey, err error) {
	known := api.ScopeNames()
	if len(f.scopes) == 0 {
		return k, usagef("say what the key opens: paylake key add %s --scope read (there are %s)", name, strings.Join(known, ", "))
	}
	for _, s := range f.scopes {
		if !slices.Contains(known, s) {
			return k, usagef("there is no scope %q; %s", s, suggestion(s, known))
		}
	}
	k = state.APIKey{Name: name, Scopes: slices.Compact(slices.Sorted(slices.Values(f.scopes))), By: cmp.Or(f.by, h.p.actor())}
	for _, w := range f.wallets {
		source, id, named := strings.Cut(w, "/")
		if !named {
			source, id = f.source, w
		}
		if source, err = h.sourceOf(source, id); err != nil {
			return k, err
		}
		k.Wallets = append(k.Wallets, [2]string{source, id})
	}
	if f.until == "" {
		return k, nil
	}
	d, err := config.ParseDate(f.until)
	if err != nil {
		return k, usagef("--until: %q %v", f.until, err)
	}
	if k.Expires = dayIn(d, time.UTC); !k.Expires.After(h.p.now()) {
		return k, usagef("--until %s is over already; give a later day", f.until)
	}
	return k, nil
}

func (p *program) revokeKey(ctx context.Context, name, by string) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openState(ctx); err != nil {
		return err
	}
	k, err := h.state.APIKeys().Revoke(ctx, name, by)
	if errors.Is(err, state.ErrAbsent) {
		return usagef("there is no key %q; see: paylake key list", name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s (%s) opens nothing any more\n", k.Name, k.ID)
	return nil
}

// shownKey is one line of `key list --json`.
type shownKey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	Wallets    []string   `json:"wallets"` // null: every wallet
	State      string     `json:"state"`   // live, ended, revoked
	ExpiresAt  *time.Time `json:"expires_at"`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	LastUsedAt *time.Time `json:"last_used_at"` // to the minute
	RevokedAt  *time.Time `json:"revoked_at"`
	RevokedBy  string     `json:"revoked_by"`
}

func keyShown(k state.APIKey, now time.Time) shownKey {
	s := shownKey{k.ID, k.Name, k.Scopes, nil, "live", pointer(k.Expires), k.Created, k.By, pointer(k.LastUsed), pointer(k.Revoked), k.Revoker}
	for _, w := range k.Wallets {
		s.Wallets = append(s.Wallets, w[0]+"/"+w[1])
	}
	switch {
	case !k.Revoked.IsZero():
		s.State = "revoked"
	case k.Ended(now):
		s.State = "ended"
	}
	return s
}

func (p *program) listKeys(ctx context.Context, asJSON bool) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.openState(ctx); err != nil {
		return err
	}
	all, err := h.state.APIKeys().List(ctx)
	if err != nil {
		return err
	}
	shown := []shownKey{}
	var rows [][]string
	for _, k := range all {
		s := keyShown(k, p.now())
		shown = append(shown, s)
		rows = append(rows, []string{s.ID, s.Name, strings.Join(s.Scopes, ", "), cmp.Or(strings.Join(s.Wallets, ", "), "every wallet"), s.State,
			instant(k.Expires), instant(k.Created), s.CreatedBy, instant(k.LastUsed)})
	}
	if asJSON {
		return p.json(shown)
	}
	if len(all) == 0 {
		fmt.Fprintln(p.stderr, "there is no key yet; type: paylake key add NAME --scope read")
		return nil
	}
	p.grid([]string{"id", "name", "scopes", "wallets", "state", "expires", "created", "by", "last used"}, rows)
	return nil
}
