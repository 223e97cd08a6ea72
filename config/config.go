// Package config turns paylake.yaml into plain structs, strictly: unknown and
// doubled keys are errors with their line, every problem is reported at once,
// and secrets are references that print as ***.
//
// Load reads a file; Validate checks a Config however it was made. Nothing here
// opens a connection: secrets are resolved when somebody asks for their value.
package config

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/paylake/paylake/schemas"
)

// Config is one paylake.yaml. Paths and file URLs in it are absolute.
type Config struct {
	File string // as it was given, for messages
	Dir  string // absolute folder of File; relative paths count from it

	Lake              string            // gocloud.dev/blob URL
	LakeLock          *Lock             // retention asked of S3; nil: none
	Warehouse         string            // Embedded, or clickhouse://user@host:port/database?…
	WarehousePassword Secret            // may be absent
	State             Secret            // URL: sqlite:///path or postgres://…; may be a reference
	DataDir           string            // where the embedded parts live
	Listen            string            // host:port; port 0: the system chooses
	TLS               *TLS              // nil: plain HTTP
	APIRate           Rate              // `api: {rate: …}`, requests of one key; zero: the default
	Keeper            Secret            // `secrets:`, a gocloud.dev/secrets keeper URL
	Keys              Keys              // keys of our own
	AliasFile         string            // `aliases:`, the crosswalk's file; may be absent
	Aliases           []Alias           // what it says
	CostCentreFile    string            // `cost_centres:`, for statements; may be absent
	CostCentres       []CostCentre      // what it says
	Sources           []Source          // in the order of the file
	Pipelines         []Pipeline        // in the order of the file
	Retention         map[string]Period // by table: how long rows are to be kept
	Webhooks          Webhooks
	Payments          Payments
	Matching          Matching
	Findings          schemas.Findings // thresholds; zero: the defaults
	Exports           []Export         // in the order of the file
	Compliance        Compliance
	BI                BI

	lines map[string]int // key path → line, for Validate
}

// Embedded is the value of `warehouse` for the ClickHouse that paylake starts
// itself.
const Embedded = "embedded"

// TLS names the certificate and key of the HTTP listener, PEM files.
type TLS struct{ Cert, Key string }

// Keys are keys of our own.
type Keys struct {
	Pseudonym Secret // at least 32 bytes
	Audit     Secret // may be absent: a key is made in DataDir
}

// Types of sources.
const (
	MPAY     = "mpay"
	Flashpay = "flashpay"
	CSV      = "csv"
)

// Source is one upstream. Fields that its type does not have are zero.
type Source struct {
	Name string
	Type string // MPAY, Flashpay, CSV
	Zone *time.Location

	URL           string   // mpay: the façade's origin; csv: a bucket
	ServerKey     Secret   // mpay
	WebhookSecret []Secret // mpay; several while rotating
	Rate          Rate     // zero: no limit but the upstream's answers
	Wallets       []Wallet // mpay, in the order of the file

	GateURL    string   // flashpay
	PageURL    string   // flashpay: the Payment Page
	DataURL    string   // flashpay, up to and including /v1
	ProjectID  int64    // flashpay
	Secret     []Secret // flashpay; several while rotating
	DataToken  Secret   // flashpay
	DataSecret Secret   // flashpay
	Fields     []string // flashpay; sent only when configured

	Preset  string     // csv
	Mapping *yaml.Node // csv; an explicit mapping, read by its source
}

// Wallet is one wallet of an mpay source.
type Wallet struct {
	ID     string
	MSISDN string // E.164
	OTP    OTP

	valid bool // MSISDN was checked on reading: telling numbers apart is slow
}

// OTP says how one-time passwords of a wallet are read. Zero: only by
// `paylake login`.
type OTP struct {
	Exec   []string // a program that prints the password, and its arguments
	Prompt bool     // ask on the terminal
}

// Pipeline moves one table of one source, on a schedule or when asked.
type Pipeline struct {
	Name     string
	Source   string
	Table    string
	Schedule string // five cron fields in the source's zone; empty: only when asked
	Start    Date   // first day, in the source's zone; zero for a catalogue
	Window   time.Duration
	Lookback time.Duration
	Lag      time.Duration
	Keep     []string        // upstream fields that become columns
	Checks   []schemas.Check // beside those that every pipeline has
	Off      []string        // names of the latter that it switches off

	checkPaths []string // where Checks stand, for messages
}

// SourceNamed finds a source.
func (c *Config) SourceNamed(name string) (Source, bool) {
	for _, s := range c.Sources {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// PipelineNames lists the pipelines in the order of the file.
func (c *Config) PipelineNames() []string {
	names := make([]string, len(c.Pipelines))
	for i, p := range c.Pipelines {
		names[i] = p.Name
	}
	return names
}

// StateURL resolves `state`.
func (c *Config) StateURL(ctx context.Context) (string, error) {
	text, err := c.State.Text(ctx)
	if err != nil {
		return "", err
	}
	return absoluteURL(c.Dir, "sqlite", text), nil
}

// Defaults of keys that a file leaves out: where a system service keeps its
// data. Lake and state lie under data_dir.
const (
	defaultDataDir = "/var/lib/paylake"
	defaultListen  = "127.0.0.1:8080"
)

func (c *Config) defaults() {
	if c.DataDir == "" {
		c.DataDir = defaultDataDir
	}
	if c.Lake == "" {
		c.Lake = fileURL("file", filepath.Join(c.DataDir, "lake"))
	}
	if c.State.IsZero() {
		c.State = plainSecret("state", fileURL("sqlite", filepath.Join(c.DataDir, "state.db")))
	}
	if c.Warehouse == "" {
		c.Warehouse = Embedded
	}
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	if c.Findings.History.Least == 0 {
		c.Findings = schemas.DefaultFindings()
	}
	c.completeChecks()
	c.exportZones()
}

// Checks are those of every user and those of the pipelines, for whoever judges
// what has been read.
func (c *Config) Checks() []schemas.Check {
	all := schemas.Checks()
	for _, q := range c.Pipelines {
		for i := range all {
			if all[i].Table == q.Table && slices.Contains(q.Off, all[i].Name) {
				all[i].Except = append(all[i].Except, q.Source)
			}
		}
	}
	for _, q := range c.Pipelines {
		all = append(all, q.Checks...)
	}
	return all
}

// Secrets lists every secret that the configuration refers to, in its order.
// A state database that stands in the file itself is none.
func (c *Config) Secrets() []Secret {
	all := []Secret{c.WarehousePassword, c.Keeper, c.Keys.Pseudonym, c.Keys.Audit}
	if !c.State.IsZero() && !c.State.open().plain {
		all = append(all, c.State)
	}
	for _, s := range c.Sources {
		all = append(all, s.ServerKey)
		all = append(append(all, s.WebhookSecret...), s.Secret...)
		all = append(all, s.DataToken, s.DataSecret)
	}
	for _, name := range slices.Sorted(maps.Keys(c.BI.Users)) {
		all = append(all, c.BI.Users[name])
	}
	return slices.DeleteFunc(all, Secret.IsZero)
}
