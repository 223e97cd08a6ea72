package config

import (
	"strings"
	"testing"
	"time"
)

const aWallet = `
sources:
  mpay:
    type: mpay
    url: https://wallet.example/
    server_key: env:KEY
    time_zone: Asia/Baku
    wallets: [{wallet_id: wlt_441b, msisdn: "+994501234567"}]
secrets: env:S
keys: {pseudonym: env:P}
`

func TestWebhooksSection(t *testing.T) {
	env := func(string) string { return "" }
	c, err := parse("p.yaml", "/x", []byte(aWallet+"webhooks: {balance_low: {wlt_441b: 50.5 AZN}, allow_networks: 10.1.2.3/16, allow_http: true}\n"), env)
	if err != nil {
		t.Fatal(err)
	}
	w := c.Webhooks
	if w.BalanceLow["wlt_441b"] != (Sum{5050, "AZN"}) || w.ConsentEnding != 7*24*time.Hour || !w.AllowHTTP || len(w.AllowNetworks) != 1 || w.AllowNetworks[0].String() != "10.1.0.0/16" {
		t.Errorf("%+v", w)
	}
	if plain, err := parse("p.yaml", "/x", []byte(aWallet), env); err != nil || plain.Webhooks.AllowHTTP || plain.Webhooks.ConsentEnding != 7*24*time.Hour {
		t.Errorf("%+v %v", plain, err)
	}
	_, err = parse("p.yaml", "/x", []byte(aWallet+"webhooks:\n  balance_low: {wlt_441b: 50, wlt_441c: 1.00 AZN, wlt_9: 1.005 AZN}\n  allow_networks: [here]\n  url: x\n"), env)
	for _, says := range []string{`webhooks.balance_low.wlt_441b: "50" is not an amount with its currency`, `no source has a wallet "wlt_441c"; did you mean "wlt_441b"?`,
		`webhooks.balance_low.wlt_9: "1.005 AZN" is not an amount of AZN`, `"here" is not a network`, `unknown key "url" in webhooks`} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in: %v", says, err)
		}
	}
}
