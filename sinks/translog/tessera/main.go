// Command tessera checks a transparency log of paylake's with somebody else's
// code: the client and fsck of transparency-dev/tessera, which share nothing
// with paylake but the published formats.
//
//	tessera FOLDER VERIFIER-KEY-FILE     checks the log in a folder
//	tessera witness VERIFIER-KEY-FILE    is a witness for it
//
// It is a module of its own so that the program that is shipped does not depend
// on it.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tessera FOLDER|witness VERIFIER-KEY-FILE")
		os.Exit(2)
	}
	work := func() error { return check(context.Background(), os.Args[1], os.Args[2]) }
	if os.Args[1] == "witness" {
		work = func() error { return serveWitness(os.Args[2]) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "tessera:", err)
		os.Exit(1)
	}
}

func check(ctx context.Context, folder, keyFile string) error {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	origin := verifier.Name()
	files := &client.FileFetcher{Root: folder}
	if err := fsck.New(origin, verifier, files, leafHashes, fsck.Opts{N: 2}).Check(ctx); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	newest, _, _, err := client.FetchCheckpoint(ctx, files.ReadCheckpoint, verifier, origin)
	if err != nil {
		return err
	}
	builder, err := client.NewProofBuilder(ctx, newest.Size, files.ReadTile)
	if err != nil {
		return err
	}
	included, err := inclusions(ctx, builder, files, newest)
	if err != nil {
		return err
	}
	consistent, err := consistencies(ctx, builder, folder, verifier, newest)
	if err != nil {
		return err
	}
	fmt.Printf("fsck holds; %d of %d entries included; %d checkpoints consistent\n", included, newest.Size, consistent)
	return nil
}

// leafHashes are the hashes of a bundle's entries.
func leafHashes(data []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, e := range bundle.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return out, nil
}

// inclusions proves entries, all of a small log and every 97th of a large one.
func inclusions(ctx context.Context, b *client.ProofBuilder, files *client.FileFetcher, newest *log.Checkpoint) (n int, err error) {
	step := uint64(1)
	if newest.Size > 2000 {
		step = 97
	}
	for i := uint64(0); i < newest.Size; i += step {
		bundle, err := client.GetEntryBundle(ctx, files.ReadEntryBundle, i/256, newest.Size)
		if err != nil {
			return n, err
		}
		hashes, err := b.InclusionProof(ctx, i)
		if err != nil {
			return n, err
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(bundle.Entries[i%256])
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, i, newest.Size, leaf, hashes, newest.Hash); err != nil {
			return n, fmt.Errorf("entry %d: %w", i, err)
		}
		n++
	}
	return n, nil
}

// consistencies proves every kept checkpoint to be the beginning of the newest.
func consistencies(ctx context.Context, b *client.ProofBuilder, folder string, v note.Verifier, newest *log.Checkpoint) (n int, err error) {
	kept, err := os.ReadDir(filepath.Join(folder, "checkpoints"))
	if err != nil {
		return 0, err
	}
	for _, f := range kept {
		raw, err := os.ReadFile(filepath.Join(folder, "checkpoints", f.Name()))
		if err != nil {
			return n, err
		}
		if _, err := strconv.ParseUint(f.Name(), 10, 64); err != nil {
			continue // a cosignature or a stamp
		}
		old, _, _, err := log.ParseCheckpoint(raw, v.Name(), v)
		if err != nil {
			return n, fmt.Errorf("checkpoint %s: %w", f.Name(), err)
		}
		hashes, err := b.ConsistencyProof(ctx, old.Size, newest.Size)
		if err != nil {
			return n, err
		}
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, old.Size, newest.Size, hashes, old.Hash, newest.Hash); err != nil {
			return n, fmt.Errorf("checkpoint %s: %w", f.Name(), err)
		}
		n++
	}
	return n, nil
}
