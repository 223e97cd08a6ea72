package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// month fills a lake with one wallet's month whose balances close, another's
// that begins before it, and one that names no balances.
func (g *playground) month(t *testing.T) {
	t.Helper()
	at := func(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) }
	line := func(id string, at time.Time, minor, after int64, more fields) fields {
		f := fields{"balance_after_minor": after}
		for k, v := range more {
			f[k] = v
		}
		return statement(id, at, minor, f)
	}
	g.commit(t, schemas.Providers, fields{"source": "mpay", "provider_code": "azersu", "name_az": "Azərsu", "category": "utilities", "status": "active", "updated_at": at(1, 0)})
	g.commit(t, schemas.Ledger,
		line("z", at(1, 0).AddDate(0, 0, -2), 10000, 10000, fields{"type": "topup", "provider_code": ""}),
		// three lines of one instant, in an order that only their balances tell
		line("b", at(2, 8), -50, 6210, fields{"type": "fee", "provider_code": "azersu"}),
		line("y", at(2, 8), -3740, 6260, fields{"fee_minor": int64(50), "vat_receipt": "8sFqW2xYb1Vd", "external_reference": "inv-7", "subscriber_ref": "12*45"}),
		line("c", at(2, 8), 290, 6500, fields{"type": "refund"}),
		line("d", at(31, 19), -500, 6000, fields{"provider_code": "azercell"}),
		line("p", at(31, 19), -1, 0, fields{"status": "pending"}),
		line("q", at(28, 8).AddDate(0, -1, 0), 77, 177, fields{"wallet_id": "wlt_7c02", "type": "topup", "provider_code": ""}),
		line("april", at(31, 19).AddDate(0, 0, 3), -100, 5900, nil))
}

// A statement's amounts add up: gross + fee = net in every line, and the nets
// of the wallet are closing − opening, whatever order lines of one instant came in.
func TestStatement(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 100)
	g.month(t)
	g.paylake(t, "rebuild").want(t, 0)
	stop := g.holding(t)
	defer stop()
	dir := t.TempDir()
	centres := filepath.Join(dir, "centres.csv")
	write(t, centres, "provider_code,cost_centre\nazersu,4711\nnobody,1\n")
	file := filepath.Join(dir, "march.csv")
	g.paylake(t, "export", "statement", "--period", "2026-03", "--cost-centres", centres, "-o", file).want(t, 0).
		says(t, "", "no catalogue and no row has nobody").says(t, "", "none is named for azercell")
	rows, err := csv.NewReader(strings.NewReader(read(t, file))).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatalf("%v\n%s", err, read(t, file))
	}
	of := func(row int, column string) string { return rows[row][slices.Index(rows[0], column)] }
	for row, want := range [][]string{nil,
		{"b", "0", "-50", "-50", "0", "6260", "6210", "4711", "Azərsu"}, {"c", "290", "0", "290", "0", "6210", "6500", "4711", "Azərsu"},
		{"y", "-3740", "0", "-3740", "50", "10000", "6260", "4711", "Azərsu"}, {"d", "-500", "0", "-500", "0", "6500", "6000", "", "azercell"},
	} {
		if row == 0 {
			continue
		}
		var got []string
		for _, c := range []string{"entry_id", "gross_minor", "fee_minor", "net_minor", "fee_named_minor", "balance_before_minor", "balance_after_minor", "cost_centre", "provider_name"} {
			got = append(got, of(row, c))
		}
		if !slices.Equal(got, want) || of(row, "opening_balance") != "100.00" || of(row, "closing_balance") != "60.00" || of(row, "status") == "pending" {
			t.Errorf("%q, want %q: %q", got, want, rows[row])
		}
	}
	if of(3, "posted_local") != "2026-03-02T12:00:00.000000+04:00" || of(3, "vat_receipt") != "8sFqW2xYb1Vd" || of(3, "external_reference") != "inv-7" || of(3, "gross") != "-37.40" {
		t.Errorf("%q", rows[3])
	}
	var proof exportProof
	if err := json.Unmarshal([]byte(read(t, file+proofSuffix)), &proof); err != nil {
		t.Fatal(err)
	}
	if len(proof.Totals) != 3 || proof.Totals[2].Column != "net_minor" || proof.Totals[2].DebitMinor != "-4290" || proof.Totals[2].CreditMinor != "290" || proof.Totals[2].Rows != 4 ||
		len(proof.Centres) != 2 || !slices.Contains(proof.FunctionOf, "cost_centres") {
		t.Errorf("%+v", proof)
	}
	g.paylake(t, "verify", "--export", file).want(t, 0).says(t, "the same bytes", "")
	write(t, file+proofSuffix, strings.Replace(read(t, file+proofSuffix), `"-4290"`, `"-4291"`, 1))
	g.paylake(t, "verify", "--export", file).want(t, 6).says(t, "", "its totals")

	var berlin struct {
		TransactionID     string                            `json:"transactionId"`
		TransactionAmount struct{ Currency, Amount string } `json:"transactionAmount"`
		Balance           struct {
			BalanceAmount struct{ Currency, Amount string } `json:"balanceAmount"`
		} `json:"balanceAfterTransaction"`
		BookingDate, EndToEndID string
	}
	text := g.paylake(t, "export", "statement", "--period", "2026-03", "--names", "berlin", "--format", "jsonl").want(t, 0).stdout
	first := strings.Split(text, "\n")[2]
	if err := json.Unmarshal([]byte(first), &berlin); err != nil {
		t.Fatalf("%v in %s", err, first)
	}
	if berlin.TransactionID != "y" || berlin.TransactionAmount.Amount != "-37.40" || berlin.TransactionAmount.Currency != "AZN" || berlin.Balance.BalanceAmount.Amount != "62.60" || berlin.BookingDate != "2026-03-02" || berlin.EndToEndID != "inv-7" {
		t.Errorf("%+v of %s", berlin, first)
	}
	for _, format := range []string{"csv", "parquet", "json"} {
		out := filepath.Join(dir, "berlin."+format)
		g.paylake(t, "export", "statement", "--names", "berlin", "--format", format, "-o", out).want(t, 0)
		if format == "parquet" {
			g.paylake(t, "verify", "--export", out).want(t, 0)
		}
	}
	if spend := g.paylake(t, "export", "spend").want(t, 0).stdout; spend != g.paylake(t, "export", "spend_by_provider").want(t, 0).stdout || strings.Count(spend, "\n") < 3 {
		t.Errorf("spend: %s", spend)
	}
	g.camt(t, dir)
	write(t, centres, "provider_code,cost_centre\nazersu\n")
	g.paylake(t, "export", "statement", "--cost-centres", centres).want(t, 2).says(t, "", "centres.csv:2: it has 1 fields")
	g.paylake(t, "export", "ledger", "--names", "berlin").want(t, 2).says(t, "", "belong to the dataset statement")
	g.paylake(t, "export", "statement", "--names", "paris").want(t, 2).says(t, "", `own or berlin, not "paris"`)
}

