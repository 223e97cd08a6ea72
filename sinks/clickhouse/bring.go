package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// bring puts an object's rows into its table under the load's fence: read from
// the same disk, fetched from the bucket, or sent.
func (w *Warehouse) bring(ctx context.Context, l load) error {
	if w.fetches() {
		if from, ok, err := w.lake.Remote(ctx, l.object.Path); err == nil && ok {
			return w.fetch(ctx, l, from)
		}
	}
	data, err := w.checked(ctx, l.object)
	if err != nil {
		return err
	}
	if path, ok := w.pullable(l.object); ok {
		return w.pull(ctx, l, path)
	}
	return w.push(ctx, l, data)
}

// fetches: ClickHouse reads the bucket itself until that fails once.
func (w *Warehouse) fetches() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.sends
}

// fetch has ClickHouse read an object from the bucket: a third of the work of
// sending it, and paylake need not read it at all. What ClickHouse gets is a
// signature for this one object and a quarter of an hour, not the lake's key: a
// server that others administer could write to the lake with that. The signature
// travels as HTTP headers, which ClickHouse hides in its logs.
//
// Nobody has compared the bytes with their SHA-256 here, so the rows are
// compared at once, and where they differ the object is looked at.
func (w *Warehouse) fetch(ctx context.Context, l load, from lake.Remote) error {
	conn, err := w.connect()
	if err != nil {
		return err
	}
	sql := insertFrom(w.db, l, func(structure string) string { return remoteTable(from, structure) }) + fetchSettings
	err = w.write(ctx, "load", func() error { return conn.Exec(w.once(ctx, fmt.Sprint(l.id)), sql) })
	if refused, ok := errors.AsType[*driver.Exception](err); ok {
		err = w.sendFromNowOn(refused)
	} else if err == nil {
		err = w.compare(ctx, l)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	if _, bad := w.checked(ctx, l.object); errors.Is(bad, sinks.ErrCorrupt) {
		return bad
	}
	return err
}

// compare compares the rows that were fetched with the manifest.
func (w *Warehouse) compare(ctx context.Context, l load) error {
	held, err := w.contents(ctx, l.table, l.where())
	if err != nil {
		return err
	}
	if got, want := held[l.id].String(), expected(l).String(); got != want {
		return fmt.Errorf("the warehouse holds %s, the manifest says %s", got, want)
	}
	return nil
}

// sendFromNowOn: a server that cannot read the bucket (no way there, no right to
// url()) is not asked again by this process. The load that failed is abandoned
// like any other, and the object is sent under the next load_id.
func (w *Warehouse) sendFromNowOn(why *driver.Exception) error {
	w.mu.Lock()
	w.sends = true
	w.mu.Unlock()
	err := fmt.Errorf("ClickHouse cannot read the bucket (code %d): %s", why.Code, firstLine(why.Message))
	w.log.Info("objects are sent to the warehouse", "err", err)
	return err
}

func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// fetchSettings: HEAD would need a signature of its own; a bucket that is out of
// reach shall not hold up the load.
const fetchSettings = " SETTINGS http_make_head_request = 0, http_max_tries = 2, http_connection_timeout = 5, max_http_get_redirects = 0"

// remoteTable is ClickHouse's expression for a Parquet object behind HTTP.
func remoteTable(from lake.Remote, structure string) string {
	var headers []string
	for _, name := range slices.Sorted(maps.Keys(from.Header)) {
		headers = append(headers, literal(name)+" = "+literal(from.Header[name]))
	}
	args := []string{literal(from.URL), "'Parquet'", literal(structure)}
	if len(headers) > 0 {
		args = append(args, "headers("+strings.Join(headers, ", ")+")")
	}
	return "url(" + strings.Join(args, ", ") + ")"
}
