package main

import (
	"bufio"
	"bytes"
	"testing"
)

// A table that is printed as it is computed looks like every other one.
func TestStreamIsAGrid(t *testing.T) {
	rows := [][5]string{{"ledger", "wlt_1", "whole", "", "whole"}, {"ə", "", "2026-01-01 00:00:00Z", "2026-01-02 00:00:00Z", "missing, waits for consent"}, {}}
	header := []string{"pipeline", "wallet", "from", "to", "why"}
	var want, got bytes.Buffer
	var texts [][]string
	s := newStream(header...)
	for _, r := range rows {
		texts = append(texts, r[:])
		s.fit(r)
	}
	(&program{stdout: &want}).grid(header, texts)
	out := bufio.NewWriter(&got)
	s.begin(out)
	for _, r := range rows {
		s.row(out, r)
	}
	s.end(out)
	if err := out.Flush(); err != nil || got.String() != want.String() {
		t.Errorf("%v\n%s\nwant:\n%s", err, got.String(), want.String())
	}
}
