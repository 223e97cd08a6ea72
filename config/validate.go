package config

import (
	"context"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Validate checks a Config however it was made and returns an *Error with
// every problem, or nil.
func (c *Config) Validate() error {
	p := newProblems(c.File)
	if c.lines != nil {
		p.lines = c.lines
	}
	c.validate(p)
	return p.err()
}

func (c *Config) validate(p *problems) {
	checkURL(p, "lake", c.Lake, "file", "s3", "gs", "azblob")
	c.validateLock(p)
	c.validateWarehouse(p)
	c.validateState(p)
	validateListen(p, c.Listen)
	if c.TLS != nil && (c.TLS.Cert == "" || c.TLS.Key == "") {
		p.at("tls", "tls needs both files: tls: {cert: server.pem, key: server.key}")
	}
	c.validateKeeper(p)
	if len(c.Sources) > 0 {
		if c.Keeper.IsZero() {
			p.at("secrets", "secrets is missing: it seals sessions and raw rows; write secrets: env:PAYLAKE_SECRETS, holding base64key:// and the output of openssl rand -base64 32")
		}
		if c.Keys.Pseudonym.IsZero() {
			p.at("keys.pseudonym", "keys.pseudonym is missing: it hides telephone numbers; write keys: {pseudonym: env:PAYLAKE_PSEUDONYM_KEY}, at least 32 bytes")
		}
	}
	seen := map[string]bool{}
	for _, s := range c.Sources {
		validateName(p, "sources", s.Name, seen)
		c.validateSource(p, s)
	}
	c.validateAliases(p)
	c.validatePipelines(p)
	c.validateWebhooks(p)
	c.validateMatching(p)
	c.validatePayments(p)
	c.validateFindings(p)
	c.validateExports(p)
	c.validateBI(p)
}

// localSchemes are those whose URLs have a path instead of a host.
var localSchemes = []string{"file", "sqlite"}

// checkURL reports a text that is not a URL of one of the schemes, or that
// carries a password.
func checkURL(p *problems, key, text string, schemes ...string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		p.at(key, "%s is missing; write a URL: %s", key, example(schemes))
	case err != nil || !slices.Contains(schemes, u.Scheme) || (u.Host == "" && !slices.Contains(localSchemes, u.Scheme)):
		p.at(key, "%s is not a URL of a known kind; write %s", key, example(schemes))
	case hasPassword(u):
		p.at(key, "%s holds a password; take it out of the URL", key)
	case u.Fragment != "":
		p.at(key, "%s has a fragment (#…); remove it", key)
	}
}

func hasPassword(u *url.URL) bool {
	_, ok := u.User.Password()
	return ok || u.Query().Has("password")
}

var examples = map[string]string{
	"file": "file://./folder", "s3": "s3://bucket?region=…", "gs": "gs://bucket", "azblob": "azblob://container",
	"sqlite": "sqlite://./state.db", "postgres": "postgres://user@host/database",
	"http": "http://host", "https": "https://host", "clickhouse": "clickhouse://user@host:9440/paylake?secure=true",
}

func example(schemes []string) string {
	var out []string
	for _, s := range schemes {
		if e := examples[s]; e != "" {
			out = append(out, e)
		}
	}
	return strings.Join(out, " or ")
}

func (c *Config) validateWarehouse(p *problems) {
	if c.Warehouse == Embedded {
		if !c.WarehousePassword.IsZero() {
			p.at("warehouse_password", "warehouse_password belongs to a clickhouse:// warehouse; remove it, the embedded one makes its own")
		}
		return
	}
	u, err := url.Parse(c.Warehouse)
	switch {
	case err == nil && hasPassword(u):
		p.at("warehouse", "warehouse holds a password; take it out of the URL and write warehouse_password: env:PAYLAKE_WAREHOUSE_PASSWORD")
	case err != nil || u.Scheme != "clickhouse" || u.Host == "":
		p.at("warehouse", "warehouse is neither embedded nor a server; write embedded or %s", examples["clickhouse"])
	}
}

func (c *Config) validateState(p *problems) {
	if c.State.IsZero() || !c.State.open().plain {
		return // a reference: checked when it is resolved
	}
	text, _ := c.State.Text(context.Background())
	if u, err := url.Parse(text); err == nil && hasPassword(u) {
		p.at("state", "state holds a password; put the whole URL into the environment and write state: env:PAYLAKE_STATE")
		return
	}
	checkURL(p, "state", text, "sqlite", "postgres", "postgresql")
}

func (c *Config) validateKeeper(p *problems) {
	if c.Keeper.IsZero() || !c.Keeper.open().plain {
		return
	}
	text, _ := c.Keeper.Text(context.Background())
	_, local, err := KeeperKey(text)
	switch {
	case err != nil:
		p.at("secrets", "secrets: %v", err)
	case !local && !keeperScheme.MatchString(text):
		p.at("secrets", "secrets is not a keeper; write base64key://… or a reference to one, such as env:PAYLAKE_SECRETS")
	}
}

var keeperScheme = regexp.MustCompile(`^(awskms|gcpkms|azurekeyvault|hashivault)://.`)

func validateListen(p *problems, listen string) {
	host, port, err := net.SplitHostPort(listen)
	n, perr := strconv.Atoi(port)
	if err != nil || perr != nil || n < 0 || n > 65535 || strings.ContainsAny(host, "/ ") {
		p.at("listen", "listen is not an address; write host:port, such as 127.0.0.1:8080 (port 0: the system chooses)")
	}
}

var (
	safeName   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	safeWallet = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,126}$`)
)

// validateName checks names that appear in object keys, leases and file names.
func validateName(p *problems, group, name string, seen map[string]bool) {
	key := join(group, name)
	if !safeName.MatchString(name) {
		p.at(key, "%q cannot be a name in %s; use lower-case letters, digits, _ and -, at most 63", name, group)
	}
	if seen[name] {
		p.at(key, "%s has two entries named %q; names are unique", group, name)
	}
	seen[name] = true
}
