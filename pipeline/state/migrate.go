package state

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/paylake/paylake/sinks"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// migrate brings the tables up to date, one process at a time.
func (db *DB) migrate(ctx context.Context) error {
	release, err := db.wait(ctx, "migrate")
	if err != nil {
		return fmt.Errorf("open state: %w", db.explain(err))
	}
	defer release()
	if err := db.up(ctx); err != nil {
		return fmt.Errorf("open state: bring its tables up to date: %w", db.explain(err))
	}
	return nil
}

func (db *DB) up(ctx context.Context) error {
	dialect, folder := goose.DialectSQLite3, "migrations/sqlite"
	if db.dollar {
		dialect, folder = goose.DialectPostgres, "migrations/postgres"
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db.sql, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return fmt.Errorf("tables of version %d, known here: %d: %w", current, target, sinks.ErrNewer)
	}
	if _, err = provider.Up(ctx); err != nil {
		return err
	}
	return db.upQueue(ctx)
}
