package config

import (
	"maps"
	"slices"
	"strconv"
)

// BI is how tools of others reach the embedded ClickHouse while `up` or
// `warehouse` holds it: on this machine alone, as users that only read.
type BI struct {
	NativePort, HTTPPort int               // 0: the system chooses at every start
	Users                map[string]Secret // by role: a password of its own instead of one made at every start
}

// roles are the users that tools may have.
var roles = []string{"analyst", "auditor", "accountant"}

func (r *reader) bi(m *mapping) BI {
	n, path := m.take("bi")
	b := r.mapping(path, n)
	defer b.done()
	out := BI{NativePort: parsed(b, "native_port", strconv.Atoi), HTTPPort: parsed(b, "http_port", strconv.Atoi)}
	users := b.inner("users")
	defer users.done()
	for _, name := range slices.Clone(users.keys) {
		if out.Users == nil {
			out.Users = map[string]Secret{}
		}
		out.Users[name] = users.secret(name)
	}
	return out
}

func (c *Config) validateBI(p *problems) {
	b := c.BI
	if c.Warehouse != Embedded && (b.NativePort != 0 || b.HTTPPort != 0 || len(b.Users) > 0) {
		p.at("bi", "bi is for the embedded warehouse; users and ports of a ClickHouse server are its own")
	}
	for _, port := range []struct {
		key string
		n   int
	}{{"bi.native_port", b.NativePort}, {"bi.http_port", b.HTTPPort}} {
		if port.n < 0 || port.n > 65535 {
			p.at(port.key, "%s is no port; write a number from 1 to 65535, or leave it out", port.key)
		}
	}
	if b.NativePort != 0 && b.NativePort == b.HTTPPort {
		p.at("bi.http_port", "bi.http_port is bi.native_port; the two protocols need a port each")
	}
	for _, name := range slices.Sorted(maps.Keys(b.Users)) {
		if !slices.Contains(roles, name) {
			p.at("bi.users."+name, "bi.users: there is no user %q; %s", name, didYouMean(name, roles))
		}
	}
}
