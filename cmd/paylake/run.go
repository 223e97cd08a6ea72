package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// Exit codes, as documented; those of a run are pipeline's.
const (
	codeUsage  = 2
	codeVerify = 6
)

// program is one invocation: what the outside gave, and the global flags.
type program struct {
	getenv func(string) string
	stdin  *lines
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time

	patience sources.RetryPolicy // with upstreams that are unwell
	waits    waits               // for answers; zero: the usual

	configFile string
	logFormat  string
	verbose    bool

	log     *slog.Logger
	started bool // arguments were understood; what fails now is no usage error
}

// run is the program: it returns the exit code. Data goes to stdout, everything
// else to stderr. SIGINT and SIGTERM end ctx; a second one ends the process.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{getenv: getenv, stdin: newLines(stdin), stdout: stdout, stderr: stderr, now: time.Now}
	return p.execute(ctx, args)
}

func (p *program) execute(ctx context.Context, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	defer p.stdin.end()
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	return p.fail(err)
}

// failure is an error with the exit code that it stands for. said means that
// everything worth saying is on the screen already.
type failure struct {
	code int
	err  error
	said bool
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usagef(format string, args ...any) error {
	return &failure{code: codeUsage, err: fmt.Errorf(format, args...)}
}

// misconfigured marks an error that a change of the configuration mends.
func misconfigured(err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: codeUsage, err: err}
}

func (p *program) fail(err error) int {
	code := p.codeOf(err)
	var f *failure
	var bad *config.Error
	switch {
	case errors.As(err, &f) && f.said:
	case errors.As(err, &bad):
		fmt.Fprintln(p.stderr, err)
	default:
		fmt.Fprintln(p.stderr, "paylake:", strings.TrimSpace(err.Error()))
	}
	if code == codeUsage && !p.started {
		fmt.Fprintln(p.stderr, "see: paylake --help")
	}
	return code
}

// codeOf finds the exit code of an error.
func (p *program) codeOf(err error) int {
	var f *failure
	var bad *config.Error
	switch {
	case errors.As(err, &f):
		return f.code
	case errors.As(err, &bad), !p.started:
		return codeUsage
	case errors.Is(err, context.Canceled):
		return pipeline.CodeInterrupted
	case errors.Is(err, sinks.ErrBusy):
		return pipeline.CodeBusy
	case errors.Is(err, sources.ErrAuth), errors.Is(err, sources.ErrConsent):
		return pipeline.CodePerson
	}
	return pipeline.CodeFailed
}

const rootHelp = `paylake moves payment data from wallets and payment platforms into an immutable
lake of Parquet files and a ClickHouse warehouse that follows it.

Exit codes: 0 done · 1 failed · 2 usage or configuration · 3 finished, but some
input was quarantined or a check did not hold · 4 a person must act · 5 somebody
else is running · 6 verification failed · 130 interrupted.`

const rootExample = `  paylake sandbox --write-config paylake.yaml      # fake upstreams to try it with
  paylake check                                    # is everything there?
  paylake consent grant --all                      # the owners of the wallets agree
  paylake run                                      # read what is owed
  paylake query "SELECT * FROM spend_by_provider LIMIT 10"
  paylake verify                                   # prove the lake from its files`

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "paylake", Short: "Payment data into a lake and a warehouse, exactly once",
		Long: rootHelp, Example: rootExample,
		SilenceErrors: true, SilenceUsage: true,
		SuggestionsMinimumDistance: 2,
		PersistentPreRunE:          func(*cobra.Command, []string) error { return p.start() },
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	flags := root.PersistentFlags()
	flags.StringVarP(&p.configFile, "config", "c", "", "configuration `FILE` ($PAYLAKE_CONFIG, else ./paylake.yaml)")
	flags.StringVar(&p.logFormat, "log", "text", "form of the log on stderr: `text|json`")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log every page and statement")
	_ = root.RegisterFlagCompletionFunc("log", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(
		p.upCommand(), p.runCommand(), p.planCommand(), p.loginCommand(), p.statusCommand(),
		p.queryCommand(), p.exportCommand(), p.snapshotsCommand(), p.quarantineCommand(), p.callbackCommand(), p.webhookCommand(), p.payCommand(), p.verifyCommand(), p.rebuildCommand(),
		p.diffCommand(), p.reconcileCommand(), p.closeCommand(), p.restatementsCommand(), p.matchCommand(), p.unmatchCommand(), p.compactCommand(), p.proveCommand(), p.checkpointCommand(),
		p.consentCommand(), p.revealCommand(), p.eraseCommand(), p.keysCommand(), p.keyCommand(), p.checkCommand(), p.sandboxCommand(), p.warehouseCommand(), p.versionCommand(),
		p.clickhouseChildCommand(), p.otpFromSandboxCommand(),
	)
	return root
}

// start makes the log once the flags are known. Commands that stay or move data
// log their totals; the others speak up when something is wrong.
func (p *program) start() error {
	level := slog.LevelWarn
	if p.verbose {
		level = slog.LevelDebug
	}
	return p.setLog(level)
}

func (p *program) setLog(level slog.Level) error {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: logged}
	switch p.logFormat {
	case "text":
		p.log = slog.New(slog.NewTextHandler(p.stderr, options))
	case "json":
		p.log = slog.New(slog.NewJSONHandler(p.stderr, options))
	default:
		return usagef("--log is text or json, not %q", p.logFormat)
	}
	p.started = true
	return nil
}

// logTotals raises the log to INFO for commands that stay.
func (p *program) logTotals() error {
	if p.verbose {
		return nil
	}
	return p.setLog(slog.LevelInfo)
}
