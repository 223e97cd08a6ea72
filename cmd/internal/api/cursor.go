package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// cursor is where a page ended. It pins the snapshot, and belongs to its question.
type cursor struct {
	Snapshot int64    `json:"s"`
	Of       string   `json:"o"` // the question
	After    []string `json:"a"` // the last row's place in the order
	Skip     int      `json:"n"` // rows of that place that were given already
}

const notACursor = "is not a cursor of this list"

func (c cursor) text() string {
	b, _ := json.Marshal(c) // strings and numbers
	return base64.RawURLEncoding.EncodeToString(b)
}

// readCursor reads what text() wrote. A cursor says nothing that its holder could
// not ask for: what it may reach is decided by the key, at every page.
func readCursor(a ask, of string) (c cursor, err error) {
	b, err := base64.RawURLEncoding.DecodeString(a.cursor)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	bad := err != nil || c.Of != of || c.Snapshot < 1 || c.Skip < 1 || len(c.After) != len(a.list.order)
	for i := range c.After {
		column, _ := a.list.column(a.list.order[i])
		bad = bad || !fits(column, c.After[i])
	}
	if bad {
		return c, huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "query.cursor", Message: notACursor + " with these parameters"})
	}
	if a.snapshot != 0 && a.snapshot != c.Snapshot {
		return c, huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "query.snapshot", Message: "the cursor is of another snapshot"})
	}
	return c, nil
}

// fits reports whether a text is a value of a column that pages are in the order of.
func fits(c clickhouse.Column, text string) bool {
	kind, _ := plain(c.Type)
	var err error
	switch {
	case kind == "Date32":
		_, ok := parseDay(text)
		return ok
	case strings.HasPrefix(kind, "DateTime64"):
		_, err = time.Parse(time.RFC3339Nano, text)
	case kind == "Int64":
		_, err = strconv.ParseInt(text, 10, 64)
	case kind == "Int32":
		_, err = strconv.ParseInt(text, 10, 32)
	default:
		return len(text) <= 1024
	}
	return err == nil
}

// asParameter writes a value as the server reads parameters of its type.
func asParameter(text, kind string) string {
	if !strings.HasPrefix(kind, "DateTime64") {
		return text
	}
	t, _ := time.Parse(time.RFC3339Nano, text) // it fits
	return t.UTC().Format("2006-01-02 15:04:05.000000")
}

// question names what a cursor must not outlive.
func (a ask) question() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %s %s %v %d", a.list.view, a.filters, a.days.from, a.days.to, a.desc, len(a.list.order)))
	return hex.EncodeToString(sum[:8])
}
