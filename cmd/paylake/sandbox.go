package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/sandbox"
)

type sandboxFlags struct {
	listen   string
	seed     uint64
	rows     int
	chaos    []string
	write    string
	files    string
	day      string
	still    bool
	flaws    bool
	book     string
	approver string
}

func (p *program) sandboxCommand() *cobra.Command {
	var f sandboxFlags
	cmd := &cobra.Command{
		Use: "sandbox", Short: "All fake upstreams on one port, to try paylake with", Args: cobra.NoArgs,
		Long: `Serves a wallet façade and a payment platform with believable, deterministic
data, and under /sandbox/truth the totals that a right reader arrives at.
--write-config writes a configuration that points here, with its keys beside it.
POST /sandbox/callbacks?to=http://127.0.0.1:8080 delivers the callbacks of both
upstreams to a running "paylake up"; from then on the truth counts them, too.

Chaos names: ` + strings.Join(sandbox.ChaosNames(), ", ") + `.`,
		Example: `  paylake sandbox --listen 127.0.0.1:8090 --write-config paylake.yaml
  paylake sandbox --rows 1000000 --chaos expiry,throttle,late`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.sandbox(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8090", "`ADDRESS`; port 0: the system chooses")
	flags.Uint64Var(&f.seed, "seed", 1, "the same seed on the same day is the same world")
	flags.IntVar(&f.rows, "rows", sandbox.DefaultRows, "ledger rows of all wallets up to today")
	flags.StringSliceVar(&f.chaos, "chaos", nil, "faults by `NAME,…`")
	flags.StringVar(&f.day, "day", "", "`YYYY-MM-DD` that the data is anchored at (today)")
	flags.BoolVar(&f.still, "still", false, "nothing happens after the beginning of that day")
	flags.StringVar(&f.files, "files", "", "write exports of a bank, of terminals and of rewards under `DIR`")
	flags.BoolVar(&f.flaws, "flaws", false, "put two rows into the bank's export that a reader must refuse, and three discrepancies into the last whole month")
	flags.StringVar(&f.write, "write-config", "", "write a ready configuration to `FILE`, keys beside it")
	flags.StringVar(&f.approver, "approver", "", "verifier `KEY` of who approves payments, for the configuration (paylake pay key)")
	flags.StringVar(&f.book, "gate-book", "", "remember the payments that are initiated here in `FILE`")
	_ = cmd.RegisterFlagCompletionFunc("chaos", cobra.FixedCompletions(sandbox.ChaosNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (p *program) sandbox(ctx context.Context, f sandboxFlags) error {
	day, err := sandboxDay(f.day)
	if err != nil {
		return err
	}
	world, err := sandbox.NewWorld(sandbox.Options{Seed: f.seed, Rows: f.rows, Now: p.now, Day: day, Still: f.still, Files: f.files != "", Flaws: f.flaws, Chaos: f.chaos})
	if err != nil {
		return usagef("%w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("sandbox: %w; choose another --listen", err)
	}
	origin := "http://" + listener.Addr().String()
	if f.files != "" {
		if f.files, err = filepath.Abs(f.files); err != nil {
			return errors.Join(err, listener.Close())
		}
		if err := writeSandboxFiles(world, p.now(), f.files); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	if f.write != "" {
		if err := writeSandboxConfig(world, origin, f.write, f.files, f.approver); err != nil {
			return errors.Join(err, listener.Close())
		}
		fmt.Fprintf(p.stderr, "wrote %s; in another terminal: paylake -c %s consent grant --all && paylake -c %s run\n", f.write, f.write, f.write)
	}
	fmt.Fprintln(p.stdout, origin)
	fmt.Fprintf(p.stderr, "sandbox: %d ledger rows, seed %d; truth at %s/sandbox/truth; stop with Ctrl-C\n", f.rows, f.seed, origin)
	handler, err := sandbox.Handler(world, sandbox.HandlerOptions{GateBook: f.book})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return serve(ctx, &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}, listener)
}

// sandboxDay is noon UTC of the day asked for, which is the same day in Baku
// and in Bishkek; zero for today.
func sandboxDay(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, usagef("--day is a date such as 2026-03-31, not %q", text)
	}
	return day.Add(12 * time.Hour), nil
}

// serve answers until ctx ends, then lets requests under way finish.
func serve(ctx context.Context, s *http.Server, l net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(late); err != nil {
		return s.Close()
	}
	return nil
}

// writeSandboxConfig writes a configuration and, in a folder beside it, the
// keys that it refers to. Lake, state and warehouse will lie there too.
func writeSandboxConfig(world *sandbox.World, origin, file, files, approver string) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	dir := filepath.Dir(file)
	keys := filepath.Join(dir, sandboxKeys)
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	for _, c := range sandbox.Credentials() {
		if err := os.WriteFile(filepath.Join(keys, c.File), []byte(c.Value+"\n"), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, sandboxPayers), world.Payers(), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if expected := world.ExpectedFile(); expected != nil {
		if err := os.WriteFile(filepath.Join(dir, sandboxExpected), expected, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	o := sandbox.ConfigOptions{Exe: exe, DataDir: sandboxData, KeysDir: sandboxKeys, Files: files, Payers: sandboxPayers, Approver: approver}
	if files != "" {
		o.Aliases = sandboxAliases
		if err := os.WriteFile(filepath.Join(dir, sandboxAliases), world.AliasFile(), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	text := world.Config(origin, o)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// writeSandboxFiles writes the exports as they stand now. Files are put in place
// whole: a reader never meets half of one.
func writeSandboxFiles(world *sandbox.World, now time.Time, dir string) error {
	files, _ := world.Files(now)
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Path))
		if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, f.Text) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return fmt.Errorf("write exports: %w", err)
		}
		if err := os.WriteFile(name+".new", f.Text, 0o600); err != nil {
			return fmt.Errorf("write exports: %w", err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			return fmt.Errorf("write exports: %w", err)
		}
	}
	return nil
}

// Where a written configuration keeps its data and keys, from its own folder.
const (
	sandboxData = "paylake-sandbox"
	sandboxKeys = "paylake-sandbox/keys"
	// sandboxPayers is whom payments can be asked of.
	sandboxPayers = "paylake-sandbox/payers.csv"
	// sandboxExpected is what somebody else expects of the last whole month.
	sandboxExpected = "paylake-sandbox/expected.csv"
	// sandboxAliases is the crosswalk from the bank's words to provider codes.
	sandboxAliases = "paylake-sandbox/aliases.csv"
)
