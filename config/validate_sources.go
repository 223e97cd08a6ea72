package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/paylake/paylake/schemas"
)

// tablesOf lists what each type of source can deliver in this version.
var tablesOf = map[string][]string{
	MPAY:     {"ledger", "providers", "balances", "funding_events", "assurance_events", "templates", "nfc_workflows"},
	Flashpay: {"operations", "operation_fees", "chargebacks", "psp_balances", "currency_rates"},
	CSV:      {"bank_entries", "loyalty_entries", "funding_events", "operations", "templates"},
}

var sourceTypes = []string{MPAY, Flashpay, CSV}

func (c *Config) validateSource(p *problems, s Source) {
	key := join("sources", s.Name)
	if s.Name == schemas.DecisionSource {
		p.at(key, "%s: no source can be called that: it stands for decisions, which paylake writes itself; choose another name", key)
	}
	if !slices.Contains(sourceTypes, s.Type) {
		p.at(join(key, "type"), "%s.type: %q is not a type of source; %s", key, s.Type, didYouMean(s.Type, sourceTypes))
		return
	}
	if s.Zone == nil {
		p.at(join(key, "time_zone"), "%s.time_zone is missing; write the zone of the upstream's dates, such as Asia/Baku", key)
	}
	switch s.Type {
	case MPAY:
		validateMPAY(p, key, s)
	case Flashpay:
		c.validateFlashpay(p, key, s)
	case CSV:
		checkURL(p, join(key, "url"), s.URL, "file", "s3", "gs", "azblob")
		if s.Preset == "" && s.Mapping == nil {
			p.at(key, "%s needs preset or mapping, or both: a mapping goes over its preset", key)
		}
	}
}

func validateMPAY(p *problems, key string, s Source) {
	checkURL(p, join(key, "url"), s.URL, "https", "http")
	required(p, join(key, "server_key"), s.ServerKey)
	if len(s.Wallets) == 0 {
		p.at(join(key, "wallets"), "%s.wallets is empty; name at least one: wallets: [{wallet_id: …, msisdn: \"+994…\", otp: {prompt: true}}]", key)
	}
	first := map[string]int{}
	for i, w := range s.Wallets {
		at := fmt.Sprintf("%s.wallets[%d]", key, i)
		validateWallet(p, at, w)
		if other, twice := first[w.ID]; twice && w.ID != "" {
			p.at(at+".wallet_id", "%s.wallet_id: %q is wallets[%d] already; wallet ids are unique", at, w.ID, other)
		} else {
			first[w.ID] = i
		}
	}
}

func validateWallet(p *problems, at string, w Wallet) {
	if !safeWallet.MatchString(w.ID) {
		p.at(at+".wallet_id", "%s.wallet_id: %q cannot be a wallet id; use letters, digits, _ . and -", at, w.ID)
	}
	if w.MSISDN == "" {
		p.at(at+".msisdn", "%s.msisdn is missing; write the wallet's number in international form, such as \"+994501234567\"", at)
	} else if !w.valid && !isNumber(w.MSISDN) {
		p.at(at+".msisdn", "%s.msisdn is not a telephone number; write it in international form and in quotes, such as \"+994501234567\"", at)
	}
	if len(w.OTP.Exec) > 0 && w.OTP.Prompt {
		p.at(at+".otp", "%s.otp has both exec and prompt; keep one", at)
	}
	if len(w.OTP.Exec) > 0 && w.OTP.Exec[0] == "" {
		p.at(at+".otp.exec", "%s.otp.exec has no program; write the program that prints the password, such as [./read-otp]", at)
	}
}

func isNumber(text string) bool {
	_, ok := schemas.E164(text, "AZ")
	return ok
}

func (c *Config) validateFlashpay(p *problems, key string, s Source) {
	if s.GateURL != "" {
		checkURL(p, join(key, "gate_url"), s.GateURL, "https", "http")
	}
	if s.PageURL != "" {
		checkURL(p, join(key, "page_url"), s.PageURL, "https", "http")
	}
	if s.ProjectID <= 0 {
		p.at(join(key, "project_id"), "%s.project_id is missing; write the number that the platform gave you", key)
	}
	reads := slices.ContainsFunc(c.Pipelines, func(q Pipeline) bool { return q.Source == s.Name })
	if s.DataURL != "" || reads {
		checkURL(p, join(key, "data_url"), s.DataURL, "https", "http")
		required(p, join(key, "data_token"), s.DataToken)
		required(p, join(key, "data_secret"), s.DataSecret)
	}
}

func required(p *problems, key string, s Secret) {
	if s.IsZero() {
		name := key[strings.LastIndexByte(key, '.')+1:]
		p.at(key, "%s is missing; write %s: env:%s", key, name, envFor(key))
	}
}

