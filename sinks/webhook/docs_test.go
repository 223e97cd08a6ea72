package webhook

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The code of docs/webhooks.md verifies what we sign, and nothing else.
func TestReceiverOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```js\n(.*?)```").FindSubmatch(page)
	if code == nil {
		t.Fatal("docs/webhooks.md has no code")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node.js is needed, as for make test: ", err)
	}
	now, body := time.Now(), []byte(`{"a":"é"}`)
	old, fresh := NewSecret(), NewSecret()
	var calls, want []string
	for _, f := range []Form{FormStandard, FormMPAY} {
		h, err := Sign(f, []Secret{fresh, old}, "evt_1", now, body)
		if err != nil {
			t.Fatal(err)
		}
		headers := map[string]string{}
		for name, v := range h {
			headers[strings.ToLower(name)] = v[0]
		}
		text, _ := json.Marshal(headers)
		call := func(body, secret string, at time.Time, holds bool) {
			calls = append(calls, fmt.Sprintf("verify(%q, %s, Buffer.from(%q), %q, %d)", f, text, body, secret, at.Unix()))
			want = append(want, fmt.Sprint(holds))
		}
		call(string(body), old.Reveal(), now, true)
		call(string(body), fresh.Reveal(), now, true)
		call(string(body), NewSecret().Reveal(), now, false)
		call(`{"a":"e"}`, fresh.Reveal(), now, false)
		call(string(body), fresh.Reveal(), now.Add(10*time.Minute), false)
	}
	out, err := exec.CommandContext(t.Context(), node, "-e", string(code[1])+"\nconsole.log("+strings.Join(calls, ", ")+")").CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != strings.Join(want, " ") {
		t.Errorf("%v: %s, want %s", err, got, strings.Join(want, " "))
	}
}

// The page names every event.
func TestEveryEventIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range Types() {
		if !strings.Contains(string(page), "| `"+string(typ)+"` |") {
			t.Errorf("docs/webhooks.md does not say when %s is told", typ)
		}
	}
}
