package reconcile

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var yamlLine = regexp.MustCompile(`line (\d+): `)

// yaml reads a list of mappings, or one under the key expect. Numbers are taken
// as their digits stand in the file, never as floats.
func (f *expectFile) yaml(text []byte) {
	in := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := in.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return
	}
	if err == nil {
		if err = in.Decode(&second); err == nil {
			f.bad(second.Line, "a second document begins here; keep to one")
			return
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		at, why := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlLine.FindStringSubmatch(why); m != nil {
			at, _ = strconv.Atoi(m[1])
			why = strings.Replace(why, m[0], "", 1)
		}
		f.bad(at, "it is not YAML: %s", why)
		return
	}
	list := doc.Content[0]
	if list.Kind == yaml.MappingNode {
		if len(list.Content) != 2 || list.Content[0].Value != "expect" {
			f.bad(list.Line, "it must be a list of expectations, or one under the single key expect")
			return
		}
		list = list.Content[1]
	}
	if list.Kind != yaml.SequenceNode {
		f.bad(max(list.Line, 1), "it must be a list of expectations, such as: - {provider_code: AZERSU_RES, currency: AZN, amount: 1310.20}")
		return
	}
	for _, n := range list.Content {
		f.yamlLine(n)
	}
}

func (f *expectFile) yamlLine(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		f.bad(n.Line, "an expectation is a mapping, such as {provider_code: AZERSU_RES, currency: AZN, amount: 1310.20}")
		return
	}
	values, fine := map[string]string{}, true
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		column, known := canonical(key.Value)
		_, twice := values[column]
		switch {
		case !known:
			f.bad(key.Line, "there is no key %q; the keys are %s", key.Value, strings.Join(Columns, ", "))
		case twice:
			f.bad(key.Line, "%s is set twice; remove one of the two", column)
		case value.Kind != yaml.ScalarNode:
			f.bad(value.Line, "%s must be a single value", column)
		default:
			values[column] = ""
			if value.Tag != "!!null" {
				values[column] = strings.TrimSpace(value.Value)
			}
			continue
		}
		fine = false
	}
	if fine {
		f.add(n.Line, values)
	}
}
