package main

// Where an export goes: stdout, whose reader may leave, or a file that is whole
// or not there.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/paylake/paylake/cmd/internal/export"
	"github.com/paylake/paylake/cmd/internal/partfile"
	"github.com/paylake/paylake/sinks"
)

// markEvery is how much of a file is written anew at most after it was
// interrupted.
const markEvery = 8 << 20

// toFile writes an export to its file. One that was interrupted goes on where it
// was, when it is of the same: the same bytes come whenever it is asked for.
func (p *program) toFile(ctx context.Context, s *shop, d dataset, f exportFlags, e exportProof, sum *sumWriter) error {
	resumable := d.own[f.format] == nil && slices.Contains(export.Resumable, f.format)
	var of map[string]string
	if resumable {
		of = e.identity()
	}
	part, err := partfile.Open(f.file, of)
	if err != nil {
		return err
	}
	if why := part.Why(); why != "" {
		fmt.Fprintf(p.stderr, "%s.part was left by an export that is not gone on with (%s); it is written anew\n", f.file, why)
	}
	if resumable {
		s.part, s.markEvery = part, markEvery
	}
	if m, ok := part.Resumed(); ok {
		if err := json.Unmarshal(m.State, &s.resumed); err != nil {
			return errors.Join(fmt.Errorf("%s.part.json: %w; delete it to write the file anew", f.file, err), part.Keep())
		}
		s.rows, s.before = m.Rows, m.Rows
		fmt.Fprintf(p.stderr, "goes on with %s.part after %s rows\n", f.file, thousands(m.Rows))
	}
	if err := s.write(ctx, d, f.format, part); err != nil {
		if m, ok := part.Resumed(); ok {
			err = fmt.Errorf("%w\n%s.part has %s rows; the same command with --snapshot %d goes on with it", err, f.file, thousands(m.Rows), s.snapshot)
		}
		return errors.Join(err, part.Keep())
	}
	sum.n, sum.known = part.Bytes(), part.SHA256()
	if err := part.Commit(); err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "wrote %s, %s bytes\n", f.file, thousands(sum.n))
	return nil
}

// toStdout writes to stdout. A reader that leaves is an error like another one:
// the default is to die without a word.
func (p *program) toStdout(write func(io.Writer) error) error {
	left := make(chan os.Signal, 1)
	signal.Notify(left, syscall.SIGPIPE)
	defer signal.Stop(left)
	err := write(p.stdout)
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return fmt.Errorf("whoever reads stdout has left before the end: %w", err)
	case sinks.IsFull(err):
		return fmt.Errorf("the disk behind stdout is full: %w", err)
	}
	return err
}
