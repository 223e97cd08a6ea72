package intents

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources/flashpay"
)

// A line becomes a row, column by column: the day is the source's, a time that
// is not there is NULL, and every column but two is a key of its own.
func TestLineIsARow(t *testing.T) {
	r := reader(t)
	out, err := r.Tell([]pipeline.Notice{{ID: 1, Body: []byte(written)}})
	if err != nil {
		t.Fatal(err)
	}
	defer out[0].Page.Rows.Release()
	got := rowsOf(out[0].Page.Rows)[0]
	want := map[string]string{"source": "psp", "business_date": "2026-03-19", "changed_at": "2026-03-18 19:30:00.000001Z", "sent_at": "2026-03-18 19:30:00.000001Z"}
	column := map[string]string{"at": "changed_at", "by": "changed_by", "from": "from_status", "to": "status"}
	members := membersOf(t)
	for key, v := range members {
		name, text := cmp.Or(column[key], key), fmt.Sprint(v)
		if _, listed := want[name]; !listed && (text != "" || !strings.HasSuffix(name, "_at")) {
			want[name] = text
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if n := len(members) + 2; n != len(schemas.PaymentIntents.Fields) {
		t.Errorf("the table has %d columns, a line gives %d", len(schemas.PaymentIntents.Fields), n)
	}
	if out[0].Stream.Source != "psp" || out[0].Stream.Table != schemas.PaymentIntents || out[0].Stream.Wallet != "" {
		t.Errorf("%+v", out[0].Stream)
	}
}

// Whatever a line lacks, has too much of or says in another way is refused, by
// the name of the key; no error quotes what stood there.
func TestLinesAreReadStrictly(t *testing.T) {
	if _, err := Read([]byte(written)); err != nil {
		t.Fatal(err)
	}
	const number = "996555987654"
	refused := func(says string, body []byte) {
		t.Helper()
		_, err := Read(body)
		if !errors.Is(err, ErrLine) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), number) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", says, err)
		}
	}
	for key, v := range membersOf(t) {
		refused(key+": missing", with(t, map[string]any{key: nil}))
		refused(key+": ", with(t, map[string]any{key: json.RawMessage("null")}))
		refused(key+": ", with(t, map[string]any{key: []string{number}}))
		if _, text := v.(string); text {
			refused(key+": ", with(t, map[string]any{key: json.RawMessage(number)}))
			continue
		}
		for _, bad := range []string{"-1", "1.0", "1e3", `"` + number + `"`, "99999999999999999999", "true"} {
			refused(key+": not a plain integer", with(t, map[string]any{key: json.RawMessage(bad)}))
		}
	}
	for key, bad := range map[string][]any{
		"at":             {"", "2026-03-18T19:30:00", "2026-03-18T19:30:00+06:00", "2026-03-18T19:30:00.0000001Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", number},
		"settled_at":     {"0001-01-01T00:00:00Z", "2026-03-18", number},
		"to":             {"", "paid", "Success", number},
		"from":           {"paid", number},
		"version":        {0},
		"amount_minor":   {0},
		"currency":       {"", "kgs", "XXQ", number},
		"fingerprint":    {"", "1f0c", strings.Repeat("F", 64), number},
		"account":        {"", number, "+" + number, "p1_" + number, "p_9f86d081884c7d659a2feaa0c55ad015"},
		"account_masked": {"", number, "+996 555 98 76 54", "•" + number + "•"},
		"payment_id":     {""},
		"provider_code":  {""},
		"maker":          {""},
	} {
		for _, v := range bad {
			refused("", with(t, map[string]any{key: v}))
		}
	}
	refused("1 keys more", with(t, map[string]any{number: "x"}))
	refused("each key once", []byte(strings.Replace(written, `"version":3`, `"version":3,"version":3`, 1)))
	for _, body := range []string{"", "null", "[]", `"` + number + `"`, written + written, strings.Replace(written, "acme", "\xff", 1),
		strings.Replace(written, "acme", strings.Repeat("a", maxBody), 1)} {
		refused("", []byte(body))
	}
	for _, good := range []map[string]any{
		{"account": schemas.Erased, "account_masked": schemas.Erased}, {"from": "", "version": 1}, {"attempt": 0}, {"to": "withdrawn"}, {"currency": "JPY"},
	} {
		if _, err := Read(with(t, good)); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
}

// A platform with much to say does not stop the inbox: all of it is read.
func TestLongWordsAreRead(t *testing.T) {
	long := strings.Repeat("\x01", 600_000) // in JSON six times as long
	l, err := Read(with(t, map[string]any{"told": long, "request_id": long, "finding": long, "reason": long}))
	if err != nil || l.texts["finding"] != long {
		t.Errorf("%d bytes: %v", len(l.texts["finding"]), err)
	}
}

