package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/sinks"
)

// Format is how Query writes rows.
type Format string

const (
	FormatTable Format = "table"
	FormatJSON  Format = "json" // an object with meta, data and rows, as ClickHouse writes it
	FormatCSV   Format = "csv"  // with a header line
)

var formats = map[Format]string{FormatTable: "PrettyCompactNoEscapesMonoBlock", FormatJSON: "JSON", FormatCSV: "CSVWithNames"}

// Query says how to run a query.
type Query struct {
	Format   Format // default: table
	Snapshot int64  // the lake as of this manifest; 0: the newest
	User     string // analyst (default), auditor or accountant: who may see which columns. A server decides by its own user.

	Parameters map[string]string // of {name:Type} in the query
}

// ErrQuery is wrapped by errors that the query's author can mend.
var ErrQuery = errors.New("the query was refused")

// Query runs one statement as a read-only user and writes its result. Nothing
// is written before the statement has succeeded. With a Snapshot every view is
// shown as it was then.
func (w *Warehouse) Query(ctx context.Context, sql string, q Query, out io.Writer) error {
	if q.Format == "" {
		q.Format = FormatTable
	}
	if _, ok := formats[q.Format]; !ok {
		return fmt.Errorf("format %q is none of table, json, csv: %w", q.Format, ErrQuery)
	}
	if q.User == "" {
		q.User = "analyst"
	}
	if w.embedded != nil && readsFiles(sql) {
		return fmt.Errorf("the function file() is not for readers (the word is refused anywhere in a query): %w", ErrQuery)
	}
	return w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		if err := w.known(ctx, q.Snapshot); err != nil {
			return err
		}
		return w.ask(ctx, sql, q, out)
	})
}

var fileWord = regexp.MustCompile(`(?i)\bfile\b`)

// readsFiles refuses what might be the function file(): the embedded engine
// has no grant for it and limits it to no folder. It does not try to understand
// SQL: the word anywhere, or a quoted name that could spell it with escapes.
func readsFiles(sql string) bool {
	return fileWord.MatchString(sql) || strings.Contains(sql, `\`) && strings.ContainsAny(sql, "`\"")
}

// known refuses a snapshot that the warehouse does not hold.
func (w *Warehouse) known(ctx context.Context, snapshot int64) error {
	if snapshot == 0 {
		return nil
	}
	var newest int64
	if err := w.one(ctx, "read its position", fmt.Sprintf("SELECT max(sequence) FROM %s.manifests", w.db), &newest); err != nil {
		return err
	}
	if newest == 0 {
		return fmt.Errorf("snapshot %d is not in the warehouse, which holds none yet; if the lake has it, run paylake rebuild: %w", snapshot, ErrQuery)
	}
	if snapshot < 0 || snapshot > newest {
		return fmt.Errorf("snapshot %d is not in the warehouse (1 to %d): %w", snapshot, newest, ErrQuery)
	}
	return nil
}

// ask runs the statement over HTTP, where the server itself writes the format.
func (w *Warehouse) ask(ctx context.Context, sql string, q Query, out io.Writer) error {
	res, err := w.post(ctx, sql, q, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refusal(res)
	}
	if _, err := io.Copy(out, res.Body); err != nil {
		return fmt.Errorf("warehouse: query result: %w", err)
	}
	return nil
}

// post sends a statement; set may change its parameters.
func (w *Warehouse) post(ctx context.Context, sql string, q Query, set func(url.Values)) (*http.Response, error) {
	s := w.where()
	user, password := s.owner, s.password
	if s.readers != nil {
		var ok bool
		user = q.User
		if password, ok = s.readers[user]; !ok {
			return nil, fmt.Errorf("%q is no reader of the warehouse: %w", user, ErrQuery)
		}
	}
	parameters := w.parameters(q, s)
	if set != nil {
		set(parameters)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.httpURL+"?"+parameters.Encode(), strings.NewReader(sql))
	if err != nil {
		return nil, fmt.Errorf("warehouse: %w", err)
	}
	req.Header.Set("X-ClickHouse-User", user)
	req.Header.Set("X-ClickHouse-Key", password)
	// Between processes of one machine packing costs several times what it saves.
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: w.embedded != nil, TLSClientConfig: s.opts.TLS, DialContext: (&net.Dialer{Timeout: w.within.Dial}).DialContext}
	res, err := (&http.Client{Transport: transport, Timeout: w.within.Query}).Do(req)
	if err != nil {
		return nil, w.explain(ctx, "query", fmt.Errorf("HTTP at %s: %w", req.URL.Host, errors.Unwrap(err)))
	}
	return res, nil
}

