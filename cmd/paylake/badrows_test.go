package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// badStatementRows are rows as upstreams really send them, each with the reason
// it must be refused for. POSTED stands for an instant inside the window.
var badStatementRows = []struct{ id, reason, row string }{
	{"beyond-int64", "amount_range", `{"id":"beyond-int64","posted_at":"POSTED","type":"fee","amount":-92233720368547758.08}`},
	{"far-beyond", "amount_range", `{"id":"far-beyond","posted_at":"POSTED","type":"fee","amount":"99999999999999999999999999"}`},
	{"exponent", "amount_syntax", `{"id":"exponent","posted_at":"POSTED","type":"fee","amount":1e3}`},
	{"third-digit", "amount_scale", `{"id":"third-digit","posted_at":"POSTED","type":"fee","amount":-37.405}`},
	{"not-a-number", "amount_syntax", `{"id":"not-a-number","posted_at":"POSTED","type":"fee","amount":NaN}`},
	{"nan-text", "amount_syntax", `{"id":"nan-text","posted_at":"POSTED","type":"fee","amount":"NaN"}`},
	{"comma", "amount_syntax", `{"id":"comma","posted_at":"POSTED","type":"fee","amount":"12,50"}`},
	{"no-such-day", "time_syntax", `{"id":"no-such-day","posted_at":"2026-02-30T10:00:00+04:00","type":"fee","amount":-1.00}`},
	{"no-time", "time_syntax", `{"id":"no-time","posted_at":"yesterday","type":"fee","amount":-1.00}`},
	{"", "missing_field", `{"posted_at":"POSTED","type":"fee","amount":-1.25}`},
	{"twice", "duplicate_key", `{"id":"twice","posted_at":"POSTED","type":"fee","amount":-1.00,"amount":-2.00}`},
	{"no-such-money", "currency_unknown", `{"id":"no-such-money","posted_at":"POSTED","type":"fee","amount":-1.00,"currency":"ZZZ"}`},
	{"two-amounts", "field_conflict", `{"id":"two-amounts","posted_at":"POSTED","type":"fee","amount":-1.00,"amount_azn":-2.00}`},
	{"1.5", "wrong_type", `{"id":1.5,"posted_at":"POSTED","type":"fee","amount":-1.00}`},
	{"amount-list", "wrong_type", `{"id":"amount-list","posted_at":"POSTED","type":"fee","amount":[-1.00]}`},
}

// firstDay answers the statement of the first wallet's first day that is asked
// for with a body made from an instant of it, and every other with no rows.
func firstDay(body func(posted string) string) interceptor {
	var mu sync.Mutex
	first, owner := "", ""
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wallet/statement") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		day, token := r.URL.Query().Get("from"), r.Header.Get("Authorization")
		if first == "" {
			first, owner = day, token
		}
		answer := `{"currency":"AZN","rows":[],"next_cursor":null}`
		if day == first && token == owner {
			answer = body(day + "T10:00:00+04:00")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
		return true
	}
}

// Every kind of bad row on one page: the good rows beside them arrive, each bad
// one is counted once, with its reason, and its own bytes lie sealed. Words that
// nobody has heard of are no fault of a row.
func TestBadRows(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.intercept(firstDay(func(posted string) string {
		rows := []string{`{"id":"good-first","posted_at":"POSTED","type":"fee","amount":-1.00}`}
		for _, b := range badStatementRows {
			rows = append(rows, b.row)
		}
		rows = append(rows, `{"id":"strange","posted_at":"POSTED","type":"cashback","status":"on_hold","category":"zoo",`+
			`"provider_code":"UNHEARD_OF","channel":"moon","amount":"-37.40"}`,
			`{"id":12345678901234567890,"posted_at":"POSTED","type":"fee","amount":-2.00}`,
			`{"id":"good-largest","posted_at":"POSTED","type":"fee","amount":-9999999999999999.99}`)
		return strings.ReplaceAll(`{"currency":"AZN","rows":[`+strings.Join(rows, ",")+`],"next_cursor":null}`, "POSTED", posted)
	}))
	n := len(badStatementRows)
	g.paylake(t, "run", "ledger").want(t, 3).
		says(t, fmt.Sprintf("4 rows read, 4 inserted, 0 revised, 0 duplicates, %d quarantined", n), "paylake quarantine list").
		says(t, "category:zoo × 1, status:on_hold × 1, type:cashback × 1", "")

	var list []badRow
	g.paylake(t, "quarantine", "list", "--json").want(t, 0).json(t, &list)
	if len(list) != n {
		t.Fatalf("%d in quarantine, want %d: %+v", len(list), n, list)
	}
	for _, b := range badStatementRows {
		t.Run(b.reason+" "+b.id, func(t *testing.T) { g.wantQuarantined(t, list, b.id, b.reason, b.row) })
	}
	arrived := g.paylake(t, "query", "--format", "csv",
		"SELECT entry_id, type, status, category, provider_code, channel, amount_minor FROM ledger ORDER BY entry_id").want(t, 0)
	for _, line := range []string{`"12345678901234567890","fee","posted","","","",-200`, `"good-first","fee","posted","","","",-100`, `"good-largest","fee","posted","","","",-999999999999999999`,
		`"strange","cashback","on_hold","zoo","UNHEARD_OF","moon",-3740`} {
		if !strings.Contains(arrived.stdout, line+"\n") {
			t.Errorf("%s is not in:\n%s", line, arrived.stdout)
		}
	}

	g.paylake(t, "run", "ledger").want(t, 0).says(t, "0 quarantined", "") // seen again, not counted again
	r := g.paylake(t, "query", "--format", "csv", "SELECT count(), uniqExact(id) FROM quarantine").want(t, 0)
	if !strings.HasSuffix(r.stdout, fmt.Sprintf("\n%d,%d\n", n, n)) {
		t.Errorf("the warehouse's quarantine: %s", r.stdout)
	}
	g.paylake(t, "verify").want(t, 0)
}

// wantQuarantined finds a refused row and opens its raw text.
func (g *playground) wantQuarantined(t *testing.T, list []badRow, id, reason, row string) {
	t.Helper()
	for _, r := range list {
		if r.RowID != id || r.Reason != reason {
			continue
		}
		shown := g.paylake(t, "quarantine", "show", r.ID, "--raw").want(t, 0)
		before, after, _ := strings.Cut(row, "POSTED")
		if !strings.Contains(shown.stdout, before) || !strings.Contains(shown.stdout, after) {
			t.Errorf("the raw text is not the row's own:\n%s", shown.stdout)
		}
		return
	}
	t.Errorf("no row %q refused for %s in %+v", id, reason, list)
}
