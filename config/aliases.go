package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Alias says that a source's own code, from a day on, means a provider of the
// catalogue.
type Alias struct {
	Source       string
	ForeignCode  string // as the source writes it, to the letter
	ProviderCode string // of the catalogue; empty: from ValidFrom on, none
	ValidFrom    Date   // zero: always
	Line         int    // in the aliases file
}

// aliasColumns is the header of the file.
var aliasColumns = []string{"source", "foreign_code", "provider_code", "valid_from"}

// aliases reads the crosswalk that `aliases:` names. Its problems carry its own
// file name and lines.
func (r *reader) aliases(path string) []Alias {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		r.at("aliases", "aliases: %s cannot be read: %s; write a CSV file with the header %s", path, reasonOf(err), strings.Join(aliasColumns, ","))
		return nil
	}
	out, problems := parseAliases(path, text)
	r.list = append(r.list, problems...)
	return out
}

// reasonOf leaves out the path that os errors repeat.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// parseAliases reads the file strictly: every line counts, or is a problem.
func parseAliases(file string, text []byte) (out []Alias, problems []Problem) {
	problems = strictCSV(file, "aliases", text, aliasColumns, func(record []string, line int) string {
		a, complaint := aliasOf(record)
		if complaint == "" {
			a.Line = line
			out = append(out, a)
		}
		return complaint
	})
	return out, problems
}

func aliasOf(record []string) (a Alias, complaint string) {
	if len(record) != len(aliasColumns) {
		return a, fmt.Sprintf("it has %d fields, the header has %d; quote a code that holds a comma", len(record), len(aliasColumns))
	}
	a = Alias{Source: record[0], ForeignCode: record[1], ProviderCode: record[2]}
	switch {
	case a.Source == "":
		return a, "source is missing"
	case a.ForeignCode == "":
		return a, "foreign_code is missing"
	case a.ProviderCode == "" && record[3] == "":
		return a, "provider_code is missing; it may be empty only with a valid_from that ends an earlier alias"
	}
	if record[3] != "" {
		var err error
		if a.ValidFrom, err = ParseDate(record[3]); err != nil {
			return a, fmt.Sprintf("valid_from %q %s, or leave it empty", record[3], err)
		}
	}
	return a, ""
}

// validateAliases holds the crosswalk together: known sources, one meaning per
// code and day, and no code that leads on to another.
func (c *Config) validateAliases(p *problems) {
	type place struct{ source, code string }
	type key struct {
		place
		from Date
	}
	seen, codes := map[key]int{}, map[place]Alias{}
	for _, a := range c.Aliases {
		at := place{a.Source, a.ForeignCode}
		if first, twice := seen[key{at, a.ValidFrom}]; twice {
			p.alias(c, a, "%s %s is named on line %d already for the same days; remove one of the two", a.Source, a.ForeignCode, first)
		}
		seen[key{at, a.ValidFrom}] = a.Line
		codes[at] = a
		if s, ok := c.SourceNamed(a.Source); !ok {
			p.alias(c, a, "there is no source %q; %s", a.Source, didYouMean(a.Source, c.sourceNames()))
		} else if s.Type == MPAY {
			p.alias(c, a, "the codes of %s are the vocabulary itself and are never renamed; remove the line", a.Source)
		}
	}
	for _, a := range c.Aliases {
		next, leads := codes[place{a.Source, a.ProviderCode}]
		if !leads || next.ProviderCode == a.ProviderCode {
			continue
		}
		chain := []string{a.ForeignCode, a.ProviderCode}
		for len(chain) <= len(codes) && leads && !slices.Contains(chain[:len(chain)-1], chain[len(chain)-1]) {
			chain = append(chain, next.ProviderCode)
			next, leads = codes[place{a.Source, next.ProviderCode}]
		}
		p.alias(c, a, "%s leads on: %s; write the catalogue's own provider_code", a.ForeignCode, strings.Join(chain, " → "))
	}
}

func (c *Config) sourceNames() []string {
	var out []string
	for _, s := range c.Sources {
		out = append(out, s.Name)
	}
	return out
}

func (p *problems) alias(c *Config, a Alias, format string, args ...any) {
	p.list = append(p.list, Problem{File: c.AliasFile, Line: a.Line, Key: "aliases", Text: fmt.Sprintf(format, args...)})
}
