package main

// Bundles: the compliance archive of a period and the evidence about one entry,
// each a zip that says what it is and that verify makes again from the lake.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/paylake/paylake/cmd/internal/bundle"
	"github.com/paylake/paylake/cmd/internal/dossier"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/lake"
)

const (
	archiveBundle  = "compliance_archive"
	evidenceBundle = "evidence"
)

// withJudgements is the version of a bundle's contents from which on matches,
// findings and decisions are in it.
const withJudgements = 1

// bundleManifest is what a bundle says of itself. With it and the lake anybody
// can make its files again.
type bundleManifest struct {
	Bundle string `json:"bundle"`
	exportProof
	// Contents is which files the version that made it knew; 0: none of what was
	// said of rows. A bundle is made again as it was made.
	Contents  int              `json:"contents,omitempty"`
	HighValue map[string]int64 `json:"high_value_minor,omitempty"` // of an archive: by currency
	Entry     *dossier.Entry   `json:"entry,omitempty"`            // of evidence
	Files     []bundle.File    `json:"files"`
}

// entries are the files of a bundle, from the shop's snapshot.
func (s *shop) entries(ctx context.Context, m *bundleManifest) ([]bundle.Entry, error) {
	if m.Bundle == archiveBundle {
		list := dossier.Archive(m.From, m.To, m.HighValue)
		if m.Contents >= withJudgements {
			list = append(list, dossier.ArchiveJudged(m.From, m.To, m.HighValue)...)
		}
		out, err := s.sections(ctx, list)
		if err != nil {
			return nil, err
		}
		totals, err := s.archiveTotals(ctx, m)
		return append(out, totals), err
	}
	row, err := s.findEntry(ctx, *m.Entry)
	if err != nil {
		return nil, err
	}
	*m.Entry = row
	list := dossier.Evidence(row)
	if m.Contents >= withJudgements {
		list = append(list, dossier.EvidenceJudged(row)...)
	}
	out, err := s.sections(ctx, list)
	if err != nil {
		return nil, err
	}
	revisions, err := s.revisions(ctx, row)
	return slices.Insert(out, 1, revisions), err
}

// sections writes the rows of each section.
func (s *shop) sections(ctx context.Context, list []dossier.Section) (out []bundle.Entry, err error) {
	for _, one := range list {
		if !slices.Contains(embedded.Views, one.View) {
			continue
		}
		before := s.rows
		s.rows = 0
		var data bytes.Buffer
		d := dataset{name: one.View, view: one.View, where: one.Where, order: one.Order}
		days := [2]string{s.from, s.to}
		s.from, s.to = "", "" // the condition says it
		err := s.write(ctx, d, one.Path[strings.LastIndexByte(one.Path, '.')+1:], &data)
		s.from, s.to = days[0], days[1]
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.Path, err)
		}
		if s.rows > 0 || one.Always {
			out = append(out, bundle.Entry{Path: one.Path, Data: data.Bytes()})
		}
		s.rows += before
	}
	return out, nil
}

func (s *shop) archiveTotals(ctx context.Context, m *bundleManifest) (bundle.Entry, error) {
	rows := []struct {
		Currency        string `json:"currency"`
		Type            string `json:"type"`
		AssuranceLevel  string `json:"assurance_level"`
		Rows            int64  `json:"rows"`
		AmountMinor     string `json:"amount_minor"`
		StepUpRequired  int64  `json:"step_up_required"`
		StepUpCompleted int64  `json:"step_up_completed"`
	}{}
	if err := s.ask(ctx, dossier.Totals(m.From, m.To, m.HighValue), &rows); err != nil {
		return bundle.Entry{}, err
	}
	var data bytes.Buffer
	err := plainJSON(&data, rows, " ")
	return bundle.Entry{Path: "totals.json", Data: data.Bytes()}, err
}

