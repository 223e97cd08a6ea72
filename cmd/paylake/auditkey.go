package main

// Where the keys that sign the lake's transparency log lie: keys.audit of the
// configuration, else a file of data_dir that the first run makes.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/translog"
)

const (
	auditKeyFile    = "audit.key"        // signing keys, 0600
	auditPublicFile = "audit.pub"        // every verifier key there ever was, for auditors
	auditMemoryFile = "audit.checkpoint" // the last checkpoint signed here
)

func (h *house) auditFile(name string) string { return filepath.Join(h.cfg.DataDir, name) }

// auditSigner reads the signing keys; nil when there are none yet.
func (h *house) auditSigner(ctx context.Context) (*translog.Signer, error) {
	var value []byte
	var err error
	from := "keys.audit"
	if h.cfg.Keys.Audit.IsZero() {
		from = h.auditFile(auditKeyFile)
		value, err = os.ReadFile(from)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	} else {
		value, err = h.cfg.Keys.Audit.Value(ctx)
	}
	if err != nil {
		return nil, misconfigured(err)
	}
	s, err := translog.ParseSigner(value)
	if err != nil {
		return nil, misconfigured(fmt.Errorf("%s: %w", from, err))
	}
	return s, nil
}

// auditVerifiers are the public keys that this configuration knows of.
func (h *house) auditVerifiers(ctx context.Context) (translog.Verifiers, error) {
	var known translog.Verifiers
	signer, err := h.auditSigner(ctx)
	if err != nil {
		return known, err
	}
	if signer != nil && h.signed() {
		known = signer.Verifiers()
	}
	path := h.auditFile(auditPublicFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return known, misconfigured(err)
	}
	more, err := translog.ParseVerifiers(text)
	if err != nil {
		return known, misconfigured(fmt.Errorf("%s: %w", path, err))
	}
	return known.And(more), nil
}

// signed reports whether the keys count: those that were made here do once they
// have signed something. Another machine may have begun the log in the meantime.
func (h *house) signed() bool {
	_, err := os.Stat(h.auditFile(auditMemoryFile))
	return err == nil || !h.cfg.Keys.Audit.IsZero()
}

// openLog adds the transparency log to the followers. Keys that cannot be read
// are an error before anything moves; whatever else fails is tried again with
// every look, because commits need not wait for it.
func (h *house) openLog(ctx context.Context) error {
	log, err := h.beginLog(ctx)
	var f *failure
	switch {
	case errors.As(err, &f):
		return err
	case err != nil:
		h.log = &laterLog{h: h}
	case log != nil:
		h.log = log
	}
	return nil
}

// beginLog opens the lake's log, and makes a key where there is none and the
// lake has no log yet. Lake must be open. A configuration without the key of the
// lake's log does not sign (nil): who holds the key logs its commits, too.
func (h *house) beginLog(ctx context.Context) (*lake.Log, error) {
	signer, err := h.auditSigner(ctx)
	if err != nil {
		return nil, err
	}
	made := false
	there, begun, err := h.lake.Checkpoint(ctx)
	origin := there.Origin
	if err == nil && !begun {
		if signer == nil {
			signer, made, err = h.makeAuditKey(ctx)
		}
		if err == nil {
			origin, err = h.auditLog(signer, translog.Verifiers{}).Begin(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	if signer == nil || origin != signer.Origin() && h.cfg.Keys.Audit.IsZero() {
		return nil, h.othersLog(origin, made)
	}
	return h.ownLog(ctx, signer, made)
}

// othersLog leaves the log to whoever holds its key. A key made a moment ago has
// signed nothing.
func (h *house) othersLog(origin string, made bool) error {
	if made {
		if err := os.Remove(h.auditFile(auditKeyFile)); err != nil {
			return err
		}
	}
	fmt.Fprintf(h.p.stderr, "paylake: this lake's log is %s and its key is not here: manifests stay unlogged until who holds it runs; put that key under keys.audit or in %s\n",
		origin, h.auditFile(auditKeyFile))
	return nil
}

func (h *house) ownLog(ctx context.Context, signer *translog.Signer, made bool) (*lake.Log, error) {
	known, err := h.auditVerifiers(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.publishVerifiers(signer.Verifiers().And(known)); err != nil {
		return nil, err
	}
	if made {
		fmt.Fprintf(h.p.stderr, "paylake: made the key that signs the lake's log: %s (keep a copy). Give auditors this verifier key:\n%s\n",
			h.auditFile(auditKeyFile), signer.Verifiers().Lines()[0])
	}
	return h.auditLog(signer, known), nil
}

// laterLog is a log that could not be opened yet.
type laterLog struct {
	h    *house
	log  *lake.Log
	done bool
}

// Name implements sinks.Follower.
func (*laterLog) Name() string { return "log" }

// Follow implements sinks.Follower.
func (f *laterLog) Follow(ctx context.Context) (sinks.Position, error) {
	if !f.done {
		log, err := f.h.beginLog(ctx)
		if err != nil {
			return sinks.Position{}, err
		}
		f.log, f.done = log, true
	}
	if f.log == nil { // its key is elsewhere
		return sinks.Position{}, nil
	}
	return f.log.Follow(ctx)
}

// makeAuditKey makes the key of a new log, unless another process is first.
func (h *house) makeAuditKey(ctx context.Context) (s *translog.Signer, made bool, err error) {
	skey, _, err := translog.GenerateKey("")
	if err != nil {
		return nil, false, err
	}
	path := h.auditFile(auditKeyFile)
	err = writeNew(path, skey+"\n")
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, sinks.DiskError("create", path, "data_dir", err)
	}
	made = err == nil
	s, err = h.auditSigner(ctx)
	return s, made, err
}

// publishVerifiers keeps the verifier keys where auditors can be given them:
// one per line, none is ever removed.
func (h *house) publishVerifiers(keys translog.Verifiers) error {
	path := h.auditFile(auditPublicFile)
	text := "# Verifier keys of the lake's transparency log, for: paylake verify --key FILE\n" + strings.Join(keys.Lines(), "\n") + "\n"
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	if err := os.MkdirAll(h.cfg.DataDir, 0o755); err != nil {
		return sinks.DiskError("create", h.cfg.DataDir, "data_dir", err)
	}
	if err := sinks.ReplaceFile(path, []byte(text), 0o644); err != nil {
		return sinks.DiskError("write", path, "data_dir", err)
	}
	return nil
}

// writeNew writes a file that nobody else may read and that must not exist: it
// appears whole or not at all.
func writeNew(path, text string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".tmp-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
