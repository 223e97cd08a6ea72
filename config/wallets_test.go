package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

const longHead = `lake: file://./lake
keys: {pseudonym: env:P}
secrets: env:Q
sources:
  mpay: # wallets: are below
    type: mpay
    url: https://wallet.example/
    server_key: env:S
    time_zone: Asia/Baku
    wallets: # many
`

// longConfig has n wallets, each written by item, and a source after them.
func longConfig(n int, item func(i int) string) string {
	var b strings.Builder
	b.WriteString(longHead)
	for i := range n {
		b.WriteString(item(i))
	}
	b.WriteString("  psp: {type: flashpay, data_url: https://psp.example/v1, project_id: 1, data_token: env:T, data_secret: env:U, time_zone: UTC}\n")
	return b.String()
}

func flowItem(i int) string {
	return fmt.Sprintf("      - {wallet_id: w%d, msisdn: \"+99450%07d\", otp: {exec: [./read, \"a: {b\"]}}\n", i, 1_000_000+i)
}

// A long list that is read in pieces is the same as one that is not, in every
// style that people and programs write.
func TestLongListsOfWallets(t *testing.T) {
	const n = 2*longList + 7
	for name, item := range map[string]func(int) string{
		"flow": flowItem,
		"dashes under the key": func(i int) string {
			return fmt.Sprintf("    - wallet_id: w%d\n      msisdn: '+99450%07d'\n      otp:\n        exec:\n        - ./read\n        - \"-\"\n", i, 1_000_000+i)
		},
		"comments, blank lines, foreign line ends": func(i int) string {
			return fmt.Sprintf("\r\n# a wallet\r\n      - wallet_id: w%d   # -\r\n        msisdn: \"+99450%07d\"\r\n\r\n        otp: {prompt: true}\r\n", i, 1_000_000+i)
		},
		"numbers and folded text": func(i int) string {
			return fmt.Sprintf("      - {wallet_id: %d,\n         msisdn: +99450%07d, otp: {exec: [\"a\n         - b\"]}}\n", i, 1_000_000+i)
		},
	} {
		text := longConfig(n, item)
		short, lists := cutWallets([]byte(text))
		if len(lists) != 1 || len(lists[10]) != 5 || len(short) > 2*len(longHead) {
			t.Fatalf("%s: not cut out: %d lists of %d pieces, %d bytes left", name, len(lists), len(lists[10]), len(short))
		}
		r := &reader{problems: newProblems("f"), dir: "/d", getenv: os.Getenv, cut: lists}
		pieces, err := r.parse("f", short)
		if err != nil || len(r.cut) != 0 {
			t.Fatalf("%s: %v, %d lists left", name, err, len(r.cut))
		}
		whole, err := (&reader{problems: newProblems("f"), dir: "/d", getenv: os.Getenv}).parse("f", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(whole.Sources[0].Wallets) != n || !reflect.DeepEqual(pieces.Sources[0].Wallets, whole.Sources[0].Wallets) || len(pieces.Sources) != 2 {
			t.Errorf("%s: %d wallets in pieces, %d as a whole, and they differ", name, len(pieces.Sources[0].Wallets), len(whole.Sources[0].Wallets))
		}
	}
}

// Every fault in a long list is found and has its line, as in a short one.
func TestFaultsInLongLists(t *testing.T) {
	for name, c := range map[string]struct{ item, says string }{
		"doubled wallet": {flowItem(3), `f:1511: sources.mpay.wallets[1500].wallet_id: "w3" is wallets[3] already`},
		"unknown key":    {"      - {wallet_id: x, msisdn: \"+994501234567\", opt: {}}\n", `f:1511: unknown key "opt" in sources.mpay.wallets[1500]; did you mean "otp"?`},
		"no number":      {"      - wallet_id: x\n        msisdn: \"189011234567\"\n", `f:1512: sources.mpay.wallets[1500].msisdn is not a telephone number`},
		"not YAML":       {"      - {wallet_id: x, msisdn: \"+994501234567\n", "f:"},
		"a tab":          {"\t- {wallet_id: x}\n", "f:"},
		"no wallet":      {"      - x\n", "f:1511: sources.mpay.wallets[1500] must be a mapping"},
		"other column":   {"    - {wallet_id: x, msisdn: \"+994501234567\"}\n", "f:"},
	} {
		text := longConfig(1600, func(i int) string {
			if i == 1500 {
				return c.item
			}
			return flowItem(i)
		})
		_, err := parse("f", "/d", []byte(text), os.Getenv)
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An anchor is read the usual way.
	text := longConfig(1600, func(i int) string {
		if i == 0 {
			return "      - {wallet_id: w0, msisdn: \"+994501000000\", otp: &ask {exec: [./read]}}\n"
		}
		return fmt.Sprintf("      - {wallet_id: w%d, msisdn: \"+99450%07d\", otp: *ask}\n", i, 1_000_000+i)
	})
	if c, err := parse("f", "/d", []byte(text), os.Getenv); err != nil || c.Sources[0].Wallets[1599].OTP.Exec[0] != "/d/read" {
		t.Errorf("anchors: %v", err)
	}
}
