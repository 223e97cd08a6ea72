package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/cmd/internal/export"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/lake"
)

// proofSuffix names the file that goes with an exported one.
const proofSuffix = ".proof"

// exportProof says what an exported file is, completely: with it and the lake
// anybody can make the file again, byte for byte. It is no secret from those who
// may see the lake, and names wallets and pseudonyms that others should not see.
type exportProof struct {
	Format         int    `json:"format"` // 1
	Dataset        string `json:"dataset"`
	FileFormat     string `json:"file_format"`
	Snapshot       int64  `json:"snapshot"`
	SnapshotSHA256 string `json:"snapshot_sha256"`
	From           string `json:"from,omitempty"` // first day
	To             string `json:"to,omitempty"`   // first day after
	Reader         string `json:"reader"`
	Rows           int64  `json:"rows"`
	Bytes          int64  `json:"bytes"`
	SHA256         string `json:"sha256"` // of the file
	// ContentSHA256 is the digest of what is about rows and not about the snapshot,
	// in formats that name it; exports by schedule have it.
	ContentSHA256 string `json:"content_sha256,omitempty"`
	// Totals are what the money in the file adds up to; absent in files of earlier
	// versions and in bundles.
	Totals []export.Total `json:"totals,omitempty"`
	// FunctionOf names the keys that decide every byte of the file.
	FunctionOf []string         `json:"function_of,omitempty"`
	Names      string           `json:"names,omitempty"`
	Centres    []account.Centre `json:"cost_centres,omitempty"`
	// What the rows are shown by and the lake does not hold.
	Outside clickhouse.Outside `json:"outside"`
	Checks  []schemas.Check    `json:"checks,omitempty"` // absent: those of every user
	// Findings are the thresholds of findings; absent: the default ones.
	Findings *schemas.Findings `json:"findings,omitempty"`
	// Log proves that the snapshot is in the lake's log (C2SP tlog-proof); empty
	// while the log has not reached it.
	Log string `json:"tlog_proof,omitempty"`
}

// described says what a shop is about to write: all that decides its bytes.
func (h *house) described(ctx context.Context, s *shop, d dataset, f exportFlags) (exportProof, error) {
	e := exportProof{Format: 1, Dataset: d.name, FileFormat: f.format, Snapshot: s.snapshot, SnapshotSHA256: s.sha256, From: s.from, To: s.to,
		Reader: s.reader, FunctionOf: functionOf, Names: string(s.names), Centres: s.centres}
	if h.cfg.Warehouse != config.Embedded {
		e.Reader = "auditor" // a server goes by its own user, and ours sees everything
	}
	var err error
	if e.Outside, err = s.warehouse.Outside(ctx); err != nil {
		return e, err
	}
	if d.name == "completeness" {
		if e.Outside.Streams, err = s.warehouse.Expectations(ctx); err != nil {
			return e, err
		}
	}
	if e.Reader == "auditor" {
		e.Outside.Hidden = nil
	}
	if e.Reader == "analyst" {
		e.Outside.Persons = nil
	}
	if checks := h.cfg.Checks(); !reflect.DeepEqual(checks, schemas.Checks()) {
		e.Checks = checks
	}
	if found := h.cfg.Findings; !reflect.DeepEqual(found, schemas.DefaultFindings()) {
		e.Findings = &found
	}
	return e, nil
}

// complete adds what was written. What it was shown by must still hold: a
// consent that was withdrawn meanwhile has gone into some rows and not into
// others.
func (h *house) complete(ctx context.Context, e *exportProof, s *shop, d dataset, f exportFlags, sum *sumWriter) error {
	now, err := h.described(ctx, s, d, f)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(now.Outside, e.Outside) {
		return errors.New("aliases, consents or names of persons have changed while it was written; type the same again")
	}
	e.Rows, e.Bytes, e.SHA256 = s.rows, sum.n, sum.digest()
	if s.totals != nil {
		e.Totals = s.totals.List()
	}
	log, err := lake.Prove(ctx, h.cfg.Lake, s.snapshot, "")
	if err != nil && !errors.Is(err, lake.ErrUnlogged) {
		return err
	}
	e.Log = string(log)
	return nil
}

// identity is what a part of the file must be of to be gone on with: short
// values as they are, long ones as digests.
func (e exportProof) identity() map[string]string {
	of := map[string]string{"dataset": e.Dataset, "format": e.FileFormat, "snapshot": fmt.Sprint(e.Snapshot), "snapshot_sha256": e.SnapshotSHA256,
		"from": e.From, "to": e.To, "reader": e.Reader, "names": e.Names, "version": "1"}
	for name, value := range map[string]any{"outside": e.Outside, "checks": e.Checks, "cost_centres": e.Centres} {
		text, err := json.Marshal(value)
		if err != nil { // plain values: it cannot fail
			panic(err)
		}
		sum := sha256.Sum256(text)
		of[name] = hex.EncodeToString(sum[:])
	}
	return of
}

// functionOf are the keys of a proof that decide every byte of the file.
var functionOf = []string{"dataset", "file_format", "snapshot", "snapshot_sha256", "from", "to", "reader", "outside", "checks", "findings", "names", "cost_centres"}

// writeProof writes the proof beside the file, or where it was asked for.
func (p *program) writeProof(path string, e exportProof) error {
	return p.deliver(path, func(out io.Writer) error {
		text, err := json.MarshalIndent(e, "", " ")
		if err != nil {
			return fmt.Errorf("the proof of an export: %w", err)
		}
		_, err = out.Write(append(text, '\n'))
		return err
	})
}

// readProof reads what goes with an exported file, or what the file says of
// itself.
func readProof(file string) (e exportProof, err error) {
	path := file + proofSuffix
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if e, ok := saysItself(file); ok {
			return e, nil
		}
		return e, usagef("%s is not there: it says which snapshot, days and reader %s is of; paylake export -o FILE writes both, and --proof FILE%s beside stdout", path, file, proofSuffix)
	}
	if err != nil {
		return e, usagef("--export: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&e); err != nil {
		return e, usagef("--export: %s is no proof of an export: %w", path, err)
	}
	if e.Format != 1 || e.Snapshot < 1 {
		return e, usagef("--export: %s is of format %d and snapshot %d; this paylake reads format 1 and snapshots from 1 on", path, e.Format, e.Snapshot)
	}
	return e, nil
}

// saysItself reads a file that carries what it is: the bundle of NFC workflows,
// which shows no wallet and no person and goes by nothing outside of the lake.
func saysItself(file string) (exportProof, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return exportProof{}, false
	}
	var b nfcBundle
	if json.Unmarshal(text, &b) != nil || b.Bundle != "nfc_workflows" || b.Format != 1 || b.Snapshot < 1 {
		return exportProof{}, false
	}
	return exportProof{Format: 1, Dataset: b.Bundle, FileFormat: "json", Snapshot: b.Snapshot, SnapshotSHA256: b.SnapshotSHA256, Reader: "accountant"}, true
}
