package payplan

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// MaxRows is how many rows a plan may have.
const MaxRows = 10_000

// Answer is what a query has answered: names and ClickHouse types of its
// columns, and rows of strings, json.Number or bool; nil for NULL.
type Answer struct {
	Names, Types []string
	Rows         [][]any
}

// Row is one payment that a query wants.
type Row struct {
	Key, ProviderCode, CustomerID string
	AmountMinor                   int64 // positive
	Currency                      string
	Account, IP, Description      string // may be empty
}

// Finding is something that a person should look at.
type Finding struct {
	Key     string `json:"key"` // of the row; empty: row N, or the whole plan
	Text    string `json:"text"`
	Drafted bool   `json:"drafted"` // the payment was drafted all the same
}

// ErrColumns is returned for a query that does not answer with the columns of a
// plan: nothing can be said about any payment.
var ErrColumns = errors.New("not a query that plans payments")

var (
	needed   = []string{"key", "provider_code", "currency", "customer_id"}
	optional = []string{"account", "ip", "description"}
	wrapped  = regexp.MustCompile(`^(?:LowCardinality|Nullable)\((.*)\)$`)
	exact    = regexp.MustCompile(`^Decimal(?:\d+)?\(.*\)$|^String$`)
	whole    = regexp.MustCompile(`^U?Int\d+$`)
)

// Read turns an answer into rows. The error wraps ErrColumns and names
// everything that is wrong with the columns; findings are rows that are none.
func Read(a Answer) (rows []Row, findings []Finding, err error) {
	if err := checkColumns(a); err != nil {
		return nil, nil, err
	}
	if len(a.Rows) > MaxRows {
		return nil, nil, fmt.Errorf("%w: it gives more than %d rows; ask for less", ErrColumns, MaxRows)
	}
	count := map[string]int{}
	for i, cells := range a.Rows {
		row, wrong := readRow(a.Names, cells)
		count[row.Key]++
		switch {
		case row.Key == "":
			findings = append(findings, Finding{Text: fmt.Sprintf("row %d: %s", i+1, wrong)})
		case wrong != "":
			findings = append(findings, Finding{Key: row.Key, Text: wrong})
		default:
			rows = append(rows, row)
		}
	}
	for _, key := range twice(count) {
		findings = append(findings, Finding{Key: key, Text: fmt.Sprintf("the key stands in %d rows, and nobody knows which one is meant; make keys unique", count[key])})
	}
	return slices.DeleteFunc(rows, func(r Row) bool { return count[r.Key] > 1 }), findings, nil
}

func twice(count map[string]int) (keys []string) {
	for key, n := range count {
		if n > 1 && key != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// checkColumns reports everything that is wrong with names and types.
func checkColumns(a Answer) error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for i, name := range a.Names {
		t := plainType(a.Types[i])
		switch {
		case slices.Index(a.Names, name) < i:
			say("two columns are called %s", name)
		case name == "amount" && !exact.MatchString(t):
			say("amount is %s; an amount must be Decimal or String, never a float: write toDecimal64(…, 2), or whole minor units AS amount_minor", a.Types[i])
		case name == "amount_minor" && !whole.MatchString(t):
			say("amount_minor is %s; it must be a whole number of minor units, such as Int64", a.Types[i])
		case (slices.Contains(needed, name) || slices.Contains(optional, name)) && t != "String":
			say("%s is %s; it must be text: write toString(…)", name, a.Types[i])
		case !slices.Contains(needed, name) && !slices.Contains(optional, name) && name != "amount" && name != "amount_minor":
			say("there is no column %q in a plan; remove it, or name it %s, %s, amount or amount_minor", name, strings.Join(needed, ", "), strings.Join(optional, ", "))
		}
	}
	for _, name := range needed {
		if !slices.Contains(a.Names, name) {
			say("%s is missing", name)
		}
	}
	if slices.Contains(a.Names, "amount") == slices.Contains(a.Names, "amount_minor") {
		say("it needs amount (Decimal or String) or amount_minor (whole minor units), one of the two")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrColumns, strings.Join(wrong, "; "))
	}
	return nil
}

// plainType is a type without LowCardinality and Nullable.
func plainType(t string) string {
	for {
		m := wrapped.FindStringSubmatch(t)
		if m == nil {
			return t
		}
		t = m[1]
	}
}

// readRow reads one row; wrong says everything that keeps it from being one.
func readRow(names []string, cells []any) (row Row, wrong string) {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	text := map[string]string{}
	for i, name := range names {
		value, ok := cellText(cells[i])
		must := !slices.Contains(optional, name)
		switch {
		case !ok && must:
			say("%s is NULL", name)
		case strings.ContainsRune(value, '\uFFFD'):
			say("%s is not text in UTF-8", name)
		case value == "" && must:
			say("%s is empty", name)
		default:
			text[name] = value
		}
	}
	row = Row{Key: text["key"], ProviderCode: text["provider_code"], CustomerID: text["customer_id"], Currency: text["currency"],
		Account: text["account"], IP: text["ip"], Description: text["description"]}
	minor, err := amountOf(text)
	switch {
	case len(all) > 0:
	case err != nil:
		say("%v", err)
	case minor <= 0:
		say("the amount is %s %s; only what is more than nothing can be paid", text["amount"]+text["amount_minor"], row.Currency)
	}
	row.AmountMinor = minor
	return row, strings.Join(all, "; ")
}

// cellText is a value as text; false for NULL.
func cellText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// amountOf reads the amount exactly, in minor units of the row's currency.
func amountOf(text map[string]string) (int64, error) {
	exponent, err := schemas.Exponent(text["currency"])
	if err != nil {
		return 0, fmt.Errorf("%q is not a currency of ISO 4217", text["currency"])
	}
	if minor := text["amount_minor"]; minor != "" {
		n, err := strconv.ParseInt(minor, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("the amount of %s minor units is out of range", minor)
		}
		return n, nil
	}
	n, err := schemas.ParseMinor([]byte(text["amount"]), exponent)
	if err != nil {
		return 0, fmt.Errorf("the amount %q %s: %w", text["amount"], text["currency"], err)
	}
	return n, nil
}
