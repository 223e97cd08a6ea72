package main

// What people read: progress, one line per run, tables.

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
)

// progressView shows a run's progress on stderr: a bar on a terminal, else a
// plain line every few seconds.
type progressView struct {
	p    *program
	bar  *progressbar.ProgressBar
	tty  bool
	last time.Time
}

const plainEvery = 5 * time.Second

func (p *program) newProgress(string) *progressView {
	return &progressView{p: p, tty: isTerminal(p.stderr), last: p.now()}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// update must be cheap: it is called for every page.
func (v *progressView) update(s pipeline.Progress) {
	if !v.tty {
		if now := v.p.now(); now.Sub(v.last) >= plainEvery {
			v.last = now
			fmt.Fprintf(v.p.stderr, "%s: %d of %d windows, %s rows read\n", s.Pipeline, s.Done, s.Total, thousands(s.Rows))
		}
		return
	}
	if v.bar == nil {
		v.bar = progressbar.NewOptions(max(s.Total, 1), progressbar.OptionSetWriter(v.p.stderr),
			progressbar.OptionSetDescription(s.Pipeline), progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	v.bar.Describe(fmt.Sprintf("%s %s rows", s.Pipeline, thousands(s.Rows)))
	_ = v.bar.Set(s.Done)
}

func (v *progressView) end() {
	if v.bar != nil {
		_ = v.bar.Clear()
	}
}

// summary is the one line of a run.
func summary(r pipeline.Report) string {
	revised := r.Retracted - r.Withdrawn
	moved := fmt.Sprintf("%s inserted, %s revised", thousands(r.Inserted-revised), thousands(revised))
	if r.Withdrawn > 0 {
		moved += fmt.Sprintf(", %s withdrawn", thousands(r.Withdrawn))
	}
	if r.Inserted == 0 && r.Retracted == 0 {
		moved = "0 rows moved"
	}
	manifest := "no new manifest"
	if r.Sequence > 0 {
		manifest = fmt.Sprintf("manifest %d", r.Sequence)
	}
	quarantined := fmt.Sprintf("%s quarantined", thousands(r.Quarantined))
	if r.Quarantined > 0 {
		quarantined += money(r.Read.Money)
	}
	line := fmt.Sprintf("%s: %d windows, %s rows read, %s, %s duplicates, %s, %s, took %s", r.Pipeline,
		r.Read.Windows, thousands(r.Read.Rows), moved, thousands(r.Duplicates), quarantined, manifest, rounded(r.Took))
	if unknown := unknowns(r.Read.Unknown); unknown != "" {
		line += "\n" + r.Pipeline + ": new to this version: " + unknown
	}
	return line
}

// money lists sums by currency: " (12.50 AZN, 3.00 KGS)"; "" for none.
func money(sums map[string]pipeline.Money) string {
	var parts []string
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		parts = append(parts, decimal(sums[currency].Minor, currency))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func unknowns(counts map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s × %s", name, thousands(counts[name])))
	}
	if len(parts) > 8 {
		parts = append(parts[:8], "…")
	}
	return strings.Join(parts, ", ")
}

// decimal writes minor units as people do: 12.50 AZN.
func decimal(minor int64, currency string) string { return bigDecimal(big.NewInt(minor), currency) }

func bigDecimal(minor *big.Int, currency string) string {
	digits, err := schemas.Exponent(currency)
	if err != nil {
		return strings.TrimSpace(fmt.Sprintf("%d minor units %s", minor, currency))
	}
	sign := ""
	if minor.Sign() < 0 {
		sign = "-"
	}
	text := fmt.Sprintf("%0*d", digits+1, new(big.Int).Abs(minor))
	if digits > 0 {
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return sign + text + " " + currency
}

func thousands(n int64) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

func rounded(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// instant writes a time for people; a dash for none.
func instant(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// grid prints a table with a header line.
func (p *program) grid(header []string, rows [][]string) {
	t := table.NewWriter()
	t.SetOutputMirror(p.stdout)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = 0
	t.AppendHeader(cells(header))
	for _, r := range rows {
		t.AppendRow(cells(r))
	}
	t.Render()
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, s := range texts {
		row[i] = s
	}
	return row
}

// json prints a value as indented JSON.
func (p *program) json(v any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
