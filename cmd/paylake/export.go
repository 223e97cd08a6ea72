package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/cmd/internal/export"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

type exportFlags struct {
	format, file, period, reader string
	proof                        string
	names, centres               string
	days                         span
	snapshot                     int64
	view                         string // of the dataset; empty: of several
}

func (p *program) exportCommand() *cobra.Command {
	var f exportFlags
	var names, lines []string
	for _, d := range datasets() {
		names = append(names, d.name)
		lines = append(lines, fmt.Sprintf("  %-18s %s (%s)", d.name, d.short, strings.Join(d.formats, ", ")))
	}
	cmd := &cobra.Command{
		Use: "export DATASET", Short: "Write a dataset to a file or to stdout, as of one snapshot",
		Long: "Datasets and their formats:\n\n" + strings.Join(lines, "\n") + `

The same snapshot gives the same bytes, whenever and wherever it is exported, as
long as the provider aliases, the reader and the withdrawn consents are the
same. Without --snapshot it is the newest one that the warehouse shows; which
one is said on stderr. A file is written whole or not at all. Beside it goes
FILE.proof, which says completely what it is: paylake verify LAKE --export FILE
makes the file again from the lake alone and compares the bytes. (The bundle of
NFC workflows says so itself.)

Amounts are minor units as integers and, beside them, decimals; in JSON decimals
are strings. In CSV, text that a spreadsheet would run as a formula gets an
apostrophe in front.`,
		Example: `  paylake export spend_by_provider --period 2026-03 -o spend-2026-03.csv
  paylake export ledger --from 2026-03-01 --to 2026-04-01 --format parquet --snapshot 12 -o march.parquet
  paylake export statement --period 2026-03 --format camt.053 -o march.xml
  paylake export nfc_workflows -o nfc-bundle.json`,
		Args: cobra.ExactArgs(1), ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := f.dataset(args[0], cmd.Flags().Changed("snapshot"))
			if err != nil {
				return err
			}
			return p.export(cmd.Context(), d, f)
		},
	}
	cmd.AddCommand(p.scheduledCommand(), p.archiveCommand(), p.evidenceCommand())
	f.days.flags(cmd)
	flags := cmd.Flags()
	flags.Lookup("from").Usage = "first `DAY` (YYYY-MM-DD), for datasets whose rows have one"
	flags.StringVar(&f.period, "period", "", "a month (`YYYY-MM`) instead of --from and --to")
	flags.StringVar(&f.format, "format", "", "`FORMAT` (each dataset has its own; the first is the default)")
	flags.Int64Var(&f.snapshot, "snapshot", 0, "as of manifest `N`")
	flags.StringVar(&f.reader, "as", "accountant", "read-only `USER` of the embedded warehouse: auditor also sees wallets whose consent was withdrawn, analyst no persons")
	flags.StringVar(&f.names, "names", "", "names of a statement's columns, `own or berlin` (own)")
	flags.StringVar(&f.centres, "cost-centres", "", "CSV `FILE` provider_code,cost_centre for a statement (cost_centres of the configuration)")
	_ = cmd.RegisterFlagCompletionFunc("names", cobra.FixedCompletions(account.AllNames, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions(embedded.Roles, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(export.Formats, cobra.ShellCompDirectiveNoFileComp))
	flags.StringVarP(&f.file, "output", "o", "", "`FILE` to write (stdout)")
	flags.StringVar(&f.proof, "proof", "", "`FILE` for what goes with the export (OUTPUT.proof; none for stdout)")
	return cmd
}

// dataset finds what is asked for and checks that it can be had so.
func (f *exportFlags) dataset(name string, snapshot bool) (dataset, error) {
	var known []string
	for _, d := range datasets() {
		known = append(known, d.name)
		if d.name != name {
			continue
		}
		if f.format == "" {
			f.format = d.formats[0]
		}
		switch {
		case !slices.Contains(d.formats, f.format):
			return d, usagef("%s is exported as %s, not as %q", name, strings.Join(d.formats, ", "), f.format)
		case !d.days && f.days.from+f.days.to+f.period != "":
			return d, usagef("%s has no days; leave out --from, --to and --period", name)
		case f.period != "" && f.days.from+f.days.to != "":
			return d, usagef("--period is a whole month; leave out --from and --to")
		case !d.statement && f.names+f.centres != "":
			return d, usagef("--names and --cost-centres belong to the dataset statement, not to %s", name)
		case snapshot && f.snapshot < 1:
			return d, usagef("--snapshot is the number of a manifest, from 1 on; see: paylake snapshots")
		case !slices.Contains(embedded.Roles, f.reader):
			return d, usagef("--as is %s, not %q", strings.Join(embedded.Roles, ", "), f.reader)
		}
		if _, err := account.ParseNames(f.names); err != nil {
			return d, usagef("--names: %w", err)
		}
		if f.format == camtFormat && account.Names(f.names) == account.Berlin {
			return d, usagef("--names are those of columns, and %s has elements of its own; leave them out", camtFormat)
		}
		if err := f.limits(); err != nil {
			return d, err
		}
		if f.format == camtFormat && (f.days.from == "" || f.days.to == "") {
			return d, usagef("%s is about a period: give --period 2026-03, or --from and --to", camtFormat)
		}
		return d, nil
	}
	return dataset{}, usagef("there is no dataset %q to export; %s", name, suggestion(name, known))
}

// limits checks the days and turns a period into days.
func (f *exportFlags) limits() error {
	if f.period != "" {
		month, err := time.Parse("2006-01", f.period)
		if err != nil {
			return usagef("--period is a month such as 2026-03, not %q", f.period)
		}
		f.days.from, f.days.to = month.Format(time.DateOnly), month.AddDate(0, 1, 0).Format(time.DateOnly)
	}
	_, _, err := f.days.in(time.UTC)
	return err
}

func (p *program) export(ctx context.Context, d dataset, f exportFlags) (err error) {
	p.boundMemory()
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	centres, err := h.costCentres(d, f)
	if err != nil {
		return err
	}
	f.view = d.view
	s, err := h.openShop(ctx, f)
	if err != nil {
		return err
	}
	s.names, _ = account.ParseNames(f.names)
	s.centres = centres
	if f.proof == "" && f.file != "" && f.file != "-" && !d.saysItself(f.format) {
		f.proof = f.file + proofSuffix
	}
	if f.proof != "" { // that of an earlier file of this name would accuse this one
		if err := os.Remove(f.proof); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return fmt.Errorf("export %s: %w", d.name, err)
		}
	}
	e, err := h.described(ctx, s, d, f)
	if err != nil {
		return fmt.Errorf("export %s: %w", d.name, err)
	}
	sum := &sumWriter{hash: sha256.New()}
	if f.file == "" || f.file == "-" {
		err = p.toStdout(func(out io.Writer) error { return s.write(ctx, d, f.format, sum.to(out)) })
	} else {
		err = p.toFile(ctx, s, d, f, e, sum)
	}
	if err != nil {
		return fmt.Errorf("export %s: %w", d.name, err)
	}
	fmt.Fprintln(p.stderr, s.said(d))
	if len(s.breaks) > 0 {
		fmt.Fprintf(p.stderr, "the lines do not lead from the opening to the closing balance: %s; paylake reconcile says where\n", shortList(s.breaks))
	}
	if err := h.sayCentres(ctx, s); err != nil {
		return fmt.Errorf("export %s: cost centres: %w", d.name, err)
	}
	if f.proof == "" || s.snapshot == 0 { // of nothing there is nothing to prove
		return nil
	}
	if err = h.complete(ctx, &e, s, d, f, sum); err == nil {
		err = p.writeProof(f.proof, e)
	}
	if err != nil {
		return fmt.Errorf("export %s: the proof: %w", d.name, err)
	}
	return nil
}

