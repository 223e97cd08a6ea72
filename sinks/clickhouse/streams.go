package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Expected is a stream that somebody means to read: the lake alone cannot know
// of one that never was, nor for how long rows of one may still come.
type Expected struct {
	Source   string        `json:"source"`
	Wallet   string        `json:"wallet_id,omitempty"`
	Table    string        `json:"table"`
	Start    time.Time     `json:"start,omitzero"`    // first instant that is wanted; zero for what has no windows
	Lookback time.Duration `json:"lookback,omitzero"` // how far back windows are read again
}

// streamTables hold the streams of the configuration, set by set: the newest set
// of stream_sets is the one that counts.
func streamTables(db string) []string {
	return []string{
		"CREATE TABLE IF NOT EXISTS " + db + ".stream_rows (digest String, source LowCardinality(String), wallet_id LowCardinality(String), `table` LowCardinality(String), start_at DateTime64(6, 'UTC'), lookback_us Int64) ENGINE = MergeTree ORDER BY (digest, source, wallet_id, `table`)" + durable,
		"CREATE TABLE IF NOT EXISTS " + db + ".stream_sets (digest String, streams Int64, made_at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY made_at" + durable,
	}
}

// expected are the streams of the newest set, each once.
func (v viewer) expected() string {
	return fmt.Sprintf("(SELECT source, wallet_id, `table`, min(start_at) AS start_at, max(lookback_us) AS lookback_us FROM %[1]s.stream_rows WHERE digest = (SELECT argMax(digest, made_at) FROM %[1]s.stream_sets) GROUP BY source, wallet_id, `table`)", v.db)
}

// Expect makes these the streams that the view completeness has a line of,
// whether they were read or not. The same ones again change nothing.
func (w *Warehouse) Expect(ctx context.Context, streams []Expected) error {
	return w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		var last string
		if err := w.one(ctx, "read its streams", "SELECT argMax(digest, made_at) FROM "+w.db+".stream_sets", &last); err != nil {
			return err
		}
		h := sha256.New()
		rows := make([][]any, len(streams))
		for i, s := range streams {
			if s.Start.IsZero() {
				s.Start = time.Unix(0, 0)
			}
			fmt.Fprintf(h, "%q %q %q %d %d\n", s.Source, s.Wallet, s.Table, s.Start.UnixMicro(), s.Lookback.Microseconds())
			rows[i] = []any{"", s.Source, s.Wallet, s.Table, s.Start.UTC(), s.Lookback.Microseconds()}
		}
		digest := hex.EncodeToString(h.Sum(nil))
		if last == digest || last == "" && len(streams) == 0 {
			return nil
		}
		for i := range rows {
			rows[i][0] = digest
		}
		// Rows first: the set begins to count with its own line.
		if err := w.insert(ctx, "stream_rows", rows); err != nil {
			return err
		}
		return w.insert(ctx, "stream_sets", [][]any{{digest, int64(len(streams)), w.now().UTC()}})
	})
}

// Expectations are the streams that completeness goes by now.
func (w *Warehouse) Expectations(ctx context.Context) (out []Expected, err error) {
	err = w.surviving(ctx, func() error {
		out = nil
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.each(ctx, "read its streams", "SELECT source, wallet_id, `table`, start_at, lookback_us FROM "+(viewer{db: w.db}).expected()+" ORDER BY ALL",
			func(scan func(...any) error) error {
				var e Expected
				var us int64
				err := scan(&e.Source, &e.Wallet, &e.Table, &e.Start, &us)
				e.Start, e.Lookback = e.Start.UTC(), time.Duration(us)*time.Microsecond
				out = append(out, e)
				return err
			})
	})
	return out, err
}
