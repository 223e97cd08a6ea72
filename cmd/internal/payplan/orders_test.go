package payplan

import (
	"strings"
	"testing"

	"github.com/paylake/paylake/sinks/gate"
)

var bills = Job{Tenant: "acme", Name: "bills", Source: "psp", ProjectID: 210, Method: "mbank", Operation: "sale"}

func nobody(string) bool { return false }

// pseudonymsOf stands for the pseudonyms of a number under two keys.
func pseudonymsOf(e164 string) []string {
	hex := strings.Repeat("0", 32-len(e164[1:])) + e164[1:]
	return []string{"p1_" + hex, "p2_" + hex}
}

func payersOf(t *testing.T, text string) Payers {
	t.Helper()
	p, err := ReadPayers("payers.csv", []byte(text), pseudonymsOf)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const somePayers = "customer_id,account,ip\r\ncust-1,+996 555 123 456,192.0.2.7\r\n\"cust,2\",0555123457,\r\n+996555000001,996555000001,2001:db8::1\r\nsample,189011234567,192.0.2.9\r\n"

func TestOrders(t *testing.T) {
	payers := payersOf(t, somePayers)
	row := Row{Key: "k", ProviderCode: "azersu", AmountMinor: 120_00, Currency: "KGS"}
	base := gate.Order{Tenant: "acme", Job: "bills", Key: "k", Source: "psp", ProjectID: 210, Method: "mbank", Operation: "sale", ProviderCode: "azersu", AmountMinor: 120_00, Currency: "KGS"}
	for _, c := range []struct {
		name                        string
		customer, account, ip       string
		wantID, wantAccount, wantIP string
		drafted                     string // a remark
	}{
		{"of the file", "cust-1", "", "", "cust-1", "996555123456", "192.0.2.7", ""},
		{"of the row", "cust-9", "0555 123 458", "192.0.2.8", "cust-9", "996555123458", "192.0.2.8", ""},
		{"of both", "cust,2", "", "192.0.2.8", "cust,2", "996555123457", "192.0.2.8", ""},
		{"the row goes first", "cust-1", "+996555123459", "192.0.2.8", "cust-1", "996555123459", "192.0.2.8", ""},
		{"a pseudonym", pseudonymsOf("+996555000001")[0], "", "", "+996555000001", "996555000001", "2001:db8::1", ""},
		{"a newer pseudonym", pseudonymsOf("+996555000001")[1], "", "", "+996555000001", "996555000001", "2001:db8::1", ""},
		{"no valid number", "sample", "", "", "sample", "189011234567", "192.0.2.9", "not a valid telephone number"},
	} {
		row.CustomerID, row.Account, row.IP = c.customer, c.account, c.ip
		want := base
		want.CustomerID, want.Account, want.CustomerIP = c.wantID, c.wantAccount, c.wantIP
		orders, findings := Orders(bills, []Row{row}, payers, nobody)
		if len(orders) != 1 || orders[0] != want {
			t.Errorf("%s: %+v %+v", c.name, orders, findings)
		}
		if (c.drafted != "") != (len(findings) == 1) || c.drafted != "" && (!findings[0].Drafted || findings[0].Key != "k" || !strings.Contains(findings[0].Text, c.drafted)) {
			t.Errorf("%s: %+v", c.name, findings)
		}
	}
}

func TestOrdersThatCannotBePaid(t *testing.T) {
	payers := payersOf(t, somePayers)
	good := Row{Key: "good", ProviderCode: "azersu", CustomerID: "cust-1", AmountMinor: 120_00, Currency: "KGS"}
	for says, change := range map[string]func(*Row){
		"the payer's number is not known":     func(r *Row) { r.CustomerID = "cust-9" },
		"the payer's IP address is not known": func(r *Row) { r.CustomerID = "cust,2" },
		"is the pseudonym of a telephone": func(r *Row) {
			r.CustomerID = pseudonymsOf("+996555000002")[0]
			r.Account, r.IP = "0555123456", "192.0.2.1"
		},
		"account is not a telephone number":     func(r *Row) { r.Account = "12345" },
		"customer_ip must be the payer's IP":    func(r *Row) { r.IP = "here" },
		"mbank takes KGS, not USD":              func(r *Row) { r.Currency = "USD" },
		"50.00 KGS to 50000.00 KGS, not 49.99":  func(r *Row) { r.AmountMinor = 49_99 },
		"KGS, not 50000.01 KGS":                 func(r *Row) { r.AmountMinor = 50_000_01 },
		"key must be 1 to 255 characters":       func(r *Row) { r.Key = strings.Repeat("k", 256) },
		"description has more than 255":         func(r *Row) { r.Description = "a\nb" },
		"the payer was erased; nothing is plan": func(r *Row) { r.CustomerID = "erased" },
		"the payer was erased; nothing":         func(r *Row) { r.Account = "996555666666" },
	} {
		bad := good
		bad.Key = "bad"
		change(&bad)
		orders, findings := Orders(bills, []Row{bad, good}, payers, func(account string) bool { return account == "996555666666" })
		if len(orders) != 1 || orders[0].Key != "good" || len(findings) != 1 || findings[0].Key != bad.Key || findings[0].Drafted || !strings.Contains(findings[0].Text, says) {
			t.Errorf("%s: %d orders, %+v", says, len(orders), findings)
		}
		if strings.Contains(findings[0].Text, "996555") || strings.Contains(findings[0].Text, "12345") {
			t.Errorf("a number is quoted: %s", findings[0].Text)
		}
	}
	payout := bills
	payout.Operation = "payout"
	if orders, findings := Orders(payout, []Row{good}, payers, nobody); len(orders) != 0 || len(findings) != 1 || !strings.Contains(findings[0].Text, `no operation "payout"`) {
		t.Errorf("%+v %+v", orders, findings)
	}
}

func TestPayersAreStrict(t *testing.T) {
	for text, want := range map[string][]string{
		"":                               {"payers.csv:1: the header must be customer_id,account,ip"},
		"account,customer_id,ip\n":       {"payers.csv:1: the header must be"},
		"customer_id,account\nc,1\n":     {"payers.csv:1: the header must be"},
		"customer_id,account,ip\n,x,y\n": {"payers.csv:2: account is not a telephone number", "payers.csv:2: ip is not an address", "payers.csv:2: customer_id is empty"},
		"customer_id,account,ip\na,996555123456\n\nb,12345678,\n":                                                     {"payers.csv:2: it has 2 columns, not 3", "payers.csv:4: account is not"},
		"customer_id,account,ip\na,996555123456,\nb,996555123456,\na,996555123457,\n":                                 {"payers.csv:4: customer_id is that of line 2"},
		"customer_id,account,ip\n+996555000001,996555123456,\n0555000001,996555123456,\n":                             {"payers.csv:3: customer_id is that of line 2"},
		"customer_id,account,ip\n" + pseudonymsOf("+996555000001")[1] + ",996555123456,\n+996555000001,1234567890,\n": {"payers.csv:3: customer_id is that of line 2"},
		"customer_id,account,ip\na,\"996\"555,\n":                                                                     {"payers.csv:2: not CSV"},
		"customer_id,account,ip\na,996555123456,fe80::1%eth0\n":                                                       {"payers.csv:2: ip is not an address"},
		"customer_id,account,ip\na,+189011234567,\n":                                                                  {"payers.csv:2: account is not"},
	} {
		_, err := ReadPayers("payers.csv", []byte(text), pseudonymsOf)
		if err == nil || strings.Count(err.Error(), "\n")+1 != len(want) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, says := range want {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %q is not in %v", text, says, err)
			}
		}
		if strings.Contains(err.Error(), "996555") || strings.Contains(err.Error(), "12345678") {
			t.Errorf("a number is quoted: %v", err)
		}
	}
	if p := payersOf(t, "\ufeff"+somePayers); len(p) != 6 || p["cust,2"] != (Payer{"cust,2", "996555123457", ""}) {
		t.Errorf("%+v", p)
	}
}
