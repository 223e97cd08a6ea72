package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks"
)

// Exit codes, as documented for all of paylake.
const (
	codeFailed      = 1
	codeUsage       = 2
	codeBusy        = 5
	codeVerify      = 6
	codeInterrupted = 130
)

// program is one invocation: what the outside gave, and the global flags.
type program struct {
	getenv         func(string) string
	stdout, stderr io.Writer

	configFile string
	lakeURL    string
	catalogURL string
	warehouse  string
	namespace  string

	started bool // arguments were understood; what fails now is no usage error
}

// run is the program: it returns the exit code. Data goes to stdout, everything
// else to stderr. SIGINT and SIGTERM end ctx; a second one ends the process.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	p := &program{getenv: getenv, stdout: stdout, stderr: stderr}
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	return p.fail(ctx, err)
}

// usageError is an error that other arguments, or another configuration, mend.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func (p *program) fail(ctx context.Context, err error) int {
	code := p.codeOf(ctx, err)
	fmt.Fprintln(p.stderr, "paylake-iceberg:", strings.TrimSpace(err.Error()))
	if code == codeUsage && !p.started {
		fmt.Fprintln(p.stderr, "see: paylake-iceberg --help")
	}
	return code
}

func (p *program) codeOf(ctx context.Context, err error) int {
	var usage usageError
	var bad *config.Error
	switch {
	case errors.As(err, &usage), errors.As(err, &bad), !p.started:
		return codeUsage
	case errors.Is(err, context.Canceled), ctx.Err() != nil:
		return codeInterrupted
	case errors.Is(err, sinks.ErrBusy):
		return codeBusy
	case errors.Is(err, sinks.ErrCorrupt):
		return codeVerify
	}
	return codeFailed
}

const rootHelp = `paylake-iceberg follows a lake's manifests and shows its Parquet objects, as they
lie, as Apache Iceberg tables: one table per table of the lake, one snapshot per
manifest. No row is read, copied or changed, and nothing but the tables is
remembered: they can be deleted and published again.

Exit codes: 0 done · 1 failed · 2 usage or configuration · 5 somebody else is
publishing · 6 the tables are not this lake's · 130 interrupted.`

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "paylake-iceberg", Short: "The lake as Apache Iceberg tables", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(*cobra.Command, []string) { p.started = true },
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.AddCommand(p.publishCommand(), p.snapshotsCommand(), p.sqlCommand(), p.versionCommand())
	return root
}

// places adds the flags that say where lake and tables are.
func (p *program) places(cmd *cobra.Command) *cobra.Command {
	f := cmd.Flags()
	f.StringVarP(&p.configFile, "config", "c", "", "configuration `FILE` that names lake and data_dir ($PAYLAKE_CONFIG, else ./paylake.yaml)")
	f.StringVar(&p.lakeURL, "lake", "", "`URL` of the lake: file:///folder or s3://bucket?region=…; no configuration is read then")
	f.StringVar(&p.catalogURL, "catalog", "", "catalogue `URL`: sqlite:///file.db, or the http(s) address of a REST catalogue (default data_dir/iceberg.db)")
	f.StringVar(&p.warehouse, "warehouse", "", "folder `URL` of the tables' metadata, in the lake's storage (default iceberg/ beside the lake's objects)")
	f.StringVar(&p.namespace, "namespace", "paylake", "`WORD` under which the catalogue keeps the tables")
	return cmd
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  paylake-iceberg version",
		RunE: func(*cobra.Command, []string) error {
			own, library := versions()
			_, err := fmt.Fprintf(p.stdout, "paylake-iceberg %s %s/%s %s, iceberg-go %s\n", own, runtime.GOOS, runtime.GOARCH, runtime.Version(), library)
			return err
		},
	}
}

// versions are the module's own, or the commit it was built from, and that of
// the library that writes the tables.
func versions() (own, library string) {
	own, library = "devel", "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return own, library
	}
	for _, d := range info.Deps {
		if d.Path == "github.com/apache/iceberg-go" {
			library = d.Version
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v, library
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			own = "devel-" + s.Value[:12]
		}
	}
	return own, library
}

func (p *program) json(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
