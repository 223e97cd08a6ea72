package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"github.com/apache/iceberg-go/catalog"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/iceberg/publish"
	"github.com/paylake/paylake/sinks/lake"
)

// tokenVariable holds the bearer token of a REST catalogue.
const tokenVariable = "PAYLAKE_ICEBERG_TOKEN"

// opened is everything that a command works on.
type opened struct {
	place   publish.Place
	lake    *lake.Tail
	catalog catalog.Catalog
	close   func() error
}

// open finds lake and catalogue: by their flags, else by the configuration.
func (p *program) open(ctx context.Context) (*opened, error) {
	if err := p.fromConfig(); err != nil {
		return nil, err
	}
	place, err := publish.PlaceOf(p.lakeURL, p.warehouse)
	if err != nil {
		return nil, usageError{err}
	}
	if _, err := publish.ParseCatalog(p.catalogURL); err != nil {
		return nil, usageError{err}
	}
	tail, err := lake.OpenTail(ctx, p.lakeURL)
	if err != nil {
		return nil, err
	}
	cat, closeCatalog, err := publish.OpenCatalog(ctx, p.catalogURL, p.getenv(tokenVariable), place)
	if err != nil {
		return nil, errors.Join(err, tail.Close())
	}
	return &opened{place, tail, cat, func() error { return errors.Join(closeCatalog(), tail.Close()) }}, nil
}

// fromConfig fills in what no flag gave.
func (p *program) fromConfig() error {
	if p.lakeURL != "" {
		dir, err := os.Getwd()
		if err != nil {
			return err
		}
		if p.lakeURL, err = config.LakeURL(dir, p.lakeURL); err != nil {
			return usageError{err}
		}
		if p.catalogURL == "" {
			return usagef("--lake without a configuration needs --catalog too: sqlite:///folder/iceberg.db, or the address of a REST catalogue")
		}
		return nil
	}
	file := p.configFile
	if file == "" {
		file = p.getenv("PAYLAKE_CONFIG")
	}
	if file == "" {
		file = "paylake.yaml"
	}
	cfg, err := config.Load(file, p.getenv)
	if err != nil {
		return usageError{err}
	}
	p.lakeURL = cfg.Lake
	if p.catalogURL == "" {
		at := url.URL{Scheme: "sqlite", Path: filepath.ToSlash(filepath.Join(cfg.DataDir, "iceberg.db"))}
		p.catalogURL = at.String()
	}
	return nil
}
