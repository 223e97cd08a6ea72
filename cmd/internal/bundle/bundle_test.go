package bundle

import (
	"bytes"
	"errors"
	"testing"

	"github.com/paylake/paylake/sinks"
)

type sample struct{ Files []File }

func packed(t *testing.T, m sample, entries ...Entry) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, m, entries); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A bundle reads back as it was, is the same bytes every time, and anything else
// than what its manifest says is found.
func TestBundle(t *testing.T) {
	a, b, log := Entry{"a.csv", []byte("x\n")}, Entry{"b.json", nil}, Entry{LogProof, []byte("p")}
	m := sample{[]File{Of(a.Path, a.Data), Of(b.Path, b.Data)}}
	good := packed(t, m, a, b, log)
	if !bytes.Equal(good, packed(t, m, a, b, log)) {
		t.Error("other bytes of the same files")
	}
	read := func(data []byte) ([]Entry, error) {
		var got sample
		return Read(bytes.NewReader(data), int64(len(data)), &got, func() []File { return got.Files })
	}
	entries, err := read(good)
	if err != nil || len(entries) != 3 || string(entries[0].Data) != "x\n" || entries[2].Path != LogProof {
		t.Fatalf("%+v %v", entries, err)
	}
	for name, bad := range map[string][]byte{
		"changed": packed(t, m, Entry{"a.csv", []byte("y\n")}, b), "missing": packed(t, m, a), "more": packed(t, m, a, b, Entry{"c", nil}, log),
		"order": packed(t, m, b, a), "name": packed(t, m, Entry{"A.csv", a.Data}, b), "cut": good[:len(good)-9], "text": []byte("no zip"),
	} {
		if _, err := read(bad); !errors.Is(err, sinks.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range good { // one bit of each byte: either it is found, or the files are the same
		flipped := bytes.Clone(good)
		flipped[i] ^= 1
		got, err := read(flipped)
		if err == nil && (len(got) < 2 || string(got[0].Data) != "x\n" || got[0].Path != "a.csv" || len(got[1].Data) != 0 || got[1].Path != "b.json") {
			t.Errorf("byte %d: %+v", i, got)
		}
	}
}
