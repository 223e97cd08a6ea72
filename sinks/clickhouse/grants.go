package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// right is what the user of a server needs, and why.
type right struct{ privileges, on string }

// rights are the least with which the warehouse works on a server of somebody
// else: it makes and fills one database, reads what lies there, and sweeps out
// what was abandoned.
func rights(db string) []right {
	return []right{
		{"CREATE DATABASE", db + ".*"},
		{"CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW", db + ".*"},
		{"ALTER ADD COLUMN, ALTER DELETE", db + ".*"},
		{"SELECT, INSERT", db + ".*"},
		{"TABLE ENGINE", "MergeTree"},
		{"SELECT", "system.parts"},
	}
}

// LoaderGrants are the statements that give a user of a server what the
// warehouse needs. With `GRANT READ ON URL ON *.*` and `GRANT CREATE TEMPORARY
// TABLE ON *.*` beside them, ClickHouse fetches objects from a bucket itself.
func LoaderGrants(db, user string) []string {
	var out []string
	for _, r := range rights(db) {
		out = append(out, fmt.Sprintf("GRANT %s ON %s TO %s", r.privileges, r.on, quote(user)))
	}
	return out
}

// roleStatements make a role that reads the views and nothing else.
func roleStatements(db, role string) []string {
	out := []string{"CREATE ROLE IF NOT EXISTS " + role}
	for _, v := range embedded.Views {
		out = append(out, viewGrant(db, v, role))
	}
	return out
}

func viewGrant(db, view, role string) string {
	return fmt.Sprintf("GRANT SELECT ON %s.%s TO %s", db, view, role)
}

// Missing lists the statements with which an administrator of a server would
// give the warehouse's user what it lacks, and the readers their roles. Roles
// are nobody's business of the embedded server, whose readers are users. A user
// who may not look at roles gets them listed as they would be made.
func (w *Warehouse) Missing(ctx context.Context) (user, roles []string, err error) {
	if w.embedded != nil {
		return nil, nil, nil
	}
	for _, r := range rights(w.db) {
		ok, err := w.granted(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			user = append(user, fmt.Sprintf("GRANT %s ON %s TO %s", r.privileges, r.on, quote(w.where().owner)))
		}
	}
	roles, err = w.missingRoles(ctx)
	return user, roles, err
}

func (w *Warehouse) granted(ctx context.Context, r right) (bool, error) {
	for _, p := range strings.Split(r.privileges, ", ") {
		var ok uint8
		if err := w.one(ctx, "look at its rights", "CHECK GRANT "+p+" ON "+r.on, &ok); err != nil || ok == 0 {
			return false, err
		}
	}
	return true, nil
}

func (w *Warehouse) missingRoles(ctx context.Context) ([]string, error) {
	var names []string
	for _, role := range embedded.Roles {
		names = append(names, literal(roleName(role)))
	}
	have := map[string][]string{} // views by role
	sql := fmt.Sprintf("SELECT name, g.table FROM system.roles LEFT JOIN (SELECT role_name, ifNull(table, '') AS table FROM system.grants WHERE database = %s AND access_type = 'SELECT') AS g ON g.role_name = name WHERE name IN (%s)",
		literal(w.db), strings.Join(names, ", "))
	err := w.each(ctx, "look at the readers' roles", sql, func(scan func(...any) error) error {
		var role, view string
		err := scan(&role, &view)
		have[role] = append(have[role], view)
		return err
	})
	if e, ok := errors.AsType[*driver.Exception](err); err != nil && (!ok || e.Code != accessDenied) {
		return nil, err
	}
	var missing []string
	for _, role := range embedded.Roles {
		name := roleName(role)
		views, ok := have[name]
		if !ok {
			missing = append(missing, roleStatements(w.db, name)...)
			continue
		}
		for _, v := range embedded.Views {
			if !slices.Contains(views, v) {
				missing = append(missing, viewGrant(w.db, v, name))
			}
		}
	}
	return missing, nil
}

// grantRoles makes the readers' roles on a server, if this user may; an
// administrator gives them to people. Where it may not, paylake check prints
// the statements.
func (w *Warehouse) grantRoles(ctx context.Context) {
	for _, role := range embedded.Roles {
		for _, s := range roleStatements(w.db, roleName(role)) {
			if err := w.exec(ctx, "make role "+roleName(role), s); err != nil {
				w.log.Info("readers' roles were not made; an administrator can: paylake check prints how", "role", roleName(role), "err", err)
				return
			}
		}
	}
}

func roleName(role string) string { return "paylake_" + role }
