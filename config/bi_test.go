package config

import (
	"strings"
	"testing"
)

// Ports and passwords of BI tools, of the embedded warehouse alone.
func TestBI(t *testing.T) {
	c := parsed1(t, "/etc/p", "warehouse: embedded\nbi: {native_port: 9000, http_port: 8123, users: {analyst: env:A, auditor: env:B}}\n")
	if c.BI.NativePort != 9000 || c.BI.HTTPPort != 8123 || len(c.BI.Users) != 2 || c.BI.Users["analyst"].Reference() != "env:A" {
		t.Errorf("%+v", c.BI)
	}
	told := 0
	for _, s := range c.Secrets() {
		if strings.HasPrefix(s.Key(), "bi.users.") {
			told++
		}
	}
	if told != 2 {
		t.Errorf("check looks at %d of 2 passwords", told)
	}
	for text, says := range map[string]string{
		"warehouse: clickhouse://u@h:9440/paylake\nbi: {native_port: 9000}": "for the embedded warehouse",
		"warehouse: embedded\nbi: {native_port: 70000}":                     "is no port",
		"warehouse: embedded\nbi: {native_port: 9000, http_port: 9000}":     "a port each",
		"warehouse: embedded\nbi: {users: {analyts: env:A}}":                "analyst",
		"warehouse: embedded\nbi: {users: {analyst: hunter2hunter2}}":       "bi.users.analyst",
		"warehouse: embedded\nbi: {port: 1}":                                "port",
	} {
		c, err := parse("paylake.yaml", "/etc/p", []byte(text+"\n"), none)
		if err == nil {
			err = c.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
