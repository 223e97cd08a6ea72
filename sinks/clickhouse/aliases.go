package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Alias says that a source's own code means a provider of the catalogue from a
// day on. An empty ProviderCode ends an earlier alias.
type Alias struct {
	Source, ForeignCode, ProviderCode string
	ValidFrom                         time.Time // zero: always
}

// firstDay stands for "always": ClickHouse's Date32 begins here.
var firstDay = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// aliasTables hold the crosswalk, set by set: the newest set of alias_sets is
// the one that counts. They come from the configuration, not from the lake.
func aliasTables(db string) []string {
	return []string{
		"CREATE TABLE IF NOT EXISTS " + db + ".provider_aliases_rows (digest String, source LowCardinality(String), foreign_code String, provider_code LowCardinality(String), valid_from Date32) ENGINE = MergeTree ORDER BY (digest, source, foreign_code, valid_from)" + durable,
		"CREATE TABLE IF NOT EXISTS " + db + ".alias_sets (digest String, aliases Int64, made_at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY made_at" + durable,
	}
}

// SetAliases makes this the crosswalk that the views apply, to every snapshot:
// codes in the lake stay as their sources wrote them. The same crosswalk again
// changes nothing.
func (w *Warehouse) SetAliases(ctx context.Context, aliases []Alias) error {
	return w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		var last string
		if err := w.one(ctx, "read its aliases", "SELECT argMax(digest, made_at) FROM "+w.db+".alias_sets", &last); err != nil {
			return err
		}
		digest := digestOf(aliases)
		if last == digest || last == "" && len(aliases) == 0 {
			return nil
		}
		rows := make([][]any, len(aliases))
		for i, a := range aliases {
			from := a.ValidFrom
			if from.IsZero() {
				from = firstDay
			}
			rows[i] = []any{digest, a.Source, a.ForeignCode, a.ProviderCode, from}
		}
		// Rows first: the set begins to count with its own line. Written twice,
		// rows of one set are one row to the views.
		if err := w.insert(ctx, "provider_aliases_rows", rows); err != nil {
			return err
		}
		return w.insert(ctx, "alias_sets", [][]any{{digest, int64(len(aliases)), w.now().UTC()}})
	})
}

func digestOf(aliases []Alias) string {
	h := sha256.New()
	for _, a := range aliases {
		fmt.Fprintf(h, "%q %q %q %s\n", a.Source, a.ForeignCode, a.ProviderCode, a.ValidFrom.Format(time.DateOnly))
	}
	return hex.EncodeToString(h.Sum(nil))
}
