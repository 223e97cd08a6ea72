package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader walks the YAML tree. Whoever reads a mapping asks for the keys that
// it knows; the keys that nobody asked for are unknown.
type reader struct {
	*problems
	dir    string
	getenv func(string) string
	cut    map[int]pieces // long lists of wallets that were taken out of the text
}

// mapping is one YAML mapping under a key path.
type mapping struct {
	r     *reader
	path  string
	keys  []string // in the order of the file
	nodes []*yaml.Node
	asked []string
}

// value is the node of a key; nil when it is absent. Mappings are small, and
// hundreds of thousands of them are possible: no map.
func (m *mapping) value(key string) *yaml.Node {
	if i := slices.Index(m.keys, key); i >= 0 {
		return m.nodes[i]
	}
	return nil
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func deref(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n == nil || (n.Kind == yaml.ScalarNode && n.Tag == "!!null") }

// mapping reads n as a mapping and reports doubled keys. A null or a wrong
// type gives an empty mapping, so that the caller can go on.
func (r *reader) mapping(path string, n *yaml.Node) *mapping {
	m := &mapping{r: r, path: path}
	n = deref(n)
	if isNull(n) {
		return m
	}
	if n.Kind != yaml.MappingNode {
		r.at(path, "%smust be a mapping of keys, such as {key: value}", subject(path))
		return m
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		full := join(path, key.Value)
		if slices.Contains(m.keys, key.Value) {
			r.add(key.Line, full, "%s is already set on line %d; remove one of the two", full, r.lines[full])
			continue
		}
		r.mark(full, key.Line)
		m.keys = append(m.keys, key.Value)
		m.nodes = append(m.nodes, deref(value))
	}
	return m
}

func subject(path string) string {
	if path == "" {
		return "the file "
	}
	return path + " "
}

// take returns the node of a key and marks the key as known.
func (m *mapping) take(key string) (*yaml.Node, string) {
	m.asked = append(m.asked, key)
	return m.value(key), join(m.path, key)
}

// ignore names keys that are known and have no meaning for this reader.
func (m *mapping) ignore(keys ...string) { m.asked = append(m.asked, keys...) }

// done reports the keys that nobody asked for.
func (m *mapping) done() {
	for _, k := range m.keys {
		if !slices.Contains(m.asked, k) {
			full := join(m.path, k)
			m.r.add(m.r.lines[full], full, "unknown key %q%s; %s", k, in(m.path), didYouMean(k, m.asked))
		}
	}
}

func in(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

// scalar reads one value as text, as it stands in the file; "" when absent.
func (r *reader) scalar(path string, n *yaml.Node) string {
	switch {
	case n == nil:
		return ""
	case isNull(n) || (n.Kind == yaml.ScalarNode && n.Value == ""):
		r.at(path, "%s is empty; write a value or remove the key", path)
		return ""
	case n.Kind != yaml.ScalarNode:
		r.at(path, "%s must be one value, not a list or a mapping", path)
		return ""
	}
	return n.Value
}

func (m *mapping) text(key string) string {
	n, path := m.take(key)
	return m.r.scalar(path, n)
}

// parsed reads a value through a parser; its error completes the sentence
// `<key>: "<value>" …`.
func parsed[T any](m *mapping, key string, parse func(string) (T, error)) T {
	n, path := m.take(key)
	var zero T
	text := m.r.scalar(path, n)
	if text == "" {
		return zero
	}
	v, err := parse(text)
	if err != nil {
		m.r.at(path, "%s: %q %v", path, text, err)
		return zero
	}
	return v
}

// duration reads a duration, or returns the default of an absent key.
func (m *mapping) duration(key string, absent time.Duration) time.Duration {
	if m.value(key) == nil {
		m.ignore(key)
		return absent
	}
	return parsed(m, key, parseDuration)
}

func (m *mapping) flag(key string) bool {
	n, path := m.take(key)
	text := m.r.scalar(path, n)
	if text == "" {
		return false
	}
	v, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		m.r.at(path, "%s must be true or false", path)
	}
	return v
}

// list reads a sequence; single allows one value without brackets. It returns
// the nodes with their paths.
func (m *mapping) list(key string, single bool) (nodes []*yaml.Node, paths []string) {
	n, path := m.take(key)
	switch {
	case n == nil:
		return nil, nil
	case isNull(n):
		m.r.at(path, "%s is empty; write a list or remove the key", path)
		return nil, nil
	case single && n.Kind == yaml.ScalarNode:
		return []*yaml.Node{n}, []string{path}
	case n.Kind != yaml.SequenceNode:
		m.r.at(path, "%s must be a list, such as [a, b]", path)
		return nil, nil
	}
	for i, item := range n.Content {
		full := path + "[" + strconv.Itoa(i) + "]"
		m.r.mark(full, item.Line)
		nodes, paths = append(nodes, deref(item)), append(paths, full)
	}
	return nodes, paths
}

func (m *mapping) texts(key string) []string {
	nodes, paths := m.list(key, false)
	var out []string
	for i, n := range nodes {
		out = append(out, m.r.scalar(paths[i], n))
	}
	return out
}

// secret reads a reference. A value that is none is refused without showing it.
func (m *mapping) secret(key string) Secret {
	n, path := m.take(key)
	return m.r.secret(path, m.r.scalar(path, n))
}

func (m *mapping) secrets(key string) []Secret {
	nodes, paths := m.list(key, true)
	var out []Secret
	for i, n := range nodes {
		if s := m.r.secret(paths[i], m.r.scalar(paths[i], n)); !s.IsZero() {
			out = append(out, s)
		}
	}
	return out
}

func (r *reader) secret(path, text string) Secret {
	if text == "" {
		return Secret{}
	}
	if !isReference(text) {
		r.at(path, "%s must refer to the secret, not hold it; put the value into the environment and write env:%s, or into a file and write file:PATH", path, envFor(path))
		return Secret{}
	}
	return r.reference(path, text)
}

// reference makes a Secret of a text that isReference accepts.
func (r *reader) reference(path, text string) Secret {
	if file, ok := localFile(text); ok {
		text = "file:" + absolute(r.dir, file)
	}
	return newSecret(secret{key: path, ref: text, getenv: r.getenv})
}

// envFor proposes the name of an environment variable for a key.
func envFor(path string) string {
	name := strings.ToUpper(strings.TrimPrefix(path, "sources."))
	name = strings.Map(func(c rune) rune {
		if (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') {
			return c
		}
		return '_'
	}, name)
	return strings.Trim(name, "_")
}
