package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func withAliases(t *testing.T, csv string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aliases.csv"), []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `lake: file://./lake
secrets: env:S
keys: {pseudonym: env:P}
aliases: aliases.csv
sources:
  mpay: {type: mpay, url: "https://w.example/", server_key: env:K, time_zone: Asia/Baku, wallets: [{wallet_id: w, msisdn: "+994501234567"}]}
  bank: {type: csv, url: "file:///srv/x/", preset: birbank, time_zone: Asia/Baku}
`
	return parse(filepath.Join(dir, "paylake.yaml"), dir, []byte(text), none)
}

func TestAliases(t *testing.T) {
	c, err := withAliases(t, "\ufeff"+`source,foreign_code,provider_code,valid_from
# a comment
bank, "AZERSU, BAKI",AZERSU_RES,
bank,SU,AZERSU_RES,2026-01-01
bank,SU,AZERSU_COM,2026-03-01
bank,SU,,2026-05-01
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Alias{{"bank", "AZERSU, BAKI", "AZERSU_RES", Date{}, 3}, {"bank", "SU", "AZERSU_RES", Date{2026, 1, 1}, 4},
		{"bank", "SU", "AZERSU_COM", Date{2026, 3, 1}, 5}, {"bank", "SU", "", Date{2026, 5, 1}, 6}}
	if len(c.Aliases) != len(want) {
		t.Fatalf("%+v", c.Aliases)
	}
	for i := range want {
		if c.Aliases[i] != want[i] {
			t.Errorf("%+v, want %+v", c.Aliases[i], want[i])
		}
	}
}

// Whatever is wrong with the crosswalk is named with file and line.
func TestAliasesAreStrict(t *testing.T) {
	const header = "source,foreign_code,provider_code,valid_from\n"
	for csv, want := range map[string]string{
		"":                                    "aliases.csv:1: the header must be",
		"foreign_code,source\n":               "aliases.csv:1: the header must be",
		header + "bank,A,B\n":                 "aliases.csv:2: it has 3 fields",
		header + "bank,A,B,2026-02-30\n":      "aliases.csv:2: valid_from \"2026-02-30\" is not a day",
		header + "bank,,B,\n":                 "aliases.csv:2: foreign_code is missing",
		header + "bank,A,,\n":                 "aliases.csv:2: provider_code is missing",
		header + ",A,B,\n":                    "aliases.csv:2: source is missing",
		header + "bnk,A,B,\n":                 `aliases.csv:2: there is no source "bnk"; did you mean "bank"?`,
		header + "mpay,A,B,\n":                "aliases.csv:2: the codes of mpay are the vocabulary itself",
		header + "bank,A,B,\n\nbank,A,C,\n":   "aliases.csv:4: bank A is named on line 2 already",
		header + "bank,A,B,\nbank,B,A,\n":     "aliases.csv:2: A leads on: A → B → A",
		header + "bank,A,B,\nbank,B,C,\n":     "aliases.csv:2: A leads on: A → B → C",
		header + "bank,\"A\"x,B,\n":           "aliases.csv:2: column",
		header + "bank,A,B,\nbank,\"open,B,,": "aliases.csv:3: column",
	} {
		_, err := withAliases(t, csv)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", csv, err, want)
		}
	}
}

// FuzzAliases: every line is an alias or a problem with its line.
func FuzzAliases(f *testing.F) {
	for _, text := range []string{"", "source,foreign_code,provider_code,valid_from\nbank,SU,AZERSU,2026-01-01\n", "source,foreign_code,provider_code,valid_from\n#x\n\"a\nb\",,,\n",
		"\ufeffsource,foreign_code,provider_code,valid_from\r\nbank,\"S\"\"U\",,\r\n", "source,foreign_code,provider_code,valid_from\nbank,SU,X,2026-02-30\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out, problems := parseAliases("aliases.csv", text)
		for _, p := range problems {
			if p.Text == "" || p.File != "aliases.csv" {
				t.Fatalf("a problem without words or file: %+v", p)
			}
		}
		for _, a := range out {
			if a.Source == "" || a.ForeignCode == "" || a.Line < 2 {
				t.Fatalf("an alias that says nothing: %+v", a)
			}
		}
	})
}
