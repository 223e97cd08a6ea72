package schemas

import (
	"fmt"
	"strings"
)

// Dictionary renders every table for people, as Markdown: what a row is, where
// it comes from, and of each column the type, the unit, the meaning and an
// example. docs/data.md is its output; a test holds the two together.
func Dictionary() string {
	var b strings.Builder
	b.WriteString(dictionaryHead)
	for _, t := range All() {
		t.document(&b)
	}
	b.WriteString(checksHead)
	for _, c := range Checks() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Name, c.Table, c.Field, c.Doc)
	}
	b.WriteString(checksOfPipelines)
	b.WriteString(findingsHead)
	for _, k := range FindingKinds() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", k.Name, k.Doc, k.Rows)
	}
	b.WriteString(completeness)
	return b.String()
}

const checksHead = `
## Checks

Checks are data. One that does not hold of a visible row is an alarm: a line of the view ` + "`alarms`" + ` (what was observed, what was
expected, the money) and a name in the row's ` + "`flags`" + `; the row is kept, and the first run that sees it ends with exit code 3.
These hold for every user, and only warn:

| check | table | column | what it means when it does not hold |
|---|---|---|---|
`

const checksOfPipelines = `
A pipeline adds its own under ` + "`checks:`" + `, and switches one of the above off with ` + "`{name: …, severity: off}`" + `:

| kind | keys | holds when | can reject |
|---|---|---|---|
| required | field | text is not empty, a number that may be NULL is not | yes |
| range | field, min, max | a number (money in minor units) or a date lies between both, included; NULL holds | yes |
| pattern | field, matches | the whole text matches the RE2 expression; empty text holds | yes |
| vocabulary | field, words | the text is one of the words; empty text holds | yes |
| referential | field, table, column, source | a visible row of the other table has the value, of the same wallet where both have wallets; empty text holds | no |
| freshness | max | the newest row is not older | no |
| volume | weeks, min, max, least | each of the last 28 days that are over has min (50%) to max of the median that the same weekday had in the weeks (4) before; not judged below least (20) rows | no |

` + "`severity: reject`" + ` sends the row to quarantine before it is committed, with the reason (` + "`check_required`, `check_range`, `check_pattern`,\n`check_vocabulary`" + `), the column and its money; its sealed raw text is the decoded row. ` + "`when: {type: [bill_pay]}`" + ` limits a check of
rows to those whose texts are listed. Columns that a wallet's consent does not cover are not looked at before the commit; in the warehouse
they are empty, so a required one of them is an alarm. Amount scale, impossible operations and the balance chain are checks of the first
list: nothing has to be configured for them.
`

const findingsHead = `
## Findings

The view ` + "`findings`" + ` (and ` + "`findings_at`" + `): finding_id, kind, severity (high, medium, low), business_date, opened_at (when it came about, by its rows),
source, wallet_id, account (a project or an account, where there is no wallet), counterparty (a pseudonym, not for analysts), row_ids, provider_code, currency,
amount_minor, evidence (a JSON object of texts: what was compared), state (open, explained, confirmed), decided_by, reason. A finding is what the visible rows
say, under the thresholds of the configuration; [reconciliation](reconciliation.md) has these, and how to read a finding.

| kind | what it says | row_ids |
|---|---|---|
`

const completeness = `
## Completeness

The view ` + "`completeness`" + ` says for every source, wallet and table up to which instant everything is there (complete_through), from proofs alone:

| table | is complete up to | because |
|---|---|---|
| read by windows (ledger, operations, events, fees, chargebacks) | the end of the windows that join from the first on | each was read to the end of its paging |
| ledger, in addition | the row before the first balance that does not follow | what is missing may have been posted right after it |
| catalogues (providers, nfc_workflows, templates) | the last commit | they are read whole |
| observations (balances, psp_balances, currency_rates) | the last one | each says how things stood at its instant |
| files (bank_entries and others of a csv source) | the last commit | that is when they were read. What a bank has not exported yet is in no file: go by the newest row instead |

A stream of the configuration that was never read has a line, too: complete up to its ` + "`start`" + `, and one without windows up to 1970-01-01. So the least of a
source's lines never calls whole what nobody has asked for.

` + "`settled_through`" + ` says up to where no run reads again: late rows may come for as long as a pipeline's look-back, and a window is read again until the look-back has
passed its end. What lies before it changes only where somebody asks for it, or where a balance did not follow. It is never later than ` + "`complete_through`" + `, and
the same where there is no look-back: for catalogues, observations and files (a file that is put there once more may correct any of its rows), and for
streams that no pipeline reads any longer. A query that is about what is whole bounds itself by the one or, where nothing may change any more, by the other, here by the
wallet that is furthest behind:

    SELECT business_date, sum(amount_minor) FROM ledger
    WHERE source = 'mpay' AND posted_at < (SELECT min(complete_through) FROM completeness WHERE source = 'mpay' AND table = 'ledger')
    GROUP BY business_date
`

