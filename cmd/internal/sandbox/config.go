// paylake.yaml for a sandbox, ready to use.

package sandbox

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// ConfigOptions are what a configuration depends on besides the origin. Zero
// values give a file that works in the folder where it lies.
type ConfigOptions struct {
	Start   time.Time         // first day; pipelines begin there
	Wallets []mpaytest.Wallet // configured in this order
	Exe     string            // the paylake binary that reads OTPs; "paylake" from the PATH
	DataDir string            // lake, state and warehouse; "paylake-sandbox"
	KeysDir string            // secrets are files of it; empty: environment variables
	Listen  string            // "127.0.0.1:8080"
	Files   string            // folder of exports, from the file's own; empty: none are read
	Aliases string            // file with the crosswalk of Aliases, read beside Files
	// Approver is the verifier key of who may approve payments; empty: nobody may.
	Approver string
	Payers   string // file with Payers
}

// Config is the configuration for this world; Start and Wallets of o are set.
func (w *World) Config(origin string, o ConfigOptions) string {
	o.Start, o.Wallets = w.Start(), w.Wallets()
	return Config(origin, o)
}

// Config writes a configuration for a sandbox at an origin
// (http://127.0.0.1:9000). Relative paths count from the file's folder.
func Config(origin string, o ConfigOptions) string {
	origin = strings.TrimSuffix(origin, "/")
	o.Exe = orText(o.Exe, "paylake")
	o.DataDir = orText(o.DataDir, "paylake-sandbox")
	o.Listen = orText(o.Listen, "127.0.0.1:8080")
	var b strings.Builder
	b.WriteString("# paylake.yaml for the sandbox at " + oneLine(origin) + ". Its keys open nothing but a sandbox.\n")
	b.WriteString(referencesComment(o.KeysDir))
	fmt.Fprintf(&b, configTop, quote(fileURL("file", path.Join(o.DataDir, "lake"))), quote(fileURL("sqlite", path.Join(o.DataDir, "state.db"))),
		quote(o.DataDir), quote(o.Listen), keeperKey, credentialRef(o.KeysDir, 0))
	if o.Files != "" && o.Aliases != "" {
		text := strings.Replace(b.String(), "\nsources:\n", "aliases: "+quote(o.Aliases)+"\n\nsources:\n", 1)
		b.Reset()
		b.WriteString(text)
	}
	fmt.Fprintf(&b, configMPAY, quote(origin+"/"), credentialRef(o.KeysDir, 1), credentialRef(o.KeysDir, 2))
	for _, wallet := range o.Wallets {
		fmt.Fprintf(&b, "      - {wallet_id: %s, msisdn: %s, otp: {exec: [%s, otp-from-sandbox, %s]}}\n",
			wallet.ID, quote(wallet.MSISDN), quote(o.Exe), quote(origin))
	}
	fmt.Fprintf(&b, configFlashpay, quote(origin+"/flashpay"), quote(origin+"/flashpay/payment"), quote(origin+"/flashpay/v1"), ProjectID,
		credentialRef(o.KeysDir, 3), credentialRef(o.KeysDir, 4), credentialRef(o.KeysDir, 5))
	var pipelines string
	if o.Files != "" {
		var sources string
		sources, pipelines = configFiles(o.Files)
		b.WriteString(sources)
	}
	b.WriteString(configPayments(o))
	fmt.Fprintf(&b, configPipelines, o.Start.Format(time.DateOnly))
	b.WriteString(pipelines)
	return b.String()
}

const configTop = `
lake: %s
warehouse: embedded
state: %s
data_dir: %s
listen: %s
secrets: base64key://%s
keys: {pseudonym: %s}

sources:
`

const configMPAY = `  mpay:
    type: mpay
    url: %s
    server_key: %s
    webhook_secret: %s
    time_zone: Asia/Baku
    wallets:
`

const configFlashpay = `  psp:
    type: flashpay
    gate_url: %s
    page_url: %s
    data_url: %s
    project_id: %d
    secret: %s
    data_token: %s
    data_secret: %s
    time_zone: Asia/Bishkek
`

