package csv

import (
	"embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed presets/*.yaml
var presets embed.FS

// Presets lists the presets by name.
func Presets() []string {
	entries, _ := presets.ReadDir("presets") // embedded: it is there
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return out
}

// Preset returns a mapping to begin with. Layouts of real exports are not
// public: every preset is a sample to adjust.
func Preset(name string) (Mapping, error) {
	text, err := presets.ReadFile("presets/" + name + ".yaml")
	if err != nil {
		return Mapping{}, fmt.Errorf("preset: there is no %q; there are %s", name, strings.Join(Presets(), ", "))
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil || len(node.Content) == 0 {
		return Mapping{}, fmt.Errorf("preset %s: %w", name, err)
	}
	m, err := ParseMapping(Mapping{}, node.Content[0])
	if err != nil {
		return m, fmt.Errorf("preset %s: %w", name, err)
	}
	return m, nil
}

// MappingOf joins a preset and an explicit mapping, of which one may be absent.
func MappingOf(preset string, node *yaml.Node) (m Mapping, err error) {
	if preset != "" {
		if m, err = Preset(preset); err != nil {
			return m, err
		}
	}
	return ParseMapping(m, node)
}
