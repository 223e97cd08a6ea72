package main

// Sources of type csv: wiring, and what `check` says of their files.

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/csv"
)

// openFiles reads a source's mapping; it opens nothing.
func (h *house) openFiles(s config.Source) error {
	m, err := csv.MappingOf(s.Preset, s.Mapping)
	if err != nil {
		return fmt.Errorf("%s: sources.%s: %w", h.cfg.File, s.Name, err)
	}
	c := csv.Config{Name: s.Name, URL: s.URL, Mapping: m, Zone: s.Zone, Pseudonyms: h.pseudo, Now: h.p.now, TempDir: h.tempDir,
		Wrap: func(src sources.Source) sources.Source { return sources.Retry(src, h.retries(s.Name)) }}
	for _, q := range h.cfg.Pipelines {
		if q.Source != s.Name {
			continue
		}
		if q.Table != m.Table {
			return fmt.Errorf("%s: pipelines.%s: the mapping of source %s fills %s, not %s; write table: %s", h.cfg.File, q.Name, s.Name, m.Table, q.Table, m.Table)
		}
		if !q.Start.IsZero() {
			c.Start = dayIn(q.Start, s.Zone)
		}
	}
	if h.files[s.Name], err = csv.New(c); err != nil {
		return fmt.Errorf("%s: %w", h.cfg.File, err)
	}
	return nil
}

// shownFiles is how many files of a source `check` looks into: the last by name.
const shownFiles = 3

// checkFiles prints what the newest files of a source would map to.
func (h *house) checkFiles(ctx context.Context, c *checklist, s config.Source) {
	shelf := h.files[s.Name]
	if shelf == nil {
		return
	}
	seen, n, err := shelf.Look(ctx, shownFiles)
	if !c.line("source "+s.Name, fmt.Sprintf("%s: %d files for %s", s.URL, n, shelf.Stream().Table.Name), h.hinted("url", err)) {
		return
	}
	if m, err := csv.MappingOf(s.Preset, s.Mapping); err == nil && s.Preset != "" && m.Note != "" {
		c.line("  preset "+s.Preset, m.Note, nil)
	}
	for _, f := range seen {
		c.line("  "+f.File.Name, sighted(f), f.Err)
	}
}

// sighted says in one line what a file's headings stand for.
func sighted(f csv.Sighting) string {
	var found []string
	for _, column := range slices.Sorted(maps.Keys(f.Found)) {
		found = append(found, fmt.Sprintf("%s ← %s", column, f.Found[column]))
	}
	text := fmt.Sprintf("%s, delimiter %q, heading in line %d: %s", f.Encoding, f.Delimiter, f.Line, strings.Join(found, ", "))
	if len(f.Unmapped) > 0 {
		text += "; not read: " + strings.Join(f.Unmapped, ", ")
	}
	return text
}
