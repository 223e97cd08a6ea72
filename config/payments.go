package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/paylake/paylake/schemas"
)

// Payments says who may initiate payments, of what, and how much. Without
// `live: true`, an approver and limits nothing is ever sent.
type Payments struct {
	Tenant    string            // whose money it is; part of every payment's id
	Live      bool              // false: drafts and approvals, and nothing is sent
	Payers    string            // absolute path of a CSV file customer_id,account,ip; may be absent
	Approvers map[string]string // by name: the verifier key of a signed note
	Limits    PaymentLimits
	Jobs      []PaymentJob // in the order of the file
}

// PaymentLimits are the most that may be sent, in minor units by currency. A
// currency that is absent has the limit 0.
type PaymentLimits struct {
	Payment     map[string]int64 // one payment
	Beneficiary map[string]int64 // a provider_code and day
	Day         map[string]int64 // a job and day
	Tenant      map[string]int64 // the tenant and day
}

// PaymentJob plans payments out of the warehouse.
type PaymentJob struct {
	Name      string
	Source    string         // of type flashpay
	Method    string         // of payment
	Operation string         // in the platform's words
	Template  string         // one of PaymentTemplates, or
	SQL       string         // a query of the user's own
	Schedule  string         // five cron fields in the source's zone; empty: only when asked
	Limits    *PaymentLimits // its own; nil: none. Payment and Day hold in place of the common ones, the others can only be less
}

// PaymentTemplates names the queries that a job can take instead of writing one.
var PaymentTemplates = []string{"due_bills", "partner_payouts"}

const (
	defaultTenant    = "default"
	defaultMethod    = "mbank"
	defaultOperation = "sale"
)

// payments reads the section.
func (r *reader) payments(m *mapping) Payments {
	n, path := m.take("payments")
	s := r.mapping(path, n)
	defer s.done()
	p := Payments{Tenant: or(s.text("tenant"), defaultTenant), Live: s.flag("live"), Payers: absolute(r.dir, s.text("payers")),
		Approvers: map[string]string{}, Limits: r.limits(s)}
	keys, at := s.take("approvers")
	approvers := r.mapping(at, keys)
	for _, name := range approvers.keys {
		p.Approvers[name] = approvers.text(name)
	}
	approvers.done()
	jobs, at := s.take("jobs")
	all := r.mapping(at, jobs)
	for _, name := range all.keys {
		node, path := all.take(name)
		p.Jobs = append(p.Jobs, r.paymentJob(name, r.mapping(path, node)))
	}
	all.done()
	return p
}

func or(text, absent string) string {
	if text == "" {
		return absent
	}
	return text
}

func (r *reader) paymentJob(name string, m *mapping) PaymentJob {
	defer m.done()
	j := PaymentJob{Name: name, Source: m.text("source"), Method: or(m.text("method"), defaultMethod), Operation: or(m.text("operation"), defaultOperation),
		Template: m.text("template"), SQL: strings.TrimSpace(m.text("sql")), Schedule: m.text("schedule")}
	if m.value("limits") == nil {
		m.ignore("limits")
		return j
	}
	own := r.limits(m)
	j.Limits = &own
	return j
}

// limits reads the key `limits` of a mapping.
func (r *reader) limits(m *mapping) PaymentLimits {
	n, path := m.take("limits")
	s := r.mapping(path, n)
	defer s.done()
	return PaymentLimits{Payment: r.sums(s, "payment"), Beneficiary: r.sums(s, "beneficiary"), Day: r.sums(s, "day"), Tenant: r.sums(s, "tenant")}
}

// sums reads one amount or a list of them in different currencies, by currency.
func (r *reader) sums(m *mapping, key string) map[string]int64 {
	nodes, paths := m.list(key, true)
	out := map[string]int64{}
	for i, n := range nodes {
		text := r.scalar(paths[i], n)
		if text == "" {
			continue
		}
		sum, err := parseSum(text)
		_, twice := out[sum.Currency]
		switch {
		case err != nil:
			r.at(paths[i], "%s: %q %v", paths[i], text, err)
		case sum.Minor < 0:
			r.at(paths[i], "%s: %q is negative; write the most that may be paid, such as 5000.00 %s, or 0.00 %s for nothing", paths[i], text, sum.Currency, sum.Currency)
		case twice:
			r.at(paths[i], "%s: %s has a limit already; keep one of them", paths[i], sum.Currency)
		default:
			out[sum.Currency] = sum.Minor
		}
	}
	return out
}

