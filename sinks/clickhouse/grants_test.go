package clickhouse

import (
	"errors"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/clickhouse/servertest"
)

// TestLeastRights: with exactly the documented grants a user of a server loads,
// follows a revision, sweeps, rebuilds and answers; with any one of them less
// `Missing` says which.
func TestLeastRights(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("a", day0, -100, nil), ledgerRow("b", day0, -20, nil)))
	all := bare(LoaderGrants("paylake", "loader"))
	access := []servertest.Access{servertest.User("loader", "pw", all...), servertest.Role("paylake_auditor", "GRANT SELECT ON paylake.ledger"),
		servertest.User("looker", "pw", append(all, "GRANT SELECT ON system.roles", "GRANT SELECT ON system.grants")...)}
	for i := range all {
		var less []string
		for k, g := range all {
			if k != i {
				less = append(less, g)
			}
		}
		access = append(access, servertest.User("less"+string(rune('a'+i)), "pw", less...))
	}
	server := servertest.Start(t, access...)
	w := external(t, l, server, "loader", "pw", nil)
	follow(t, w)
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("a", day0, -150, nil)))
	follow(t, w)
	if err := w.sweepPartition(t.Context(), partition{"ledger", 202603}, []uint64{1}); err != nil {
		t.Error(err)
	}
	if err := w.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := cell(t, w, "SELECT count() || ' ' || sum(amount_minor) FROM paylake.ledger"); got != "2 -170" {
		t.Errorf("%s", got)
	}
	user, roles, err := w.Missing(t.Context())
	if err != nil || len(user) != 0 || len(roles) != len(embedded.Roles)*(1+len(embedded.Views)) {
		t.Errorf("missing %v, %d of roles: %v", user, len(roles), err)
	}
	_, roles, err = external(t, l, server, "looker", "pw", nil).Missing(t.Context())
	if err != nil || len(roles) != 2*(1+len(embedded.Views))+len(embedded.Views)-1 || strings.Contains(strings.Join(roles, "\n"), "paylake.ledger TO paylake_auditor") {
		t.Errorf("a role that has one view lacks %q: %v", roles, err)
	}
	for i, g := range all {
		name := "less" + string(rune('a'+i))
		user, _, err := external(t, l, server, name, "pw", nil).Missing(t.Context())
		if err != nil || len(user) != 1 || user[0] != g+" TO `"+name+"`" {
			t.Errorf("without %s: %q, %v", g, user, err)
		}
	}
}

// TestServerTrouble: each trouble with a server has its sentence.
func TestServerTrouble(t *testing.T) {
	l := newLake(t, newClock())
	commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(0, 1), ledgerRow("a", day0, -100, nil)))
	server := servertest.Start(t, servertest.User("admin", "canary-password"), servertest.User("nobody", "pw", "GRANT SELECT ON system.one"))
	secure, _, _ := server.TLS(t)
	for _, c := range []struct {
		name, dsn, password, says string
		answered                  bool
	}{
		{"unreachable", "clickhouse://admin@127.0.0.1:1/paylake", "canary-password", "cannot be reached", false},
		{"certificate", "clickhouse://admin@" + secure + "/paylake?secure=true", "canary-password", "let this machine trust its certificate", false},
		{"no TLS", "clickhouse://admin@" + server.HTTPAddr + "/paylake?secure=true", "canary-password", "it does not speak TLS there", false},
		{"rights", "clickhouse://nobody@" + server.Addr + "/paylake", "pw", "paylake check prints what an administrator has to grant", true},
		// Last: this engine, unlike a server, ends over whatever fails before the login.
		{"password", "clickhouse://admin@" + server.Addr + "/paylake", "wrong-canary-password", `does not let the user "admin" in`, false},
	} {
		w, err := Open(t.Context(), Options{Lake: l, Now: newClock().now, DSN: c.dsn, Password: c.password})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Follow(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", c.name, err)
		}
		if errors.Is(err, sinks.ErrUnavailable) == c.answered {
			t.Errorf("%s: out of reach %t: %v", c.name, c.answered, err)
		}
		_ = w.Close()
	}
}
