package lake

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

var day0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// ledgerRow is a statement row of a test.
type ledgerRow struct {
	wallet, id string
	at         time.Time
	amount     int64
	balance    *int64
	provider   string
	status     string
	reference  string
}

type ledgerSpec struct {
	rows, pageRows int
	wallet         string
	from           time.Time
	step           time.Duration
	seed           uint64
}

func ptr[T any](v T) *T { return &v }

// ledgerRows generates a statement whose balances follow from each other.
func ledgerRows(s ledgerSpec) []ledgerRow {
	if s.wallet == "" {
		s.wallet = "wlt_1"
	}
	if s.from.IsZero() {
		s.from = day0
	}
	if s.step == 0 {
		s.step = 3 * time.Second
	}
	rng := rand.New(rand.NewPCG(s.seed, 7))
	rows := make([]ledgerRow, s.rows)
	balance := int64(1_000_000)
	for i := range rows {
		amount := -int64(rng.IntN(9000) + 1)
		if i%17 == 0 {
			amount = int64(rng.IntN(90000) + 1)
		}
		balance += amount
		rows[i] = ledgerRow{wallet: s.wallet, id: fmt.Sprintf("led_%s_%08x", s.wallet, i), at: s.from.Add(time.Duration(i) * s.step),
			amount: amount, balance: ptr(balance), provider: fmt.Sprintf("prov_%02d", rng.IntN(40)), status: "posted",
			reference: fmt.Sprintf("REF%010d", rng.IntN(1e9))}
	}
	return rows
}

func ledgerRecord(rows []ledgerRow) arrow.Record { return ledgerRecordOf(schemas.Ledger, rows) }

func ledgerRecordOf(t *schemas.Table, rows []ledgerRow) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	for i := range rows {
		r := &rows[i]
		for c, f := range t.Fields {
			appendLedger(b.Field(c), f, r)
		}
	}
	return b.NewRecord()
}

func appendLedger(b array.Builder, f schemas.Field, r *ledgerRow) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(ledgerText(f.Name, r))
	case *array.Int32Builder:
		b.Append(14400)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(r.at.UnixMicro()))
	case *array.Date32Builder:
		b.Append(arrow.Date32(schemas.NewZone(time.UTC).BusinessDate(r.at.UnixMicro())))
	case *array.Int64Builder:
		switch {
		case f.Name == "amount_minor":
			b.Append(r.amount)
		case f.Name == "balance_after_minor" && r.balance != nil:
			b.Append(*r.balance)
		case f.Nullable:
			b.AppendNull()
		default:
			b.Append(0)
		}
	}
}

func ledgerText(column string, r *ledgerRow) string {
	switch column {
	case "source":
		return "mpay"
	case "wallet_id":
		return r.wallet
	case "entry_id":
		return r.id
	case "type":
		return "bill_pay"
	case "currency":
		return "AZN"
	case "provider_code":
		return r.provider
	case "channel":
		return "card"
	case "status":
		return r.status
	case "external_reference":
		return r.reference
	case "subscriber_ref":
		return "0012" + r.id
	case "session_id":
		return "ses_1"
	}
	return ""
}

func ledgerRecords(tb testing.TB, s ledgerSpec) []arrow.Record {
	tb.Helper()
	rows := ledgerRows(s)
	var recs []arrow.Record
	for len(rows) > 0 {
		n := min(s.pageRows, len(rows))
		recs = append(recs, ledgerRecord(rows[:n]))
		rows = rows[n:]
	}
	return recs
}