func (w *Warehouse) parameters(q Query, s server) url.Values {
	v := url.Values{"database": {w.db}, "default_format": {formats[q.Format]}, "wait_end_of_query": {"1"}}
	if s.readers == nil {
		v.Set("readonly", "2") // the embedded readers' profile says so already
	}
	if q.Snapshot != 0 {
		v.Set("log_comment", commentFor(q.Snapshot))
	}
	for name, value := range q.Parameters {
		v.Set("param_"+name, value)
	}
	if q.Format == FormatTable {
		v.Set("output_format_pretty_row_numbers", "0")
		v.Set("output_format_pretty_max_rows", "1000000")
		v.Set("output_format_pretty_single_large_number_tip_threshold", "0")
		v.Set("output_format_pretty_display_footer_column_names", "0")
	}
	return v
}

// refusal is the server's sentence, with a hint where one helps.
func refusal(res *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(res.Body, 8192))
	text := strings.TrimSpace(string(body))
	if i := strings.Index(text, " (version "); i > 0 {
		text = text[:i]
	}
	code, _ := strconv.Atoi(res.Header.Get("X-ClickHouse-Exception-Code"))
	switch {
	case passing(int32(code)):
		return fmt.Errorf("warehouse: %s: %w", text, sinks.ErrUnavailable)
	case code == 497:
		text += " — readers see the views of contracts.md §4 and nothing else"
	}
	return fmt.Errorf("%s: %w", text, ErrQuery)
}

// Run is one attempt of a pipeline, for the view pipeline_runs.
type Run struct {
	Pipeline, Source, Table                                            string
	StartedAt, FinishedAt                                              time.Time
	Outcome                                                            string // done, failed, partial, …
	Windows, Rows, Inserted, Retracted, Duplicates, Quarantined, Bytes int64
	Snapshot                                                           int64 // last manifest of the run; 0 when it committed nothing
	Error                                                              string
}

// RecordRun adds a line to pipeline_runs.
func (w *Warehouse) RecordRun(ctx context.Context, r Run) error {
	return w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.insert(ctx, "pipeline_runs_rows", [][]any{{r.Pipeline, r.Source, r.Table, r.StartedAt.UTC(), r.FinishedAt.UTC(), r.Outcome,
			r.Windows, r.Rows, r.Inserted, r.Retracted, r.Duplicates, r.Quarantined, r.Bytes, r.Snapshot, r.Error}})
	})
}

// Status is how the warehouse stands.
type Status struct {
	Applied int64 // newest manifest that readers see
	Head    int64 // newest manifest of the lake
	Doubles int64 // keys visible twice: anything but 0 is an alarm
	Unknown int64 // provider codes that neither catalogue nor crosswalk knows
	Address string
}

// Status asks the warehouse where it stands. It repairs nothing.
func (w *Warehouse) Status(ctx context.Context) (Status, error) {
	var s Status
	head, err := w.lake.Head(ctx)
	if err != nil {
		return s, err
	}
	s.Head = head
	err = w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		s.Address = w.where().addr
		if err := w.one(ctx, "read its position", fmt.Sprintf("SELECT max(sequence) FROM %s.manifests", w.db), &s.Applied); err != nil {
			return err
		}
		if s.Doubles, err = w.allDoubles(ctx); err != nil {
			return err
		}
		return w.one(ctx, "count unknown provider codes", "SELECT toInt64(uniqExact(source, foreign_code)) FROM "+w.db+".unknown_providers", &s.Unknown)
	})
	return s, err
}
