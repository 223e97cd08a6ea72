package publish

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	sqlcat "github.com/apache/iceberg-go/catalog/sql"
	_ "github.com/apache/iceberg-go/io/gocloud/s3" // s3://
	_ "modernc.org/sqlite"                         // the SQLite catalogue, without C
)

// catalogName is the name under which a SQLite catalogue keeps its tables.
const catalogName = "paylake"

// ParseCatalog reads a catalogue's URL: sqlite:///file, or the http(s) address of
// a REST catalogue, with ?warehouse=NAME where the server has several.
func ParseCatalog(at string) (*url.URL, error) {
	u, err := url.Parse(at)
	switch {
	case err != nil:
		return nil, errors.New("the catalogue's URL cannot be read; write sqlite:///file.db or https://host/path")
	case u.Scheme == "sqlite" && (u.Host != "" || !strings.HasPrefix(u.Path, "/")):
		return nil, fmt.Errorf("catalogue %s: write an absolute path: sqlite:///folder/iceberg.db", u.Redacted())
	case u.User != nil:
		return nil, fmt.Errorf("catalogue %s: a password does not belong into a URL; set PAYLAKE_ICEBERG_TOKEN", u.Redacted())
	case u.Scheme != "sqlite" && u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("catalogue %s: write sqlite:///file.db or the http(s) address of a REST catalogue", u.Redacted())
	}
	return u, nil
}

// OpenCatalog opens a catalogue; a SQLite file is made where it does not exist.
// token is sent to a REST catalogue as a bearer token; may be empty. close gives
// it back.
func OpenCatalog(ctx context.Context, at, token string, place Place) (cat catalog.Catalog, closeCatalog func() error, err error) {
	u, err := ParseCatalog(at)
	if err != nil {
		return nil, nil, err
	}
	if u.Scheme == "sqlite" {
		return openSQLite(u, place)
	}
	return openREST(ctx, u, token, place)
}

func openSQLite(u *url.URL, place Place) (catalog.Catalog, func() error, error) {
	file := filepath.FromSlash(u.Path)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, nil, fmt.Errorf("catalogue %s: %w", file, err)
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: u.Path, RawQuery: "_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, nil, fmt.Errorf("catalogue %s: %w", file, err)
	}
	props := iceberg.Properties{"warehouse": place.Warehouse}
	for k, v := range place.Props {
		props[k] = v
	}
	cat, err := sqlcat.NewCatalog(catalogName, db, sqlcat.SQLite, props)
	if err != nil {
		return nil, nil, fmt.Errorf("catalogue %s: %w", file, errors.Join(err, db.Close()))
	}
	return cat, func() error { return errors.Join(cat.Close(), db.Close()) }, nil
}

func openREST(ctx context.Context, u *url.URL, token string, place Place) (catalog.Catalog, func() error, error) {
	o := []rest.Option{rest.WithAdditionalProps(place.Props)}
	if name := u.Query().Get("warehouse"); name != "" {
		o = append(o, rest.WithWarehouseLocation(name))
	}
	u.RawQuery = ""
	if token != "" {
		o = append(o, rest.WithOAuthToken(token))
	}
	cat, err := rest.NewCatalog(ctx, catalogName, u.String(), o...)
	if err != nil {
		return nil, nil, fmt.Errorf("catalogue %s does not answer as a REST catalogue: %w", u.Redacted(), err)
	}
	return cat, cat.Close, nil
}