// camt exports the month as ISO messages: balances and control sums are those of
// the wallets, also of the one that had no entry.
func (g *playground) camt(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, "march.xml")
	g.paylake(t, "export", "statement", "--period", "2026-03", "--format", camtFormat, "-o", file).want(t, 0).says(t, "", "4 rows")
	var m struct {
		Stmt []struct {
			Wallet string   `xml:"Acct>Id>Othr>Id"`
			Bal    []string `xml:"Bal>Amt"`
			N      int      `xml:"TxsSummry>TtlNtries>NbOfNtries"`
			Sum    string   `xml:"TxsSummry>TtlNtries>Sum"`
			Ntry   []string `xml:"Ntry>Amt"`
		} `xml:"BkToCstmrStmt>Stmt"`
	}
	text := read(t, file)
	if err := xml.Unmarshal([]byte(text), &m); err != nil || len(m.Stmt) != 2 {
		t.Fatalf("%v\n%s", err, text)
	}
	if s := m.Stmt[0]; s.Wallet != "wlt_441b" || !slices.Equal(s.Bal, []string{"100.00", "60.00"}) || s.N != 4 || s.Sum != "45.80" || len(s.Ntry) != 4 {
		t.Errorf("%+v", s)
	}
	if s := m.Stmt[1]; s.Wallet != "wlt_7c02" || !slices.Equal(s.Bal, []string{"1.77", "1.77"}) || s.N != 0 || len(s.Ntry) != 0 {
		t.Errorf("%+v", s)
	}
	g.paylake(t, "verify", "--export", file).want(t, 0).says(t, "the same bytes", "")
	g.paylake(t, "export", "statement", "--format", camtFormat).want(t, 2).says(t, "", "is about a period")
	g.paylake(t, "export", "ledger", "--format", camtFormat).want(t, 2).says(t, "", "not as \"camt.053\"")
}