// findEntry finds the one line of an id.
func (s *shop) findEntry(ctx context.Context, e dossier.Entry) (dossier.Entry, error) {
	var rows []struct {
		Source    string
		Wallet    string
		Session   string
		Reference string
	}
	err := s.ask(ctx, "SELECT toString(source) AS Source, toString(wallet_id) AS Wallet, session_id AS Session, external_reference AS Reference FROM ledger WHERE "+dossier.Find(e)+" ORDER BY source, wallet_id LIMIT 20", &rows)
	switch {
	case err != nil:
		return e, err
	case len(rows) == 0:
		return e, fmt.Errorf("no ledger line %q is visible to the %s as of manifest %d; paylake query says which there are", e.ID, s.reader, s.snapshot)
	case len(rows) > 1:
		var wallets []string
		for _, r := range rows {
			wallets = append(wallets, r.Wallet+" of "+r.Source)
		}
		return e, usagef("several wallets have a line %q: %s; name one with --wallet", e.ID, strings.Join(wallets, ", "))
	}
	r := rows[0]
	return dossier.Entry{Source: r.Source, Wallet: r.Wallet, ID: e.ID, Session: r.Session, Reference: r.Reference}, nil
}

// revisions are the wordings that a line has had, the newest first: each is what
// was shown as of the manifest before the one that brought the next.
func (s *shop) revisions(ctx context.Context, e dossier.Entry) (bundle.Entry, error) {
	var data bytes.Buffer
	own := dossier.Evidence(e)[0]
	now := s.snapshot
	defer func() { s.snapshot = now }()
	for s.snapshot > 0 {
		var rows []struct {
			Snapshot int64 `json:"snapshot"`
			Revision int64 `json:"revision"`
		}
		if err := s.ask(ctx, "SELECT snapshot, revision FROM ledger WHERE "+own.Where, &rows); err != nil {
			return bundle.Entry{}, err
		}
		if len(rows) == 0 {
			break
		}
		one, err := s.sections(ctx, []dossier.Section{own})
		if err != nil {
			return bundle.Entry{}, err
		}
		data.Write(one[0].Data)
		if rows[0].Revision <= 1 || rows[0].Snapshot < 1 || rows[0].Snapshot > s.snapshot {
			break
		}
		s.snapshot = rows[0].Snapshot - 1
	}
	return bundle.Entry{Path: "revisions.jsonl", Data: data.Bytes()}, nil
}

// pack writes a bundle to its file.
func (h *house) pack(ctx context.Context, s *shop, m bundleManifest, f exportFlags) error {
	var err error
	if m.exportProof, err = h.described(ctx, s, dataset{name: m.Bundle}, f); err != nil {
		return err
	}
	m.Contents = withJudgements
	entries, err := s.entries(ctx, &m)
	if err != nil {
		return err
	}
	m.FunctionOf = bundleFunctionOf
	for _, e := range entries {
		m.Files = append(m.Files, bundle.Of(e.Path, e.Data))
	}
	m.Rows = s.rows
	log, err := lake.Prove(ctx, h.cfg.Lake, s.snapshot, "")
	if err != nil && !errors.Is(err, lake.ErrUnlogged) {
		return err
	}
	if len(log) > 0 {
		entries = append(entries, bundle.Entry{Path: bundle.LogProof, Data: log})
	}
	return h.p.deliver(f.file, func(out io.Writer) error { return bundle.Write(out, m, entries) })
}

// bundleFunctionOf are the keys of a manifest that decide every file of the
// bundle but the log's proof, which grows with the log.
var bundleFunctionOf = []string{"bundle", "snapshot", "snapshot_sha256", "from", "to", "reader", "outside", "checks", "findings", "contents", "high_value_minor", "entry"}

// isBundle reports whether a file is a zip.
func isBundle(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, 4)
	_, err = io.ReadFull(f, begin)
	return err == nil && string(begin) == "PK\x03\x04"
}