// openShop opens the warehouse for a reader and fixes the snapshot.
func (h *house) openShop(ctx context.Context, f exportFlags) (*shop, error) {
	ch, err := h.openWarehouse(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.holdsLake(ctx, ch, f.snapshot, nil); err != nil {
		return nil, err
	}
	if err := h.tellBeforeQuery(ctx, ch); err != nil && f.reader != "auditor" { // who may see everything may see it now
		return nil, fmt.Errorf("which consents were withdrawn cannot be found out: %w", err)
	}
	if err := h.store.tellAliases(ctx, ch); err != nil {
		return nil, err
	}
	if err := h.onlyConsented(ctx, ch, f.reader); err != nil {
		return nil, err
	}
	if err := h.sayHeld(ctx, f); err != nil {
		return nil, err
	}
	newest, err := ch.Newest(ctx, f.snapshot)
	if err != nil {
		return nil, err
	}
	return &shop{warehouse: ch, reader: f.reader, snapshot: newest.Sequence, sha256: newest.SHA256, created: newest.CreatedAt, from: f.days.from, to: f.days.to}, nil
}

// onlyConsented: a server decides by its own user what is seen, and ours sees
// everything. So an export for anybody but the auditor is refused there once a
// consent was withdrawn.
func (h *house) onlyConsented(ctx context.Context, ch *clickhouse.Warehouse, reader string) error {
	if h.cfg.Warehouse == config.Embedded || reader == "auditor" {
		return nil
	}
	hidden, err := ch.HiddenWallets(ctx)
	if err == nil && hidden > 0 {
		err = fmt.Errorf("the owners of %d wallets have withdrawn their consent, and the warehouse's user sees them; "+
			"export --as auditor if that is meant, or read the view as a user with the role paylake_%s", hidden, reader)
	}
	return err
}

// said is what was exported, for stderr.
func (s *shop) said(d dataset) string {
	if s.snapshot == 0 {
		return d.name + ": nothing is loaded yet"
	}
	text := fmt.Sprintf("%s as of manifest %d (sha256 %.12s…)", d.name, s.snapshot, s.sha256)
	if s.from != "" {
		text += ", from " + s.from
	}
	if s.to != "" {
		text += ", before " + s.to
	}
	if s.rows > 0 {
		text += ", " + thousands(s.rows) + " rows"
	}
	return text
}

// ask runs a query as of the snapshot and decodes its rows into a slice.
func (s *shop) ask(ctx context.Context, sql string, rows any) error {
	var raw bytes.Buffer
	q := clickhouse.Query{Format: clickhouse.FormatJSON, Snapshot: s.snapshot, User: s.reader}
	if err := s.warehouse.Query(ctx, sql, q, &raw); err != nil {
		return err
	}
	var answer struct{ Data json.RawMessage }
	if err := json.Unmarshal(raw.Bytes(), &answer); err != nil {
		return fmt.Errorf("read the warehouse's answer: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(answer.Data))
	dec.UseNumber()
	if err := dec.Decode(rows); err != nil {
		return fmt.Errorf("read the warehouse's answer: %w", err)
	}
	return nil
}

// deliver writes to stdout, or a file: whole or not at all.
func (p *program) deliver(file string, write func(io.Writer) error) error {
	if file == "" || file == "-" {
		return write(p.stdout)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer os.Remove(temp.Name()) // it has another name when all went well
	sum := &tallyWriter{w: temp}
	if err := write(sum); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err = errors.Join(temp.Sync(), temp.Chmod(0o644), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	fmt.Fprintf(p.stderr, "wrote %s, %s bytes\n", file, thousands(sum.n))
	return nil
}

// tallyWriter counts bytes.
type tallyWriter struct {
	w io.Writer
	n int64
}

func (t *tallyWriter) Write(b []byte) (int, error) {
	n, err := t.w.Write(b)
	t.n += int64(n)
	return n, err
}

// sumWriter counts and digests what it passes on.
type sumWriter struct {
	tallyWriter
	hash  hash.Hash
	known string // the digest where somebody else made it
}

func (s *sumWriter) to(out io.Writer) io.Writer {
	s.w = io.MultiWriter(out, s.hash)
	return s
}

func (s *sumWriter) digest() string {
	if s.known != "" {
		return s.known
	}
	return hex.EncodeToString(s.hash.Sum(nil))
}