const dictionaryHead = `# Data

Generated from the package schemas by ` + "`go test ./schemas -run Dictionary -update`" + `. These are the tables of the lake; the
warehouse's views have the same columns, and some more: amounts as decimals beside minor units, ` + "`revision`" + ` and ` + "`snapshot`" + `.

Money is a whole number of minor units (qəpik, tyiyn, cent) of the row's currency, with the sign that the table's first line
names. Times are UTC with microseconds. Text that is absent is empty, never NULL. Whole telephone and card numbers are in no
column: a person is a pseudonym, and a masked number for people.
`

func (t *Table) document(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", t.Name, t.Doc)
	fmt.Fprintf(b, "- from: %s\n- a row is identified by: source, %s\n", upstreams[t.Name], strings.Join(t.Key, ", "))
	switch {
	case t.Catalogue:
		b.WriteString("- read whole at every run; what disappears or changes stays in its history\n")
	case t.Observed:
		fmt.Fprintf(b, "- observed at every run; every observation is kept, in the order of %s\n", t.Time)
	case t.Time != "":
		fmt.Fprintf(b, "- event time: %s\n", t.Time)
	}
	if t.Amount != "" {
		fmt.Fprintf(b, "- control totals: %s by %s\n", t.Amount, t.Currency)
	}
	if t.Balance != "" {
		fmt.Fprintf(b, "- balance chain: %s\n", t.Balance)
	}
	fmt.Fprintf(b, "- version: %d\n\n| column | type | unit | meaning | example |\n|---|---|---|---|---|\n", t.Version)
	for _, f := range t.Fields {
		kind := f.Kind.String()
		if f.Nullable {
			kind += ", NULL"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", f.Name, kind, f.unit(), strings.ReplaceAll(f.Doc, "|", "\\|"), f.example())
	}
}

// unit is what one of a number is.
func (f Field) unit() string {
	switch {
	case f.Kind == Minor:
		return "minor unit"
	case f.Kind == Instant:
		return "UTC"
	case f.Kind == Date:
		return "day"
	case strings.HasSuffix(f.Name, "_s"):
		return "second"
	case strings.HasSuffix(f.Name, "_centi"):
		return "1/100 point"
	}
	return ""
}

func (f Field) example() string {
	if e := examples[f.Name]; e != "" {
		return "`" + e + "`"
	}
	switch {
	case f.Kind == Minor:
		return "`3740`"
	case f.Kind == Instant:
		return "`2026-03-18 07:02:11.000000`"
	case f.Kind == Date:
		return "`2026-03-18`"
	case strings.HasSuffix(f.Name, "_offset_s"):
		return "`14400`"
	}
	return ""
}

// upstreams name where a table's rows are asked for.
var upstreams = map[string]string{
	"ledger":           "wallet statement (`mpay`: GET /wallet/statement)",
	"operations":       "payment platform (`flashpay`: POST /operations/get; `csv`)",
	"providers":        "bill catalogue (`mpay`: GET /catalog/providers)",
	"balances":         "wallet (`mpay`: GET /wallet/balance)",
	"funding_events":   "wallet (`mpay`: GET /wallet/funding-events) and terminals (`csv`)",
	"assurance_events": "wallet (`mpay`: GET /wallet/assurance-events)",
	"templates":        "wallet (`mpay`: GET /wallet/templates) and terminals (`csv`)",
	"nfc_workflows":    "bill catalogue (`mpay`: GET /catalog/nfc-workflows)",
	"settlements":      "wallet (`mpay`: payment.settled, delivered to /callbacks/mpay/<source>)",
	"operation_fees":   "payment platform (`flashpay`: POST /financial-reporting/operations)",
	"chargebacks":      "payment platform (`flashpay`: POST /chargeback/list)",
	"chargeback_hints": "payment platform (`flashpay`: unsigned notices to /callbacks/flashpay/<source>)",
	"psp_balances":     "payment platform (`flashpay`: POST /balance/get)",
	"currency_rates":   "payment platform (`flashpay`: POST /currency-rates/get)",
	"payment_intents":  "paylake itself (`payments:` of a `flashpay` source): written with every step, in the transaction that takes it",
	"decisions":        "persons (`paylake reconcile`, `paylake close`): written by paylake itself, each a commit of its own",
	"bank_entries":     "bank statements (`csv`)",
	"loyalty_entries":  "loyalty programmes (`csv`)",
	"matches":          "paylake itself, from rows of other tables (`matching:`, `paylake match`)",
}

// examples are invented values, by column.
var examples = map[string]string{
	"source": "mpay", "wallet_id": "wlt_441b", "entry_id": "txn_88a1", "type": "bill_pay", "currency": "AZN", "amount_minor": "-3740",
	"provider_code": "AZERSU_RES", "category": "utilities", "service_code": "water", "channel": "balance", "subscriber_ref": "****381",
	"counterparty": "p1_9f86d081884c7d659a2feaa0c55ad015", "counterparty_masked": "+99450•••••67", "status": "posted",
	"external_reference": "acr_10000001", "vat_receipt": "8Jd3kQm1xYzA", "reversal_of": "txn_8870", "reversal_code": "R01", "session_id": "ses_01",
	"project_id": "210", "operation_id": "9031", "payment_id": "ord-4711", "converted_currency": "USD", "method": "mbank", "customer_id": "cust-17",
	"account_masked": "996•••••123", "code": "0", "message": "Success", "payment_currency": "KGS", "name_az": "Azərsu", "name_en": "Azersu", "name_ru": "Азерсу",
	"as_of": "2026-03-18 07:00:00.000000", "event_id": "fnd_19", "terminal_id": "T-0042", "terminal_network": "emanat", "card_mask": "416973••••••1234",
	"card_masked": "416973••••••1234", "ledger_id": "txn_88a1", "event": "step_up_completed", "idempotency_key": "idem_9c21", "received_at": "2026-03-18 07:02:11.000000", "assurance_level": "A2", "template_id": "tpl_3", "name": "Home water",
	"workflow_id": "nfc_azersu_1", "platform": "android", "card_family": "MIFARE", "steps": `[{"seq":1,"name":"select"}]`,
	"fee_currency": "KGS", "chargeback_id": "cb_7", "reason_code": "4853", "reason": "Goods not received", "arn": "74537604221222000000001", "base": "USD", "quote": "KGS", "rate": "87.4500",
	"rate_scaled": "874500", "rate_scale": "4", "account_id": "AZ21•••••0001", "credit_debit": "debit", "bank_transaction_code": "POS", "creditor_name": "AZERSU ASC",
	"debtor_name": "A. Məmmədov", "remittance_information": "Card payment", "end_to_end_id": "E2E-1", "signature_method": "sima", "signature_id": "sig_5",
	"signature_status": "valid", "program": "akart", "points_centi": "150", "balance_after_centi": "12050", "campaign": "spring", "member": "p1_9f86d081884c7d659a2feaa0c55ad015",
	"version": "3", "from_status": "approved", "changed_by": "sender", "tenant": "acme", "job": "bills", "key": "INV-2026-0318", "operation": "sale",
	"account": "p1_9f86d081884c7d659a2feaa0c55ad015", "fingerprint": "1f0c8b5ae2d94c7e3b6a9d8f70152c4e8a6b3d9f1e7c5a2b4d6f8091a3c5e7d9", "maker": "aysel", "checker": "rashad", "batch": "b_51d2c07be83af694",
	"attempt": "1", "told": "processing", "request_id": "a1b2c3d4e5f6-00000001", "code_space": "operation", "code_message": "Success", "finding": "sent, and nobody knows what came of it",
	"decision_id": "dec_0f3a91c2b45d6e78", "number": "12", "decided_at": "2026-04-06 09:10:00.000000", "kind": "accept", "follows": "dec_77b2d0f1a3c94e58", "period": "2026-03", "subject": "fnd_5b1c0f77a9e2d384", "decided_by": "A. Accountant", "what": "spend for AZERSU_RES: +37.40 AZN", "measure": "spend", "amount_rows": "1", "expected_minor": "131020", "lake_minor": "134760", "warehouse_minor": "134760",
	"as_of_snapshot": "41", "about_wallet": "wlt_441b", "about_provider": "AZERSU_RES", "about_category": "utilities", "evidence": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "left_table": "ledger", "left_source": "mpay", "left_account": "wlt_441b", "left_id": "txn_88a1", "right_table": "bank_entries", "right_source": "bank", "right_account": "AZ21•••••0001", "right_id": "be_17",
	"member_masked": "+99450•••••67", "description": "Points for a top-up",
	"link_id": "lnk_4f1c9a3be0d27785", "match_id": "mat_91d0c2ab54e7f603", "rule": "payment_receipt", "state": "matched", "shape": "1:1", "score": "100", "reasons": "same reference acr_10000001 (50), same amount (40)",
	"counted": "left", "adds": "double_count",
}
