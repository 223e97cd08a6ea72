package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads a configuration and checks it. getenv resolves env: references
// later, when a secret is asked for. The error is an *Error with every problem,
// or says why the file could not be read.
func Load(path string, getenv func(string) string) (*Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration at %s; name one with -c FILE or PAYLAKE_CONFIG, or write one: paylake sandbox --write-config %s", path, filepath.Base(path))
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return parse(path, dir, text, getenv)
}

// parse decodes and validates, and reports the problems of both together.
func parse(path, dir string, text []byte, getenv func(string) string) (*Config, error) {
	r := &reader{problems: newProblems(path), dir: dir, getenv: getenv}
	if short, lists := cutWallets(text); len(lists) > 0 {
		r.cut = lists
		if c, err := r.parse(path, short); err == nil && len(r.cut) == 0 {
			return c, nil
		}
		r = &reader{problems: newProblems(path), dir: dir, getenv: getenv}
	}
	return r.parse(path, text)
}

func (r *reader) parse(path string, text []byte) (*Config, error) {
	root := r.document(text)
	if root == nil {
		return nil, r.err()
	}
	c := r.config(root)
	c.File, c.Dir, c.lines = path, r.dir, r.lines
	c.defaults()
	c.validate(r.problems)
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// document parses the text into one YAML mapping; nil when it is none.
func (r *reader) document(text []byte) *yaml.Node {
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		r.add(0, "", "the file is empty; start from paylake.example.yaml")
		return nil
	}
	if err != nil {
		r.syntax(err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		r.add(second.Line, "", "the file holds two documents; remove everything from the line ---")
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err)
	}
	if len(doc.Content) != 1 || deref(doc.Content[0]).Kind != yaml.MappingNode {
		r.add(doc.Line, "", "the file must be a mapping of keys, such as lake: file://./lake; start from paylake.example.yaml")
		return nil
	}
	return doc.Content[0]
}

func (r *reader) syntax(err error) {
	line, what := 0, err.Error()
	if m := yamlLine.FindStringSubmatch(what); m != nil {
		line, _ = strconv.Atoi(m[1])
		what = m[2]
	}
	r.add(line, "", "not YAML: %s; look for indentation, a missing space after a colon or a quote", strings.TrimSuffix(what, "."))
}
