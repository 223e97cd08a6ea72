package embedded

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"strings"
)

// Database holds everything of paylake. (The engine's own database `default`
// is an overlay over files.)
const Database = "paylake"

// Views are the tables that readers may see; Hidden are columns that stand for
// persons, or for their numbers: the views show them empty to the analyst.
var (
	Views = []string{"ledger", "ledger_at", "operations", "operations_at", "providers", "providers_at", "providers_history",
		"spend_by_provider", "spend_by_provider_at", "snapshots", "quarantine", "completeness", "chain_breaks", "pipeline_runs", "webhook_deliveries",
		"bank_entries", "bank_entries_at", "loyalty_entries", "loyalty_entries_at",
		"balances", "balances_at", "funding_events", "funding_events_at", "assurance_events", "assurance_events_at",
		"templates", "templates_at", "templates_history", "nfc_workflows", "nfc_workflows_at", "nfc_workflows_history", "transfers", "transfers_at", "settlements", "settlements_at",
		"provider_aliases", "unknown_providers", "double_counts",
		"payments", "payments_at", "operation_fees", "operation_fees_at", "chargebacks", "chargebacks_at", "chargeback_hints", "chargeback_hints_at",
		"psp_balances", "psp_balances_at", "currency_rates", "currency_rates_at", "alarms", "alarms_at",
		"payment_intents", "payment_intents_at", "payment_intents_history", "payment_intents_history_at",
		"decisions", "decisions_at", "reconciliation", "reconciliation_at",
		"matches", "matches_at", "findings", "findings_at"}
	Hidden = map[string][]string{
		"ledger": {"counterparty", "counterparty_masked"}, "ledger_at": {"counterparty", "counterparty_masked"},
		"operations": {"customer_id", "account_masked"}, "operations_at": {"customer_id", "account_masked"},
		"payments": {"customer_id", "account_masked"}, "payments_at": {"customer_id", "account_masked"},
		"chargebacks": {"customer_id", "account_masked"}, "chargebacks_at": {"customer_id", "account_masked"},
		"bank_entries": bankPersons, "bank_entries_at": bankPersons,
		"loyalty_entries": {"member", "member_masked"}, "loyalty_entries_at": {"member", "member_masked"},
		"funding_events": {"card_mask"}, "funding_events_at": {"card_mask"},
		"templates": {"name"}, "templates_at": {"name"}, "templates_history": {"name"}, // their owners write names of people
		"payment_intents": payers, "payment_intents_at": payers, "payment_intents_history": payers, "payment_intents_history_at": payers,
		"decisions": deciders, "decisions_at": deciders, "reconciliation": deciders, "reconciliation_at": deciders,
		"findings": finders, "findings_at": finders,
		"transfers": {"counterparty", "counterparty_masked"}, "transfers_at": {"counterparty", "counterparty_masked"},
	}
)

// bankPersons: names, too, since the payee of a transfer is often a person.
var bankPersons = []string{"creditor_name", "debtor_name", "counterparty", "counterparty_masked", "card_masked"}

// payers are whom a payment is taken from.
var payers = []string{"customer_id", "account", "account_masked"}

// deciders are who decided, and their words.
var deciders = []string{"decided_by", "reason"}

// finders are a person found in rows, and who decided what about it.
var finders = []string{"counterparty", "decided_by", "reason"}

// Roles are the users that only read, all through views.
var Roles = []string{"analyst", "auditor", "accountant"}

// configXML renders the server's configuration: small pools and caches, since
// the machine is shared with the process that fills it.
func configXML(at places) []byte {
	return fmt.Appendf(nil, `<clickhouse>
  <logger><level>warning</level><log>%s</log><errorlog>%s</errorlog><size>10M</size><count>2</count><console>0</console></logger>
  <user_directories><users_xml><path>%s</path></users_xml></user_directories>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
  <max_concurrent_queries>64</max_concurrent_queries>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <tables_loader_foreground_pool_size>2</tables_loader_foreground_pool_size>
  <tables_loader_background_pool_size>2</tables_loader_background_pool_size>
  <mark_cache_size>67108864</mark_cache_size>
  <index_mark_cache_size>5242880</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <merge_tree>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
`, escape(at.log), escape(at.errLog), escape(at.users))
}

// usersXML renders who may enter. The child itself acts as `default`, which
// cannot be given a password or other networks. A stranger on this machine must
// not be able to do the same over the ports: little is granted to `default`, but
// no grant guards the function file(), and the engine limits that to no folder.
// So `default` may have one session, and that is the child's own, which begins
// before the ports are open and ends with the child.
//
// BUG(embedded): nothing in the engine keeps a reader who enters directly, with
// the password from warehouse.json, from the function file(). Give these
// passwords only to people who may read the files of the user that runs
// paylake; Warehouse.Query refuses the function, and a server limits it.
func usersXML(ep Endpoint) []byte {
	var b strings.Builder
	b.WriteString(`<clickhouse>
  <profiles>
    <default></default>
    <child><max_sessions_for_user>1</max_sessions_for_user></child>
    <loader><async_insert>0</async_insert><max_threads>2</max_threads></loader>
    <reader><readonly>2</readonly><max_threads>2</max_threads><max_execution_time>300</max_execution_time><allow_python_table_function>0</allow_python_table_function>
      <constraints><allow_python_table_function><const/></allow_python_table_function></constraints></reader>
  </profiles>
  <quotas><default></default></quotas>
  <users>
    <default><password></password><networks><ip>::/0</ip></networks><profile>child</profile><quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT SELECT ON system.numbers</query></grants></default>
`)
	fmt.Fprintf(&b, "    <loader>%s<profile>loader</profile><quota>default</quota><access_management>1</access_management></loader>\n",
		credentials(ep.Password))
	for _, role := range Roles {
		fmt.Fprintf(&b, "    <%s>%s<profile>reader</profile><quota>default</quota>\n      <grants>", role, credentials(ep.Readers[role]))
		for _, v := range Views {
			fmt.Fprintf(&b, "<query>GRANT SELECT ON %s.%s</query>", Database, v)
		}
		fmt.Fprintf(&b, "</grants></%s>\n", role)
	}
	b.WriteString("  </users>\n</clickhouse>\n")
	return []byte(b.String())
}

func credentials(password string) string {
	sum := sha256.Sum256([]byte(password))
	return "<password_sha256_hex>" + hex.EncodeToString(sum[:]) + "</password_sha256_hex><networks><ip>127.0.0.1</ip></networks>"
}

// newEndpoint makes passwords; ports come later.
func newEndpoint(t Tools) Endpoint {
	ep := Endpoint{User: "loader", Password: rand.Text(), Readers: map[string]string{}}
	for _, role := range Roles {
		if ep.Readers[role] = t.Passwords[role]; ep.Readers[role] == "" {
			ep.Readers[role] = rand.Text()
		}
	}
	return ep
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
