package sinks_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/paylake/paylake/sinks"
)

// What a killed writer left is what the next one writes into: one file is
// there in the end, with the new content and the mode that was asked for.
func TestReplaceFileAfterAKill(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	f, release, err := sinks.TempBeside(path, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half of something that was longer than what comes next"); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil { // a kill closes it, and neither renames nor removes
		t.Fatal(err)
	}
	if err := sinks.ReplaceFile(path, []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	onlyFile(t, dir, path, "whole")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Many writers at once: each replacement is whole, and nothing is left.
func TestReplaceFileByMany(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			text := bytes.Repeat([]byte(fmt.Sprint(n)), 10_000*(n+1))
			for range 50 {
				if err := sinks.ReplaceFile(path, text, 0o644); err != nil {
					t.Error(err)
					return
				}
				got, err := os.ReadFile(path)
				if err != nil || len(got) == 0 || len(got)%10_000 != 0 || bytes.Count(got, got[:1]) != len(got) || len(got) != 10_000*int(got[0]-'0'+1) {
					t.Errorf("%d bytes, %v", len(got), err)
					return
				}
			}
		})
	}
	all.Wait()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	onlyFile(t, dir, path, string(got))
}

func onlyFile(t *testing.T, dir, path, text string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 || list[0].Name() != filepath.Base(path) {
		t.Errorf("%v, %v", list, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
}
