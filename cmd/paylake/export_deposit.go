package main

// An export into a bucket: its proof first, then the file, so that nobody sees a
// file without what says what it is.

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/paylake/paylake/cmd/internal/deposit"
)

// objectName is a function of what the file is: dataset, period, snapshot and
// the beginning of its digest.
func objectName(e exportProof, period string) string {
	return fmt.Sprintf("%[1]s/%[2]s/%[1]s-%[2]s-s%[3]d-%.12[4]s%[5]s", e.Dataset, period, e.Snapshot, e.SHA256, extensionOf(e.FileFormat))
}

// deposit puts a file and its proof into the target, unless the newest one of
// its kind there has the same content.
func (h *house) deposit(ctx context.Context, target, period, file string, e exportProof, done exported) (_ exported, err error) {
	place, err := deposit.Open(ctx, target)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	key, newest, err := newestOf(ctx, place, period, e)
	if err != nil {
		return done, err
	}
	if key != "" && cmp.Or(newest.ContentSHA256, newest.SHA256) == cmp.Or(e.ContentSHA256, e.SHA256) {
		done.outcome, done.object, done.snapshot = "unchanged", key, newest.Snapshot
		return done, nil
	}
	done.object, done.outcome = objectName(e, period), "written"
	text, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		return done, fmt.Errorf("the proof of an export: %w", err)
	}
	if _, err := place.Create(ctx, done.object+proofSuffix, bytes.NewReader(append(text, '\n'))); err != nil {
		return done, err
	}
	in, err := os.Open(file)
	if err != nil {
		return done, fmt.Errorf("read %s: %w", file, err)
	}
	defer in.Close()
	created, err := place.Create(ctx, done.object, in)
	if !created && err == nil {
		done.outcome = "unchanged"
	}
	return done, err
}

// newestOf finds the newest export of the same kind and period that is there
// with its proof; a proof alone was left by a firing that did not come to its
// end.
func newestOf(ctx context.Context, place deposit.Place, period string, like exportProof) (key string, newest exportProof, err error) {
	keys, err := place.Keys(ctx, path.Join(like.Dataset, period)+"/")
	if err != nil {
		return "", newest, err
	}
	for _, proof := range keys {
		name, isProof := strings.CutSuffix(proof, proofSuffix)
		if !isProof || !slices.Contains(keys, name) {
			continue
		}
		text, err := place.Read(ctx, proof)
		if err != nil {
			return "", newest, err
		}
		var e exportProof
		if json.Unmarshal(text, &e) != nil || e.Dataset != like.Dataset || e.FileFormat != like.FileFormat || e.Reader != like.Reader || e.Names != like.Names ||
			e.From != like.From || e.To != like.To || e.Snapshot > like.Snapshot || objectName(e, period) != name {
			continue // somebody else's, or of something else
		}
		if key == "" || e.Snapshot > newest.Snapshot {
			key, newest = name, e
		}
	}
	return key, newest, nil
}

// contentDigest digests what comes after the part that names the snapshot; empty
// where there is no such part, and the file's own digest says it.
func contentDigest(file string, head int64) (string, error) {
	if head == 0 {
		return "", nil
	}
	in, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	defer in.Close()
	if _, err := in.Seek(head, io.SeekStart); err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
