package ui

import (
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

var (
	literal  = regexp.MustCompile(`'([a-z]+\.[a-z0-9_]+)'`)
	families = regexp.MustCompile(`\bword\('([a-z]+)'|\bworded\([^\n]*?, '([a-z]+)'\)`)
	holder   = regexp.MustCompile(`\{\w+\}`)
)

func dictionary(t *testing.T, name string) (words map[string]string) {
	t.Helper()
	body, err := static.ReadFile("static/lang/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &words); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return words
}

// asked are the keys that the scripts name, and the families of which they
// look up values that the data brings.
func asked(t *testing.T) (keys, heads map[string]bool) {
	t.Helper()
	keys, heads = map[string]bool{}, map[string]bool{}
	err := fs.WalkDir(static, "static/js", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := static.ReadFile(name)
		for _, m := range literal.FindAllSubmatch(body, -1) {
			if !strings.HasPrefix(string(m[1]), "paylake.") {
				keys[string(m[1])] = true
			}
		}
		for _, m := range families.FindAllSubmatch(body, -1) {
			heads[string(m[1])+string(m[2])] = true
		}
		return err
	})
	if err != nil || len(keys) < 100 || len(heads) < 8 {
		t.Fatalf("%d keys, %d families: %v", len(keys), len(heads), err)
	}
	return keys, heads
}

func TestDictionariesAreComplete(t *testing.T) {
	keys, heads := asked(t)
	english := dictionary(t, "en")
	for _, name := range []string{"az", "ru", "en"} {
		words := dictionary(t, name)
		for key := range keys {
			if words[key] == "" {
				t.Errorf("%s lacks %s", name, key)
			}
		}
		for key, text := range words {
			head, _, _ := strings.Cut(key, ".")
			if !keys[key] && !heads[head] {
				t.Errorf("%s has %s, which nobody asks for", name, key)
			}
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s: %s is %q", name, key, text)
			}
			if !slices.Equal(holders(text), holders(english[key])) {
				t.Errorf("%s: %s names other values than English: %q", name, key, text)
			}
		}
		if !slices.Equal(slices.Sorted(maps.Keys(words)), slices.Sorted(maps.Keys(english))) {
			t.Errorf("%s has other keys than English", name)
		}
	}
	for head := range heads {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(english)), func(k string) bool { return strings.HasPrefix(k, head+".") }) {
			t.Errorf("no word of the family %s is known", head)
		}
	}
}

func holders(text string) []string {
	all := holder.FindAllString(text, -1)
	slices.Sort(all)
	return all
}

// What the warehouse itself calls things has a word in every language.
func TestWordsOfTheWarehouse(t *testing.T) {
	words := dictionary(t, "en")
	for _, kind := range schemas.FindingKinds() {
		if words["finding."+kind.Name] == "" {
			t.Errorf("no word for the finding %s", kind.Name)
		}
	}
	for _, r := range []schemas.Reason{
		schemas.ReasonMissing, schemas.ReasonType, schemas.ReasonDuplicate, schemas.ReasonAmount, schemas.ReasonScale, schemas.ReasonRange,
		schemas.ReasonCurrency, schemas.ReasonTime, schemas.ReasonTooLong, schemas.ReasonForeign, schemas.ReasonText, schemas.ReasonConflict,
		schemas.ReasonQuote, schemas.ReasonColumns, schemas.ReasonTwice, schemas.ReasonRequired, schemas.ReasonOutOfRange, schemas.ReasonPattern, schemas.ReasonVocabulary,
	} {
		if words["reason."+string(r)] == "" {
			t.Errorf("no word for the reason %s", r)
		}
	}
}