// checkBundle compares a bundle with its own manifest, and its files with those
// that the lake gives.
func (p *program) checkBundle(ctx context.Context, url, file string, o lake.VerifyOptions) (*exportReport, error) {
	r := &exportReport{File: file, FileFormat: "zip"}
	var err error
	if r.SHA256, r.Bytes, err = fileDigest(file); err != nil {
		return nil, usagef("--export: %w", err)
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, usagef("--export: %w", err)
	}
	defer in.Close()
	var m bundleManifest
	entries, err := bundle.Read(in, r.Bytes, &m, func() []bundle.File { return m.Files })
	r.Dataset, r.Snapshot, r.SnapshotSHA256, r.From, r.To, r.Reader, r.Rows = m.Bundle, m.Snapshot, m.SnapshotSHA256, m.From, m.To, m.Reader, m.Rows
	if err != nil {
		return r, r.wrong(file, err)
	}
	if err := m.usable(); err != nil {
		return r, usagef("--export: %s: %w", file, err)
	}
	if n := len(entries); n > 0 && entries[n-1].Path == bundle.LogProof {
		m.Log = string(entries[n-1].Data)
		entries = entries[:n-1]
	}
	if r.Logged, err = m.logged(o); err != nil {
		return r, r.wrong(file+": "+bundle.LogProof, err)
	}
	dir, err := os.MkdirTemp("", "paylake-verify-*")
	if err != nil {
		return r, fmt.Errorf("make a folder to compute in: %w", err)
	}
	defer os.RemoveAll(dir)
	err = p.fromLake(ctx, url, dir, m.exportProof, func(s *shop) error {
		again, err := s.entries(ctx, &m)
		if err != nil {
			return err
		}
		return sameEntries(entries, again)
	})
	if err != nil {
		return r, r.wrong(file, err)
	}
	r.Recomputed = true
	return r, nil
}

// usable refuses what this version cannot make again.
func (m *bundleManifest) usable() error {
	switch {
	case m.Contents > withJudgements:
		return fmt.Errorf("its contents are of version %d; this paylake knows %d", m.Contents, withJudgements)
	case m.Format != 1 || m.Snapshot < 1:
		return fmt.Errorf("it is of format %d and snapshot %d; this paylake reads format 1 and snapshots from 1 on", m.Format, m.Snapshot)
	case !slices.Contains(embedded.Roles, m.Reader):
		return fmt.Errorf("its reader is %q, none of %s", m.Reader, strings.Join(embedded.Roles, ", "))
	case m.Bundle == archiveBundle && len(m.HighValue) > 0 && m.From != "" && m.To != "":
		return nil
	case m.Bundle == evidenceBundle && m.Entry != nil:
		return nil
	}
	return fmt.Errorf("it says that it is %q, and not completely of what", m.Bundle)
}

// sameEntries says which file is not what the lake gives.
func sameEntries(is, should []bundle.Entry) error {
	for i, want := range should {
		if i >= len(is) || is[i].Path != want.Path {
			return fmt.Errorf("%s is missing, or not in its place: %w", want.Path, sinks.ErrCorrupt)
		}
		if bytes.Equal(is[i].Data, want.Data) {
			continue
		}
		a, b := bytes.Split(is[i].Data, []byte("\n")), bytes.Split(want.Data, []byte("\n"))
		n := 0
		for n < len(a) && n < len(b) && bytes.Equal(a[n], b[n]) {
			n++
		}
		line := func(list [][]byte) string {
			if n < len(list) {
				return string(list[n])
			}
			return ""
		}
		return fmt.Errorf("%s: %s: %w", want.Path, differs(n+1, line(a), line(b)), sinks.ErrCorrupt)
	}
	if len(is) > len(should) {
		return fmt.Errorf("%s is not what the lake gives any file for: %w", is[len(should)].Path, sinks.ErrCorrupt)
	}
	return nil
}

// thresholds are a text of amounts from which on a transfer is of high value.
func thresholds(limits map[string]int64) string {
	var out []string
	for _, currency := range slices.Sorted(maps.Keys(limits)) {
		out = append(out, inUnits(limits[currency], currency)+" "+currency)
	}
	return strings.Join(out, ", ")
}
