package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/lake"
)

// exportReport is what verify found of an exported file.
type exportReport struct {
	File           string `json:"file"`
	Dataset        string `json:"dataset"`
	FileFormat     string `json:"file_format"`
	Snapshot       int64  `json:"snapshot"`
	SnapshotSHA256 string `json:"snapshot_sha256"`
	From           string `json:"from,omitempty"`
	To             string `json:"to,omitempty"`
	Reader         string `json:"reader"`
	Rows           int64  `json:"rows"`
	Bytes          int64  `json:"bytes"`
	SHA256         string `json:"sha256"`     // of the file as it is
	Logged         bool   `json:"logged"`     // it brings a proof that its snapshot is in the log
	Recomputed     bool   `json:"recomputed"` // from the lake alone, and the bytes are the same
	Fault          string `json:"fault,omitempty"`
}

// checkExport makes an exported file again from the lake alone, in an engine
// and a folder of its own that are gone afterwards, and compares the bytes. Its
// error wraps sinks.ErrCorrupt when the file is not what it says.
func (p *program) checkExport(ctx context.Context, url, file string, o lake.VerifyOptions) (*exportReport, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("find the current folder: %w", err)
	}
	if isBundle(file) {
		return p.checkBundle(ctx, url, file, o)
	}
	e, err := readProof(file)
	if err != nil {
		return nil, err
	}
	d, err := datasetOf(e)
	if err != nil {
		return nil, usagef("--export: %s: %w", file+proofSuffix, err)
	}
	r := &exportReport{File: file, Dataset: e.Dataset, FileFormat: e.FileFormat, Snapshot: e.Snapshot, SnapshotSHA256: e.SnapshotSHA256, From: e.From, To: e.To, Reader: e.Reader}
	if r.SHA256, r.Bytes, err = fileDigest(file); err != nil {
		return nil, usagef("--export: %w", err)
	}
	if r.Logged, err = e.logged(o); err != nil {
		return r, r.wrong(file+proofSuffix, err)
	}
	dir, err := os.MkdirTemp("", "paylake-verify-*")
	if err != nil {
		return r, fmt.Errorf("make a folder to compute in: %w", err)
	}
	defer os.RemoveAll(dir)
	again := filepath.Join(dir, "again")
	s, err := p.exportAgain(ctx, url, dir, again, d, e)
	if err != nil {
		return r, r.wrong(file+proofSuffix, err)
	}
	r.Rows = s.rows
	if err := r.compare(again); err != nil {
		return r, err
	}
	if wrong := e.disagrees(r, s); wrong != "" {
		r.Recomputed = false
		return r, r.wrong(file+proofSuffix, fmt.Errorf("%s: %w", wrong, sinks.ErrCorrupt))
	}
	return r, nil
}

// logged reports whether a proof brings one that its snapshot is in the log.
func (e exportProof) logged(o lake.VerifyOptions) (bool, error) {
	if e.Log == "" {
		return false, nil
	}
	proof, err := lake.CheckProof([]byte(e.Log), o.Keys, o.Witnesses)
	if err == nil && (proof.Sequence != e.Snapshot || proof.SHA256 != e.SnapshotSHA256) {
		err = fmt.Errorf("it brings the proof of manifest %d (%.12s…) and says snapshot %d (%.12s…): %w", proof.Sequence, proof.SHA256, e.Snapshot, e.SnapshotSHA256, sinks.ErrCorrupt)
	}
	return err == nil, err
}

// wrong notes what does not hold; other errors stay what they are.
func (r *exportReport) wrong(path string, err error) error {
	if !errors.Is(err, sinks.ErrCorrupt) {
		return err
	}
	r.Fault = fmt.Sprintf("%s: %v", path, err)
	return fmt.Errorf("%s: %w", path, err)
}

func (r *exportReport) compare(again string) error {
	difference, err := firstDifference(r.File, again, r.FileFormat == "parquet")
	if err != nil {
		return err
	}
	r.Recomputed = difference == ""
	if r.Recomputed {
		return nil
	}
	return r.wrong(r.File, fmt.Errorf("%s: %w", difference, sinks.ErrCorrupt))
}

// disagrees says which of its own figures a proof has wrong. Earlier versions,
// and files that say themselves what they are, have none of some.
func (e exportProof) disagrees(r *exportReport, s *shop) string {
	switch {
	case e.SHA256 != "" && e.SHA256 != r.SHA256:
		return fmt.Sprintf("it says sha256 %s of the file, which has %s", e.SHA256, r.SHA256)
	case e.SHA256 != "" && (e.Rows != s.rows || e.Bytes != r.Bytes):
		return fmt.Sprintf("it says %d rows and %d bytes, the file has %d and %d", e.Rows, e.Bytes, s.rows, r.Bytes)
	case e.Totals != nil && !slices.Equal(e.Totals, s.totals.List()):
		return fmt.Sprintf("its totals %+v are not those of the rows, %+v", e.Totals, s.totals.List())
	}
	return ""
}

// datasetOf finds what a proof speaks of.
func datasetOf(e exportProof) (dataset, error) {
	f := exportFlags{format: e.FileFormat, reader: e.Reader, snapshot: e.Snapshot, days: span{from: e.From, to: e.To}, names: e.Names}
	return f.dataset(e.Dataset, true)
}

