package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// dataset is something that export can write.
type dataset struct {
	name, short string
	formats     []string // the first is the default
	days        bool     // rows have a day: --from and --to, or --period, choose
	write       func(ctx context.Context, from *shop, out *bytes.Buffer) error
}

// datasets lists what can be exported.
func datasets() []dataset {
	return []dataset{
		{name: "nfc_workflows", short: "NFC workflows as one bundle that a fleet of Android devices can prefetch", formats: []string{"json"}, write: exportWorkflows},
	}
}

// shop is where an export gets its rows: the warehouse as of one snapshot.
type shop struct {
	warehouse *clickhouse.Warehouse
	snapshot  int64  // the newest manifest that is shown; 0: nothing is committed yet
	sha256    string // of that manifest
}

type exportFlags struct {
	format, file, period string
	days                 span
	snapshot             int64
}

func (p *program) exportCommand() *cobra.Command {
	var f exportFlags
	var names, lines []string
	for _, d := range datasets() {
		names = append(names, d.name)
		lines = append(lines, fmt.Sprintf("  %-16s %s (%s)", d.name, d.short, strings.Join(d.formats, ", ")))
	}
	cmd := &cobra.Command{
		Use: "export DATASET", Short: "Write a dataset to a file or to stdout, as of one snapshot",
		Long: "Datasets and their formats:\n\n" + strings.Join(lines, "\n") + `

The same snapshot gives the same bytes. A file is written whole or not at all.`,
		Example: `  paylake export nfc_workflows -o nfc-bundle.json
  paylake export nfc_workflows --format json --snapshot 12`,
		Args: cobra.ExactArgs(1), ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := f.dataset(args[0], cmd.Flags().Changed("snapshot"))
			if err != nil {
				return err
			}
			return p.export(cmd.Context(), d, f)
		},
	}
	f.days.flags(cmd)
	flags := cmd.Flags()
	flags.Lookup("from").Usage = "first `DAY` (YYYY-MM-DD), for datasets whose rows have one"
	flags.StringVar(&f.period, "period", "", "a month (`YYYY-MM`) instead of --from and --to")
	flags.StringVar(&f.format, "format", "", "`FORMAT` (each dataset has its own; the first is the default)")
	flags.Int64Var(&f.snapshot, "snapshot", 0, "as of manifest `N`")
	flags.StringVarP(&f.file, "output", "o", "", "`FILE` to write (stdout)")
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
			return d, usagef("%s is a catalogue and has no days; leave out --from, --to and --period", name)
		case snapshot && f.snapshot < 1:
			return d, usagef("--snapshot is the number of a manifest, from 1 on; see: paylake snapshots")
		}
		return d, nil
	}
	return dataset{}, usagef("there is no dataset %q to export; %s", name, suggestion(name, known))
}

func (p *program) export(ctx context.Context, d dataset, f exportFlags) (err error) {
	h, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	ch, err := h.openWarehouse(ctx)
	if err != nil {
		return err
	}
	s := &shop{warehouse: ch, snapshot: f.snapshot}
	if err := s.settle(ctx); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := d.write(ctx, s, &out); err != nil {
		return fmt.Errorf("export %s: %w", d.name, err)
	}
	return p.deliver(f.file, out.Bytes())
}

// settle fixes the snapshot, so that several questions have one answer.
func (s *shop) settle(ctx context.Context) error {
	var newest []struct {
		Sequence json.Number `json:"sequence"`
		SHA256   string      `json:"sha256"`
	}
	if err := s.ask(ctx, "SELECT sequence, sha256 FROM snapshots ORDER BY sequence DESC LIMIT 1", &newest); err != nil {
		return err
	}
	if len(newest) == 0 {
		return nil
	}
	n, err := newest[0].Sequence.Int64()
	s.snapshot, s.sha256 = n, newest[0].SHA256
	return err
}

// ask runs a query as of the snapshot and decodes its rows into a slice.
func (s *shop) ask(ctx context.Context, sql string, rows any) error {
	var raw bytes.Buffer
	q := clickhouse.Query{Format: clickhouse.FormatJSON, Snapshot: s.snapshot, User: "auditor"}
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
func (p *program) deliver(file string, data []byte) error {
	if file == "" || file == "-" {
		_, err := p.stdout.Write(data)
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer os.Remove(temp.Name()) // it has another name when all went well
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Chmod(0o644), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	fmt.Fprintf(p.stderr, "wrote %s, %s bytes\n", file, thousands(int64(len(data))))
	return nil
}
