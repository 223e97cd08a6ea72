package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// moneyCurrencies have 0, 2, 3 and 4 fraction digits.
var moneyCurrencies = []string{"AZN", "KGS", "JPY", "KWD", "CLF"}

// amountText is the nth amount as an upstream writes it, and its currency: every
// length, both signs, the ends of the range, trailing zeros or none.
func amountText(n int) (text, currency string) {
	r := rand.New(rand.NewPCG(uint64(n), 11))
	currency = moneyCurrencies[r.IntN(len(moneyCurrencies))]
	exponent, _ := schemas.Exponent(currency)
	whole := int64(0)
	if digits := r.IntN(17); digits > 0 {
		low := int64(1)
		for range digits - 1 {
			low *= 10
		}
		whole = low + r.Int64N(9*low)
		if r.IntN(20) == 0 {
			whole = 10*low - 1
		}
	}
	switch exponent { // 16 digits with three or four behind the point are more than int64 holds
	case 3:
		whole %= 9_200_000_000_000_000
	case 4:
		whole %= 920_000_000_000_000
	}
	text = strconv.FormatInt(whole, 10)
	if n := r.IntN(exponent + 1); n > 0 {
		text += "."
		for range n {
			text += strconv.Itoa(r.IntN(10))
		}
	}
	if r.IntN(2) == 0 {
		text = "-" + text
	}
	return text, currency
}

// moneyRecord is the rows of the amounts from the nth on.
func moneyRecord(t testing.TB, from, rows int, at time.Time) arrow.Record {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schemas.Ledger.ArrowSchema())
	defer b.Release()
	b.Reserve(rows)
	for n := from; n < from+rows; n++ {
		text, currency := amountText(n)
		exponent, err := schemas.Exponent(currency)
		if err != nil {
			t.Fatal(err)
		}
		minor, err := schemas.ParseMinor([]byte(text), exponent)
		if err != nil {
			t.Fatalf("amount %d, %q %s: %v", n, text, currency, err)
		}
		for i, f := range schemas.Ledger.Fields {
			var v any
			switch f.Name {
			case "source":
				v = "mpay"
			case "wallet_id":
				v = "wlt_1"
			case "entry_id":
				v = strconv.Itoa(n)
			case "posted_at", "business_date":
				v = at
			case "status":
				v = "posted"
			case "amount_minor":
				v = minor
			case "currency":
				v = currency
			}
			appendField(b.Field(i), f, v)
		}
	}
	return b.NewRecord()
}

// Amounts go from text to minor units, Parquet, ClickHouse and back to text: none
// changes, whether ClickHouse fetches the objects or is sent the columns.
// PAYLAKE_TEST_AMOUNTS=10000000 for the large size.
func TestMoneyRoundTrip(t *testing.T) {
	total, batch := 20_000, 5000
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_AMOUNTS")); err == nil {
		total, batch = n, min(n, 250_000)
	}
	c := newClock()
	l := newLake(t, c)
	warehouses := []*Warehouse{open(t, l, c, false), open(t, l, c, true)}
	compared, negative, different := 0, 0, 0
	for day, from := 0, 0; from < total; day, from = day+1, from+batch {
		rows := min(batch, total-from)
		spool := sinks.NewSpool(schemas.Ledger.ArrowSchema(), t.TempDir(), 0)
		if err := spool.Append(moneyRecord(t, from, rows, day0.AddDate(0, 0, day).Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		commit(t, l, sinks.Part{Stream: schemas.Stream{Source: "mpay", Wallet: "wlt_1", Table: schemas.Ledger}, Window: days(day, 1), Final: true, Rows: spool})
		w := warehouses[day%len(warehouses)] // each follows all, and shows every other batch
		follow(t, w)
		got := ask(t, w, fmt.Sprintf("SELECT entry_id, amount_minor, toString(amount), currency FROM ledger WHERE business_date = '%s'", day0.AddDate(0, 0, day).Format(time.DateOnly)))
		if len(got) != rows {
			t.Fatalf("%d rows of %d", len(got), rows)
		}
		for _, r := range got {
			n, err := strconv.Atoi(r[0])
			if err != nil || n < from || n >= from+rows {
				t.Fatalf("a row that was not written: %v", r)
			}
			text, currency := amountText(n)
			exponent, _ := schemas.Exponent(currency)
			want, err := schemas.ParseMinor([]byte(text), exponent)
			back, berr := schemas.ParseMinor([]byte(r[2]), exponent)
			if err != nil || berr != nil || r[1] != strconv.FormatInt(want, 10) || back != want || r[3] != currency {
				if different++; different < 10 {
					t.Errorf("%s %s is %d, and came back as %s minor units, %s %s (%v)", text, currency, want, r[1], r[2], r[3], berr)
				}
			}
			if compared++; want < 0 {
				negative++
			}
		}
	}
	if compared != total || different > 0 || negative < total/3 {
		t.Errorf("%d of %d amounts compared, %d negative, %d different", compared, total, negative, different)
	}
	t.Logf("%d amounts, %d negative, %d different", compared, negative, different)
}