// exportAgain writes the export into a file, from the lake and what the proof
// says that the lake does not hold.
func (p *program) exportAgain(ctx context.Context, url, dir, file string, d dataset, e exportProof) (*shop, error) {
	out, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("compute the export again: %w", err)
	}
	var used *shop
	err = p.fromLake(ctx, url, dir, e, func(s *shop) error {
		used = s
		return s.write(ctx, d, e.FileFormat, out)
	})
	return used, errors.Join(err, out.Close())
}

// fromLake gives a shop of what a proof is about, from the lake alone, in an
// engine of its own.
func (p *program) fromLake(ctx context.Context, url, dir string, e exportProof, do func(*shop) error) (err error) {
	l, err := lake.Open(ctx, lake.Options{URL: url, TempDir: dir, Now: p.now, StoreWait: p.waits.store, SkipProbe: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program to start it again: %w", err)
	}
	server, err := embedded.Acquire(ctx, embedded.Options{DataDir: dir, Command: []string{exe, childCommand}, Exclusive: true, Log: p.log})
	if err != nil {
		return fmt.Errorf("the rows of an export are computed by the embedded ClickHouse, in a folder of its own; it cannot be started: %w", err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	checks := e.Checks
	if checks == nil {
		checks = schemas.Checks()
	}
	ch, err := clickhouse.Open(ctx, clickhouse.Options{Lake: l, Embedded: server, Now: p.now, Within: p.waits.warehouse, Log: p.log, Checks: checks, Findings: e.Findings})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ch.Close()) }()
	if err := ch.SetOutside(ctx, e.Outside); err != nil {
		return err
	}
	if _, err := ch.Follow(ctx); err != nil {
		return fmt.Errorf("load the lake to export from it: %w", err)
	}
	at, err := ch.Newest(ctx, e.Snapshot)
	if errors.Is(err, clickhouse.ErrQuery) {
		return fmt.Errorf("it is of snapshot %d, and the lake has none of that number: %w", e.Snapshot, sinks.ErrCorrupt)
	}
	if err != nil {
		return err
	}
	if at.SHA256 != e.SnapshotSHA256 {
		return fmt.Errorf("it is of a manifest %d with the digest %s; that of the lake has %s: %w", e.Snapshot, e.SnapshotSHA256, at.SHA256, sinks.ErrCorrupt)
	}
	s := &shop{warehouse: ch, reader: e.Reader, snapshot: at.Sequence, sha256: at.SHA256, created: at.CreatedAt, from: e.From, to: e.To, centres: e.Centres}
	if s.names, err = account.ParseNames(e.Names); err != nil {
		return err
	}
	return do(s)
}

func fileDigest(path string) (sha string, n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if n, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// firstDifference says where two files part: by line, or by byte in a binary
// one. Empty: nowhere.
func firstDifference(file, again string, binary bool) (string, error) {
	a, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer a.Close()
	b, err := os.Open(again)
	if err != nil {
		return "", err
	}
	defer b.Close()
	in, want := bufio.NewReaderSize(a, 1<<20), bufio.NewReaderSize(b, 1<<20)
	offset := int64(0)
	for line := 1; ; line++ {
		x, errX := in.ReadSlice('\n')
		x = slices.Clone(x)
		y, errY := want.ReadSlice('\n')
		for _, err := range []error{errX, errY} {
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
				return "", fmt.Errorf("compare %s: %w", file, err)
			}
		}
		if string(x) != string(y) {
			n := int64(0)
			for n < int64(min(len(x), len(y))) && x[n] == y[n] {
				n++
			}
			if binary {
				return fmt.Sprintf("byte %d is the first that is not what the lake gives", offset+n), nil
			}
			return differs(line, string(x), string(y)), nil
		}
		if len(x) == 0 {
			return "", nil
		}
		offset += int64(len(x))
		if errors.Is(errX, bufio.ErrBufferFull) { // the same line goes on
			line--
		}
	}
}

func differs(line int, is, should string) string {
	show := func(s string) string { return fmt.Sprintf("%.300q", strings.TrimSuffix(s, "\n")) }
	switch {
	case is == "":
		return fmt.Sprintf("it ends before line %d, where the lake gives %s", line, show(should))
	case should == "":
		return fmt.Sprintf("line %d is %s, and the lake gives no such line", line, show(is))
	}
	return fmt.Sprintf("line %d is %s, the lake gives %s", line, show(is), show(should))
}

func (p *program) showExport(r exportReport) {
	w := p.stdout
	days := ""
	if r.From != "" {
		days += ", from " + r.From
	}
	if r.To != "" {
		days += ", before " + r.To
	}
	fmt.Fprintf(w, "export       %s: %s as %s of snapshot %d%s, for the %s; %s bytes, sha256 %s\n",
		r.File, r.Dataset, r.FileFormat, r.Snapshot, days, r.Reader, thousands(r.Bytes), r.SHA256)
	if r.Recomputed {
		fmt.Fprintf(w, "recomputed   %s rows from the lake alone: the same bytes\n", thousands(r.Rows))
		return
	}
	fmt.Fprintln(w, "recomputed   FAILED: it is not what the lake gives, see stderr")
}