// configPayments lets payments be initiated at the sandbox's Gate, where no
// money is, and webhooks reach its receivers.
func configPayments(o ConfigOptions) string {
	var b strings.Builder
	b.WriteString("\npayments:\n  tenant: sandbox\n  live: true\n")
	if o.Payers != "" {
		b.WriteString("  payers: " + quote(o.Payers) + "\n")
	}
	if name, _, ok := strings.Cut(o.Approver, "+"); ok {
		fmt.Fprintf(&b, "  approvers: {%s: %s}\n", name, quote(o.Approver))
	}
	b.WriteString(configJobs)
	return b.String()
}

const configJobs = `  limits: {payment: 5000.00 KGS, beneficiary: 20000.00 KGS, day: 20000.00 KGS, tenant: 50000.00 KGS}
  jobs:
    bills: {source: psp, template: due_bills}
    one:   # a bill of somebody who has paid by Mbank before
      source: psp
      sql: |
        SELECT concat('invoice:', customer_id) AS key, 'mbank' AS provider_code, '1250.00' AS amount, 'KGS' AS currency, customer_id
        FROM (SELECT customer_id FROM payments WHERE source = {source:String} AND method = {method:String} AND status = 'success' ORDER BY customer_id LIMIT 1)

webhooks: {allow_http: true, allow_networks: [127.0.0.0/8, "::1/128"]}
`

const configPipelines = `
pipelines:
  ledger:     {source: mpay, table: ledger, schedule: "*/5 * * * *", start: %[1]s, window: 24h, lookback: 72h}
  providers:  {source: mpay, table: providers, schedule: "0 3 * * *"}
  operations: {source: psp, table: operations, schedule: "*/10 * * * *", start: %[1]s, window: 24h, lookback: 264h}
  balances:   {source: mpay, table: balances, schedule: "*/15 * * * *"}
  funding:    {source: mpay, table: funding_events, schedule: "*/15 * * * *", start: %[1]s, window: 24h, lookback: 72h}
  assurance:  {source: mpay, table: assurance_events, schedule: "*/15 * * * *", start: %[1]s, window: 24h, lookback: 72h}
  templates:  {source: mpay, table: templates, schedule: "15 3 * * *"}
  nfc:        {source: mpay, table: nfc_workflows, schedule: "30 3 * * *"}
  fees:         {source: psp, table: operation_fees, schedule: "20 * * * *", start: %[1]s, window: 24h, lookback: 264h}
  chargebacks:  {source: psp, table: chargebacks, schedule: "40 * * * *", start: %[1]s, window: 31d, lookback: 264h}
  psp_balances: {source: psp, table: psp_balances, schedule: "0 * * * *"}
  rates:        {source: psp, table: currency_rates, schedule: "5 6 * * *"}
`

// referencesComment lists every secret that the file refers to with the value
// that a sandbox accepts.
func referencesComment(keysDir string) string {
	var b strings.Builder
	if keysDir == "" {
		b.WriteString("# It reads its keys from the environment:\n")
	} else {
		b.WriteString("# It reads its keys from files; one line each:\n")
	}
	for _, c := range Credentials() {
		if keysDir == "" {
			b.WriteString("#   export " + c.Env + "=" + c.Value + "\n")
		} else {
			b.WriteString("#   " + oneLine(path.Join(keysDir, c.File)) + "  " + c.Value + "\n")
		}
	}
	return b.String()
}

// credentialRef refers to credential i (from 0).
func credentialRef(keysDir string, i int) string {
	c := Credentials()[i]
	if keysDir == "" {
		return "env:" + c.Env
	}
	return quote("file:" + path.Join(keysDir, c.File))
}

// fileURL is absolute for an absolute path, else relative to the file.
func fileURL(scheme, p string) string {
	if strings.HasPrefix(p, "/") {
		return scheme + "://" + p
	}
	return scheme + "://./" + p
}

func orText(text, def string) string {
	if text == "" {
		return def
	}
	return text
}

// quote writes a YAML double-quoted scalar; Go's escapes are a part of YAML's.
func quote(text string) string { return strconv.Quote(text) }

// oneLine keeps foreign text inside its comment.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
