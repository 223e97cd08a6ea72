package config

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/paylake/paylake/schemas"
)

func (r *reader) config(n *yaml.Node) *Config {
	m := r.mapping("", n)
	c := &Config{
		Lake:              absoluteURL(r.dir, "file", m.text("lake")),
		LakeLock:          r.lock(m),
		Warehouse:         m.text("warehouse"),
		WarehousePassword: m.secret("warehouse_password"),
		State:             r.state(m),
		DataDir:           absolute(r.dir, m.text("data_dir")),
		Listen:            m.text("listen"),
		TLS:               r.tls(m),
		APIRate:           r.api(m),
		Keeper:            r.keeper(m),
		Keys:              r.keys(m),
		AliasFile:         absolute(r.dir, m.text("aliases")),
		CostCentreFile:    absolute(r.dir, m.text("cost_centres")),
	}
	c.Aliases = r.aliases(c.AliasFile)
	c.CostCentres = r.costCentres(c.CostCentreFile)
	c.Sources = r.sources(m)
	c.Pipelines = r.pipelines(m)
	c.Retention = r.retention(m)
	c.Webhooks = r.webhooks(m)
	c.Payments = r.payments(m)
	c.Matching = r.matching(m)
	c.Findings = r.findings(m)
	c.Exports = r.exports(m)
	c.Compliance = r.compliance(m)
	c.BI = r.bi(m)
	m.done()
	return c
}

// state is a URL, or a reference to one where it holds a password.
func (r *reader) state(m *mapping) Secret {
	n, path := m.take("state")
	text := r.scalar(path, n)
	switch {
	case text == "":
		return Secret{}
	case isReference(text):
		return r.reference(path, text)
	}
	return plainSecret(path, absoluteURL(r.dir, "sqlite", text))
}

// keeper is the one secret that may be written out.
func (r *reader) keeper(m *mapping) Secret {
	n, path := m.take("secrets")
	text := r.scalar(path, n)
	switch {
	case text == "":
		return Secret{}
	case strings.HasPrefix(text, "env:"), strings.HasPrefix(text, "file:"):
		return r.secret(path, text)
	}
	return plainSecret(path, text)
}

func (r *reader) tls(m *mapping) *TLS {
	n, path := m.take("tls")
	if n == nil {
		return nil
	}
	t := r.mapping(path, n)
	defer t.done()
	return &TLS{Cert: absolute(r.dir, t.text("cert")), Key: absolute(r.dir, t.text("key"))}
}

func (r *reader) api(m *mapping) Rate {
	n, path := m.take("api")
	if n == nil {
		return Rate{}
	}
	t := r.mapping(path, n)
	defer t.done()
	return parsed(t, "rate", parseRate)
}

func (r *reader) keys(m *mapping) Keys {
	n, path := m.take("keys")
	k := r.mapping(path, n)
	defer k.done()
	return Keys{Pseudonym: k.secret("pseudonym"), Audit: k.secret("audit")}
}

func (r *reader) sources(m *mapping) []Source {
	n, path := m.take("sources")
	all := r.mapping(path, n)
	var out []Source
	for _, name := range all.keys {
		out = append(out, r.source(name, r.mapping(join(path, name), all.value(name))))
	}
	return out
}

func (r *reader) source(name string, m *mapping) Source {
	s := Source{Name: name, Type: m.text("type"), Zone: parsed(m, "time_zone", parseZone)}
	switch s.Type {
	case MPAY:
		r.mpay(&s, m)
	case Flashpay:
		r.flashpay(&s, m)
	case CSV:
		s.URL = absoluteURL(r.dir, "file", m.text("url"))
		s.Preset = m.text("preset")
		s.Mapping, _ = m.take("mapping")
	default:
		// Without a type nobody can say which keys are known.
		return s
	}
	m.done()
	return s
}