func (c *Config) validatePipelines(p *problems) {
	seen, streams := map[string]bool{}, map[string]string{}
	for _, q := range c.Pipelines {
		validateName(p, "pipelines", q.Name, seen)
		key := join("pipelines", q.Name)
		c.validateStream(p, key, q)
		stream := q.Source + "/" + q.Table
		if other, twice := streams[stream]; twice && stream != "/" {
			p.at(key, "%s reads %s of %s, which %s reads already; remove one", key, q.Table, q.Source, other)
		}
		streams[stream] = key
		c.validateChecks(p, key, q)
		if c.ofFiles(q) {
			validateFiles(p, key, q)
			continue
		}
		validateTimes(p, key, q)
		validateKeep(p, key, q)
	}
}

func (c *Config) validateStream(p *problems, key string, q Pipeline) {
	var names []string
	for _, s := range c.Sources {
		names = append(names, s.Name)
	}
	s, ok := c.SourceNamed(q.Source)
	switch {
	case q.Source == "":
		p.at(join(key, "source"), "%s.source is missing; %s", key, didYouMean("", names))
		return
	case !ok:
		p.at(join(key, "source"), "%s.source: there is no source %q; %s", key, q.Source, didYouMean(q.Source, names))
		return
	case !slices.Contains(sourceTypes, s.Type):
		return // the type's own problem is enough
	}
	tables := tablesOf[s.Type]
	switch {
	case len(tables) == 0:
		p.at(join(key, "source"), "%s.source: this version does not read sources of type %s yet; remove the pipeline", key, s.Type)
	case q.Table == "":
		p.at(join(key, "table"), "%s.table is missing; %s has %s", key, s.Type, strings.Join(tables, ", "))
	case !slices.Contains(tables, q.Table):
		p.at(join(key, "table"), "%s.table: sources of type %s have no table %q; %s", key, s.Type, q.Table, didYouMean(q.Table, tables))
	}
}

// Limits of windows: the platform serves long intervals one by one, and a
// look-back of years would read everything at every run.
const (
	maxWindow   = 31 * 24 * time.Hour
	maxLookback = 400 * 24 * time.Hour
	maxLag      = 31 * 24 * time.Hour
)

func validateTimes(p *problems, key string, q Pipeline) {
	if q.Schedule != "" {
		if err := checkSchedule(q.Schedule); err != "" {
			p.at(join(key, "schedule"), "%s.schedule: %q %s", key, q.Schedule, err)
		}
	}
	t, ok := schemas.ByName(q.Table)
	switch {
	case !ok:
	case t.Whole():
		if !q.Start.IsZero() || q.Window != 0 || q.Lookback != 0 || q.Lag != 0 {
			what := "a catalogue and is read whole"
			if t.Observed {
				what = "observed as it is at each run"
			}
			p.at(key, "%s: %s is %s; remove start, window, lookback and lag", key, q.Table, what)
		}
		return
	case q.Start.IsZero():
		p.at(join(key, "start"), "%s.start is missing; write the first day to read, such as start: 2026-01-01", key)
	}
	if q.Window != 0 || ok {
		validateWindow(p, key, q.Window)
	}
	bounded(p, join(key, "lookback"), q.Lookback, maxLookback)
	bounded(p, join(key, "lag"), q.Lag, maxLag)
}

// validateWindow accepts whole days, and parts of a day that fill it exactly:
// otherwise windows would drift through the day.
func validateWindow(p *problems, key string, d time.Duration) {
	const day = 24 * time.Hour
	if d <= 0 || d > maxWindow || (d%day != 0 && (d < time.Hour || day%d != 0)) {
		p.at(join(key, "window"), "%s.window must be whole days up to 31d, or hours that divide a day, such as 24h or 6h", key)
	}
}

func bounded(p *problems, key string, d, limit time.Duration) {
	if d < 0 || d > limit {
		p.at(key, "%s must lie between 0h and %dd", key, int(limit.Hours()/24))
	}
}

func checkSchedule(text string) string {
	if strings.Contains(text, "TZ=") {
		return "names a zone; schedules are in the zone of their source, remove it"
	}
	if _, err := cron.ParseStandard(text); err != nil {
		return `is not a schedule; write five cron fields (minute hour day month weekday), such as "*/5 * * * *", or @hourly`
	}
	return ""
}

var keptName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// ownColumns are columns that every table of the lake or warehouse has.
var ownColumns = []string{"revision", "sign", "row_hash", "snapshot", "load_id", "object", "amount", "flags"}

// keepers are the tables whose readers can keep further fields.
var keepers = []string{"ledger", "operations"}

func validateKeep(p *problems, key string, q Pipeline) {
	t, ok := schemas.ByName(q.Table)
	if ok && len(q.Keep) > 0 && !slices.Contains(keepers, q.Table) {
		p.at(join(key, "keep"), "%s.keep: this version keeps further fields of %s only; remove it", key, strings.Join(keepers, " and "))
		return
	}
	for i, name := range q.Keep {
		at := fmt.Sprintf("%s.keep[%d]", key, i)
		switch {
		case !keptName.MatchString(name):
			p.at(at, "%s: %q cannot be a column; name a field of the upstream's rows: letters, digits and _", at, name)
		case (ok && t.Has(name)) || slices.Contains(ownColumns, name):
			p.at(at, "%s: %s is a column already; remove it", at, name)
		}
	}
}
