package embedded

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/sinks"
)

// places are the files of a data directory.
type places struct {
	record, lock                string // warehouse.json and the holder's lock
	store                       string // ClickHouse's own folder
	run, config, users          string
	log, errLog, out, childLock string
}

func layout(dir string) places {
	run := filepath.Join(dir, "clickhouse-run")
	return places{
		record: filepath.Join(dir, "warehouse.json"), lock: filepath.Join(dir, "warehouse.lock"),
		store: filepath.Join(dir, "clickhouse"),
		run:   run, config: filepath.Join(run, "config.xml"), users: filepath.Join(run, "users.xml"),
		log: filepath.Join(run, "clickhouse.log"), errLog: filepath.Join(run, "clickhouse.err.log"),
		out: filepath.Join(run, "child.out"), childLock: filepath.Join(run, "child.lock"),
	}
}

// record is warehouse.json: how other processes, and people with a BI tool,
// find the warehouse. Readable by its owner alone.
type record struct {
	PID      int               `json:"pid"`
	ChildPID int               `json:"child_pid"`
	TCPPort  int               `json:"tcp_port"`
	HTTPPort int               `json:"http_port"`
	User     string            `json:"user"`
	Password string            `json:"password"`
	Readers  map[string]string `json:"readers"`
}

func (r record) endpoint() Endpoint {
	return Endpoint{Addr: local(r.TCPPort), HTTPAddr: local(r.HTTPPort), User: r.User, Password: r.Password, Readers: r.Readers}
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func loadRecord(dir string) (r record, err error) {
	data, err := os.ReadFile(layout(dir).record)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	return r, err
}

func readRecord(dir string) (Endpoint, error) {
	r, err := loadRecord(dir)
	return r.endpoint(), err
}

// recordedPID is the holder's process, 0 when it is not known.
func recordedPID(dir string) int {
	r, _ := loadRecord(dir)
	return r.PID
}

// write replaces warehouse.json in one step.
func (r record) write(dir string) error {
	data, err := json.Marshal(r, jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("warehouse.json: %w", err)
	}
	return writePrivate(layout(dir).record, append(data, '\n'))
}

// writePrivate replaces a file in one step. The new one has a fixed name: only
// the holder writes, and a crash must not leave more and more of them behind.
func writePrivate(path string, data []byte) error {
	fresh := path + ".new"
	err := os.WriteFile(fresh, data, 0o600)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		_ = os.Remove(fresh)
	}
	return sinks.DiskError("write", path, "data_dir", err)
}

const answerTimeout = 3 * time.Second

// answers reports whether the warehouse answers its loader: a stranger on the
// same port, or an older start, does not know the password.
func answers(ctx context.Context, ep Endpoint) error {
	return post(ctx, ep, "SELECT 1", answerTimeout)
}

// post runs one statement as the loader, over HTTP.
func post(ctx context.Context, ep Endpoint, sql string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+ep.HTTPAddr+"/", strings.NewReader(sql))
	if err != nil {
		return fmt.Errorf("embedded warehouse: %w", err)
	}
	req.Header.Set("X-ClickHouse-User", ep.User)
	req.Header.Set("X-ClickHouse-Key", ep.Password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: limit}).DialContext}}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("embedded warehouse at %s: %w: %w", ep.HTTPAddr, err, sinks.ErrUnavailable)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, strings.TrimSpace(string(body)))
	}
	if err != nil {
		return fmt.Errorf("embedded warehouse at %s: %w: %w", ep.HTTPAddr, err, sinks.ErrUnavailable)
	}
	return nil
}