func (r *reader) mpay(s *Source, m *mapping) {
	s.URL = strings.TrimRight(m.text("url"), "/")
	s.ServerKey = m.secret("server_key")
	s.WebhookSecret = m.secrets("webhook_secret")
	s.Rate = parsed(m, "rate", parseRate)
	if n := m.value("wallets"); n != nil && r.cut[n.Line] != nil {
		m.ignore("wallets")
		var err error
		if s.Wallets, err = r.walletsOf(r.cut[n.Line]); err == nil {
			delete(r.cut, n.Line) // a list that is left says that the file is read the usual way
		}
		return
	}
	nodes, paths := m.list("wallets", false)
	for i, n := range nodes {
		s.Wallets = append(s.Wallets, r.wallet(r.mapping(paths[i], n)))
	}
}

func (r *reader) wallet(m *mapping) Wallet {
	defer m.done()
	w := Wallet{ID: m.text("wallet_id")}
	n, path := m.take("msisdn")
	if text := r.scalar(path, n); text != "" {
		number, ok := schemas.E164(text, "AZ")
		if !ok {
			r.at(path, "%s is not a telephone number; write it in international form and in quotes, such as \"+994501234567\"", path)
		}
		w.MSISDN, w.valid = number, ok
	}
	o, path := m.take("otp")
	otp := r.mapping(path, o)
	w.OTP = OTP{Exec: r.program(otp), Prompt: otp.flag("prompt")}
	otp.done()
	return w
}

// program reads a command whose name counts from the configuration's folder
// when it is a path; a bare name is looked up in PATH.
func (r *reader) program(m *mapping) []string {
	argv := m.texts("exec")
	if len(argv) > 0 && strings.ContainsRune(argv[0], filepath.Separator) {
		argv[0] = absolute(r.dir, argv[0])
	}
	return argv
}

func (r *reader) flashpay(s *Source, m *mapping) {
	s.GateURL = strings.TrimRight(m.text("gate_url"), "/")
	s.PageURL = strings.TrimRight(m.text("page_url"), "/")
	s.DataURL = strings.TrimRight(m.text("data_url"), "/")
	s.ProjectID = parsed(m, "project_id", parseProject)
	s.Secret = m.secrets("secret")
	s.DataToken = m.secret("data_token")
	s.DataSecret = m.secret("data_secret")
	s.Rate = parsed(m, "rate", parseRate)
	s.Fields = m.texts("fields")
}

func parseProject(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, errors.New("is not a project number; write the number that the platform gave you, such as 210")
	}
	return int64(n), nil
}

func parseZone(text string) (*time.Location, error) {
	loc, err := time.LoadLocation(text)
	if err != nil || text == "Local" {
		return nil, errors.New("is not a time zone; write an IANA name, such as Asia/Baku")
	}
	return loc, nil
}

func (r *reader) pipelines(m *mapping) []Pipeline {
	n, path := m.take("pipelines")
	all := r.mapping(path, n)
	var out []Pipeline
	for _, name := range all.keys {
		out = append(out, r.pipeline(name, r.mapping(join(path, name), all.value(name))))
	}
	return out
}

func (r *reader) pipeline(name string, m *mapping) Pipeline {
	defer m.done()
	p := Pipeline{Name: name, Source: m.text("source"), Table: m.text("table")}
	window, lookback := time.Duration(0), time.Duration(0)
	if t, ok := schemas.ByName(p.Table); ok && !t.Whole() {
		window, lookback = 24*time.Hour, defaultLookback[p.Table]
	}
	p.Schedule = m.text("schedule")
	p.Start = parsed(m, "start", ParseDate)
	p.Window = m.duration("window", window)
	p.Lookback = m.duration("lookback", lookback)
	p.Lag = m.duration("lag", 0)
	p.Keep = m.texts("keep")
	r.checks(&p, m)
	return p
}

// defaultLookback is how far back rows still appear or change: late postings
// of a wallet, and the eleven days for which the platform repeats callbacks
// (every windowed table of a Flashpay source).
var defaultLookback = map[string]time.Duration{
	"ledger":           72 * time.Hour,
	"funding_events":   72 * time.Hour,
	"assurance_events": 72 * time.Hour,
	"operations":       264 * time.Hour,
	"operation_fees":   264 * time.Hour,
	"chargebacks":      264 * time.Hour,
}