// Numbers of people that got into texts all the same do not get into the lake;
// and a customer is called what the platform's operations call him.
func TestNoNumberGetsIntoARow(t *testing.T) {
	const number = "+996555987654"
	r := reader(t)
	out, err := r.Tell([]pipeline.Notice{{ID: 1, Body: with(t, map[string]any{"customer_id": number, "key": number, "reason": "call " + number + " first",
		"finding": number, "told": number, "code_message": "no such account: 0555987654"})}})
	if err != nil {
		t.Fatal(err)
	}
	defer out[0].Page.Rows.Release()
	row := rowsOf(out[0].Page.Rows)[0]
	for column, text := range row {
		if strings.Contains(text, "555987654") {
			t.Errorf("%s is %s", column, text)
		}
	}
	if row["customer_id"] != r.People.Of(number) || row["customer_id"] != flashpay.CustomerID("0555987654", r.People) || !strings.HasPrefix(row["reason"], "call +99655•") {
		t.Errorf("customer %s, reason %s", row["customer_id"], row["reason"])
	}
}

// Somebody who is erased while a line waits is erased in its row.
func TestErasedWhileALineWaited(t *testing.T) {
	const number = "+996555987654"
	r := reader(t)
	account, masked := r.People.Person(number)
	line := with(t, map[string]any{"account": account, "account_masked": masked, "customer_id": number})
	r.People.Suppress(map[string]bool{r.People.Subject(number): true})
	out, err := r.Tell([]pipeline.Notice{{ID: 1, Body: line}, {ID: 2, Body: []byte(written)}})
	if err != nil {
		t.Fatal(err)
	}
	defer out[0].Page.Rows.Release()
	rows := rowsOf(out[0].Page.Rows)
	for _, column := range []string{"account", "account_masked", "customer_id"} {
		if rows[0][column] != schemas.Erased || rows[1][column] == schemas.Erased {
			t.Errorf("%s: %s, and of somebody else %s", column, rows[0][column], rows[1][column])
		}
	}
}

// Through the real drain into a real lake: every step is one row, also when it
// is delivered twice in one batch, in two, or again after a crash that forgot
// that it was drained; another wording of the same step stays beside the first.
func TestStepsAreRowsOnce(t *testing.T) {
	b, d, l := drained(t)
	once := func(want int) {
		t.Helper()
		if n, err := d.Once(t.Context()); err != nil || n != want {
			t.Fatalf("%d drained, want %d: %v", n, want, err)
		}
	}
	draft := with(t, map[string]any{"version": 1, "from": "", "to": "draft", "at": "2026-02-28T17:59:59Z", "sent_at": "", "attempt": 0})
	b.put(draft, []byte(written), draft)
	once(3)
	first, manifests := held(t, l)
	if len(first) != 2 || manifests != 1 {
		t.Fatalf("%d rows in %d manifests", len(first), manifests)
	}
	b.put([]byte(written))
	once(1)
	b.forget()
	once(4)
	if again, n := held(t, l); len(again) != 2 || n != 1 {
		t.Errorf("told again: %d rows in %d manifests", len(again), n)
	}
	b.put(with(t, map[string]any{"version": 4, "from": "sending", "to": "accepted"}), with(t, map[string]any{"reason": "another wording"}))
	once(2)
	all, manifests := held(t, l)
	signs := map[string]int{}
	for _, row := range all {
		signs[row["version"]]++
	}
	if manifests != 2 || !maps.Equal(signs, map[string]int{"1": 1, "3": 3, "4": 1}) { // the first wording, its retraction, and the second
		t.Errorf("%d manifests, rows by version %v", manifests, signs)
	}
}

// A line that cannot be read stops the drain: nothing of its batch is in the
// lake, nothing is settled, and the error says which delivery it is.
func TestALineThatCannotBeReadStaysInTheInbox(t *testing.T) {
	b, d, l := drained(t)
	b.put([]byte(written), with(t, map[string]any{"account": "996555987654"}))
	n, err := d.Once(t.Context())
	if n != 0 || !errors.Is(err, ErrLine) || !strings.Contains(err.Error(), "delivery 2: account") || strings.Contains(err.Error(), "996555") {
		t.Errorf("%d drained: %v", n, err)
	}
	if rows, _ := held(t, l); len(rows) != 0 || len(b.settled) != 0 {
		t.Errorf("%d rows, %d settled", len(rows), len(b.settled))
	}
}