func (c *Config) validatePayments(p *problems) {
	if !safeName.MatchString(or(c.Payments.Tenant, defaultTenant)) {
		p.at("payments.tenant", "payments.tenant: %q cannot be a name; use lower-case letters, digits, _ and -, at most 63", c.Payments.Tenant)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Payments.Approvers)) {
		validateApprover(p, name, c.Payments.Approvers[name])
	}
	validateLimits(p, "payments.limits", &c.Payments.Limits)
	seen := map[string]bool{}
	for _, j := range c.Payments.Jobs {
		validateName(p, "payments.jobs", j.Name, seen)
		key := join("payments.jobs", j.Name)
		c.validatePayer(p, join(key, "source"), j)
		validateQuery(p, key, j)
		if says := checkSchedule(j.Schedule); j.Schedule != "" && says != "" {
			p.at(join(key, "schedule"), "%s.schedule: %q %s", key, j.Schedule, says)
		}
		validateLimits(p, join(key, "limits"), j.Limits)
	}
}

// validateApprover accepts the verifier key of a signed note that has the
// approver's own name: a signature says who made it.
func validateApprover(p *problems, name, text string) {
	const key = "payments.approvers"
	at := join(key, name)
	if !safeName.MatchString(name) {
		p.at(at, "%s: %q cannot be the name of an approver; use lower-case letters, digits, _ and -, at most 63", key, name)
		return
	}
	verifier, err := note.NewVerifier(text)
	switch {
	case err != nil:
		p.at(at, "%s is not the public key of an approver; write what was printed when the key was made, %s+ and eight hexadecimal digits, + and base64", at, name)
	case verifier.Name() != name:
		p.at(at, "%s holds the key of %q; an approver has the name that stands in the key: write %s, or another key", at, verifier.Name(), verifier.Name())
	}
}

// validateLimits checks limits that were not read from a file.
func validateLimits(p *problems, key string, l *PaymentLimits) {
	if l == nil {
		return
	}
	for i, sums := range []map[string]int64{l.Payment, l.Beneficiary, l.Day, l.Tenant} {
		at := join(key, []string{"payment", "beneficiary", "day", "tenant"}[i])
		for _, currency := range slices.Sorted(maps.Keys(sums)) {
			minor := sums[currency]
			if _, err := schemas.Exponent(currency); err != nil || minor < 0 {
				p.at(at, "%s: %d minor units of %q are no limit; write an amount that is not negative, such as 5000.00 KGS", at, minor, currency)
			}
		}
	}
}

// validatePayer refuses a source that no payment can be initiated at.
func (c *Config) validatePayer(p *problems, key string, j PaymentJob) {
	var names []string
	for _, s := range c.Sources {
		if s.Type == Flashpay {
			names = append(names, s.Name)
		}
	}
	s, ok := c.SourceNamed(j.Source)
	switch {
	case j.Source == "":
		p.at(key, "%s is missing; write a source of type %s; %s", key, Flashpay, didYouMean("", names))
	case !ok:
		p.at(key, "%s: there is no source %q; %s", key, j.Source, didYouMean(j.Source, names))
	case s.Type != Flashpay:
		p.at(key, "%s: payments are initiated at sources of type %s, and %s is of type %s; %s", key, Flashpay, s.Name, s.Type, didYouMean("", names))
	default:
		if missing := missingForPayments(s); len(missing) > 0 {
			p.at(key, "%s: no payment can be initiated at %s without %s; write them under sources.%s", key, s.Name, strings.Join(missing, ", "), s.Name)
		}
	}
}

func missingForPayments(s Source) (missing []string) {
	if s.GateURL == "" {
		missing = append(missing, "gate_url")
	}
	if s.ProjectID <= 0 {
		missing = append(missing, "project_id")
	}
	if len(s.Secret) == 0 {
		missing = append(missing, "secret")
	}
	return missing
}

func validateQuery(p *problems, key string, j PaymentJob) {
	switch {
	case j.Template != "" && j.SQL != "":
		p.at(join(key, "sql"), "%s has both template and sql; keep one", key)
	case j.Template == "" && j.SQL == "":
		p.at(key, "%s plans nothing; write template: %s, or sql: \"SELECT …\"", key, strings.Join(PaymentTemplates, " or template: "))
	case j.Template != "" && !slices.Contains(PaymentTemplates, j.Template):
		p.at(join(key, "template"), "%s.template: there is no template %s; %s", key, strconv.Quote(j.Template), didYouMean(j.Template, PaymentTemplates))
	}
}
