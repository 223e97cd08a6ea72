package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type nativeTimes struct{ mergeTree, parquet time.Duration }

const columns = `id String, posted_at DateTime64(6, 'UTC'), type LowCardinality(String), amount Decimal(18, 2),
 currency LowCardinality(String), provider_code LowCardinality(String), category LowCardinality(String), subscriber_ref String,
 channel LowCardinality(String), status LowCardinality(String), external_reference String, balance_after Decimal(18, 2)`

// native lets the same ClickHouse read the same rows as a JSONEachRow file,
// once into a MergeTree table and once into a Parquet file.
func (p *pipeline) native(ctx context.Context, up *upstream) (nativeTimes, error) {
	file := filepath.Join(p.o.dir, "rows.jsonl")
	if err := up.writeJSONEachRow(file); err != nil {
		return nativeTimes{}, err
	}
	var n nativeTimes
	if err := p.loader(ctx, "CREATE DATABASE IF NOT EXISTS bench"); err != nil {
		return n, err
	}
	if err := p.loader(ctx, "CREATE TABLE bench.rows ("+columns+") ENGINE = MergeTree ORDER BY (provider_code, posted_at, id)"); err != nil {
		return n, err
	}
	const parse = " SETTINGS date_time_input_format = 'best_effort', max_threads = 2, max_insert_threads = 2, max_execution_time = 0"
	from := fmt.Sprintf("SELECT * FROM file('%s', 'JSONEachRow', '%s')", file, strings.NewReplacer("'", "\\'", "\n", " ").Replace(columns))
	begin := time.Now()
	if err := p.loader(ctx, "INSERT INTO bench.rows "+from+parse); err != nil {
		return n, err
	}
	n.mergeTree = time.Since(begin)
	begin = time.Now()
	out := fmt.Sprintf("INSERT INTO FUNCTION file('%s', 'Parquet') ", filepath.Join(p.o.dir, "rows.parquet"))
	if err := p.loader(ctx, out+from+parse); err != nil {
		return n, err
	}
	n.parquet = time.Since(begin)
	return n, nil
}

// loader sends one statement to the held warehouse as its loader.
func (p *pipeline) loader(ctx context.Context, sql string) error {
	data, err := os.ReadFile(filepath.Join(p.o.dir, "data", "warehouse.json"))
	if err != nil {
		return err
	}
	var w struct {
		HTTPPort int    `json:"http_port"`
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("warehouse.json: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/", w.HTTPPort), strings.NewReader(sql))
	if err != nil {
		return err
	}
	req.SetBasicAuth(w.User, w.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ClickHouse: %s", answer)
	}
	return nil
}
