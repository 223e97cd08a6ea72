package facade

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// How much an answer holds, and how long the warehouse may take.
const (
	pageRows = 500
	within   = 20 * time.Second
	memory   = 1 << 30
)

// place is where a page ends. It names the snapshot, so that a statement is of
// one moment however many pages it has.
type place struct {
	Snapshot int64  `json:"s"`
	After    string `json:"a"` // posted_at, or the code of a catalogue
	ID       string `json:"i,omitempty"`
}

func (p place) String() string {
	text, _ := json.Marshal(p) // strings and a number
	return base64.RawURLEncoding.EncodeToString(text)
}

func parsePlace(text string) (p place, err error) {
	if text == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil || p.Snapshot < 1 {
		return p, bad("cursor is not one of an earlier answer; begin without it")
	}
	return p, nil
}

// begin is the place that a request goes on from: the snapshot of its cursor, or
// the newest.
func (s *server) begin(r *http.Request, first string) (place, error) {
	p, err := parsePlace(r.URL.Query().Get("cursor"))
	if err != nil || p.Snapshot > 0 {
		return p, err
	}
	now, err := s.Warehouse.Standing(r.Context())
	return place{Snapshot: now.Snapshot, After: first}, err
}

// rows asks the warehouse and returns the answer's rows, every cell as text.
func (s *server) rows(ctx context.Context, sql, user string, parameters map[string]string) ([][]string, error) {
	lines, err := s.Warehouse.Answer(ctx, clickhouse.Question{SQL: sql, User: user, Parameters: parameters, Within: within, Memory: memory, Rows: pageRows + 1})
	if err != nil {
		return nil, err
	}
	var out [][]string
	for line := range strings.Lines(string(lines)) {
		var row []string
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, fmt.Errorf("a row of the warehouse: %w", err)
		}
		out = append(out, row)
	}
	return out, nil
}

// asText has the warehouse answer with text alone.
func asText(columns ...string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = "ifNull(toString(" + c + "), '')"
	}
	return strings.Join(out, ", ")
}

// page cuts a list to one page; more reports whether something follows.
func page(rows [][]string) (cut [][]string, more bool) {
	if len(rows) > pageRows {
		return rows[:pageRows], true
	}
	return rows, false
}

// next is null at the end.
func next(p place, more bool) any {
	if !more {
		return nil
	}
	return p.String()
}

var lineColumns = []string{"toUnixTimestamp64Micro(posted_at)", "entry_id", "posted_offset_s", "type", "amount_minor", "currency", "fee_minor", "balance_after_minor", "provider_code",
	"service_code", "category", "channel", "subscriber_ref", "counterparty_masked", "status", "external_reference", "vat_receipt", "reversal_of", "reversal_code", "session_id"}

// statement answers the lines of a wallet between two days, both included, in
// the order of their posting.
func (s *server) statement(w http.ResponseWriter, r *http.Request, f state.FacadeSession) error {
	from, to, err := days(r)
	if err != nil {
		return err
	}
	p, err := s.begin(r, "-1")
	if err != nil {
		return err
	}
	user := "analyst" // who sees no numbers
	if slices.Contains(f.Key.Scopes, "audit") {
		user = "auditor"
	}
	sql := fmt.Sprintf(`SELECT %s FROM ledger_at(snapshot = %d) WHERE source = {source:String} AND wallet_id = {wallet:String} AND business_date >= {from:Date32} AND business_date <= {to:Date32}
AND (toUnixTimestamp64Micro(posted_at), entry_id) > ({after:Int64}, {id:String}) ORDER BY posted_at, entry_id LIMIT %d`, asText(lineColumns...), p.Snapshot, pageRows+1)
	rows, err := s.rows(r.Context(), sql, user, map[string]string{"source": f.Source, "wallet": f.Wallet, "from": from, "to": to, "after": p.After, "id": p.ID})
	if err != nil {
		return err
	}
	rows, more := page(rows)
	lines := make([]map[string]any, 0, len(rows))
	currency := ""
	for _, row := range rows {
		line, err := lineOf(row)
		if err != nil {
			return err
		}
		lines = append(lines, line)
		currency = cmp.Or(currency, row[5])
		p.After, p.ID = row[0], row[1]
	}
	return answer(w, http.StatusOK, map[string]any{"currency": currency, "rows": lines, "next_cursor": next(p, more)})
}

func days(r *http.Request) (from, to string, err error) {
	q := r.URL.Query()
	for _, one := range []struct {
		name string
		into *string
	}{{"from", &from}, {"to", &to}} {
		*one.into = q.Get(one.name)
		if _, err := time.Parse(time.DateOnly, *one.into); err != nil {
			return "", "", bad(one.name + " is not a day; write from=2026-03-01&to=2026-03-31 (both days included)")
		}
	}
	if to < from {
		return "", "", bad("to is before from")
	}
	return from, to, nil
}

// lineOf is a statement line: the words that wallets use, and the normalised ones
// beside them. Amounts are numbers with exactly the currency's digits.
func lineOf(row []string) (map[string]any, error) {
	micros, err := strconv.ParseInt(row[0], 10, 64)
	offset, oerr := strconv.Atoi(row[2])
	amount, aerr := money(row[4], row[5])
	fee, ferr := money(row[6], row[5])
	balance, berr := money(row[7], row[5])
	for _, err := range []error{err, oerr, aerr, ferr, berr} {
		if err != nil {
			return nil, fmt.Errorf("statement line %s: %w", row[1], err)
		}
	}
	line := map[string]any{"id": row[1], "posted_at": time.UnixMicro(micros).In(time.FixedZone("", offset)).Format(time.RFC3339Nano), "type": row[3], "amount": amount, "currency": row[5]}
	if row[5] == "AZN" {
		line["amount_azn"] = amount
	}
	if row[6] != "0" {
		line["fee"] = fee
	}
	if balance != "" {
		line["balance_after"] = balance
	}
	for i, name := range map[int]string{8: "provider_code", 9: "service_code", 10: "category", 11: "channel", 12: "subscriber_ref", 13: "counterparty_msisdn", 14: "status",
		15: "external_reference", 16: "vat_receipt", 17: "reversal_of", 18: "reversal_code", 19: "session_id"} {
		if row[i] != "" {
			line[name] = row[i]
		}
	}
	return line, nil
}

// money is an amount as a JSON number, never through a float; empty for none.
func money(minor, currency string) (json.Number, error) {
	if minor == "" {
		return "", nil
	}
	n, err := strconv.ParseInt(minor, 10, 64)
	if err != nil {
		return "", err
	}
	exponent, err := schemas.Exponent(currency)
	return json.Number(schemas.FormatMinor(n, exponent)), err
}
