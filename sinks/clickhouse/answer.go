package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Standing is what answers depend on: as long as it is the same, the same
// question of the same user has the same answer.
type Standing struct {
	Snapshot int64  // the newest manifest that readers see
	Digest   string // of everything else: crosswalk, hidden wallets, persons, runs, deliveries
}

// Standing asks where the warehouse stands. Everything that changes an answer and
// does not come with a manifest has its part here.
func (w *Warehouse) Standing(ctx context.Context) (s Standing, err error) {
	parts := []string{
		"(SELECT argMax(sha256, sequence) FROM DB.manifests)", "(SELECT argMax(digest, made_at) FROM DB.alias_sets)",
		"(SELECT (count(), max(version)) FROM DB.hidden_wallets)", "(SELECT (count(), max(version)) FROM DB.persons)",
		"(SELECT count() FROM DB.holds_as_of)", "(SELECT count() FROM DB.quarantine_resolved)", "(SELECT count() FROM DB.pipeline_runs_rows)",
		"(SELECT count() FROM DB.webhook_deliveries_rows)", "(SELECT argMax(digest, made_at) FROM DB.schema_state)", "(SELECT count() FROM DB.load_visibility)",
	}
	sql := "SELECT (SELECT max(sequence) FROM DB.manifests), toString((" + strings.Join(parts, ", ") + "))"
	err = w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.one(ctx, "read where it stands", strings.ReplaceAll(sql, "DB.", w.db+"."), &s.Snapshot, &s.Digest)
	})
	return s, err
}

// Question is a query of somebody far away: small in what it may cost, and its
// values bound, never written into the text.
type Question struct {
	SQL        string
	User       string // analyst, auditor or accountant
	Snapshot   int64  // for views that are not asked by NAME_at; 0: the newest
	Parameters map[string]string
	Within     time.Duration
	Memory     int64 // bytes
	Rows       int   // at most; more are refused
	Volatile   bool  // the answer depends on the hour, too
}

// ErrHeavy is wrapped by the error of a question that was stopped, because it
// costs more than it may.
var ErrHeavy = errors.New("the question costs too much")

// OneUser reports whether the warehouse is a server, where every question is
// asked by the same user, who sees everything.
func (w *Warehouse) OneUser() bool { return w.embedded == nil }

// Answer asks and returns the rows, each a line with a JSON list. Integers of 64
// bits and more and decimals are strings; instants are RFC 3339.
func (w *Warehouse) Answer(ctx context.Context, q Question) (lines []byte, err error) {
	err = w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		res, err := w.post(ctx, q.SQL, Query{User: q.User, Snapshot: q.Snapshot}, w.cost(q))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return tooHeavy(res)
		}
		lines, err = io.ReadAll(res.Body)
		if err != nil {
			return fmt.Errorf("warehouse: query result: %w", err)
		}
		return nil
	})
	return lines, err
}

// cost are the settings of a question.
func (w *Warehouse) cost(q Question) func(url.Values) {
	return func(v url.Values) {
		for name, value := range map[string]string{
			"default_format": "JSONCompactEachRow", "date_time_output_format": "iso", "output_format_json_quote_64bit_integers": "1",
			"output_format_json_quote_decimals": "1", "output_format_decimal_trailing_zeros": "1", "output_format_json_validate_utf8": "1", "output_format_json_escape_forward_slashes": "0",
			"max_execution_time": strconv.FormatFloat(q.Within.Seconds(), 'f', -1, 64), "timeout_overflow_mode": "throw",
			"max_memory_usage": strconv.FormatInt(q.Memory, 10), "max_result_rows": strconv.Itoa(q.Rows), "max_result_bytes": strconv.Itoa(64 << 20), "result_overflow_mode": "throw",
		} {
			v.Set(name, value)
		}
		for name, value := range q.Parameters {
			v.Set("param_"+name, escapeParameter.Replace(value))
		}
	}
}

// escapeParameter writes a value as the server reads parameters: like a cell of
// a tab-separated table.
var escapeParameter = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// tooHeavy tells questions that were stopped from others that failed.
func tooHeavy(res *http.Response) error {
	switch res.Header.Get("X-ClickHouse-Exception-Code") {
	case "158", "159", "160", "241", "307", "396":
		return fmt.Errorf("%w: %w", ErrHeavy, refusal(res))
	}
	return refusal(res)
}
