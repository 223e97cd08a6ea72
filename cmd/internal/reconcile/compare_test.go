package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

func compare(t *testing.T, lake, warehouse *memory, csv string) Report {
	t.Helper()
	in := Input{Lake: lake, Warehouse: warehouse, File: "totals.csv", Known: known(), List: 20}
	if csv != "" {
		var err error
		if in.Lines, err = ReadLines("totals.csv", []byte(csv)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Compare(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The words of spend_by_provider, of debit and of credit.
func TestWhatRowsCountFor(t *testing.T) {
	with := func(id, kind, status string, minor int64) Row {
		return of(paid(id, "wlt_1", "AZERSU_RES", -minor), func(r *Row) { r.Type, r.Status = kind, status })
	}
	side := sideOf(
		with("bill", "bill_pay", "posted", -1000), with("fee", "fee", "posted", -50), with("waits", "bill_pay", "pending", -7),
		with("odd", "bill_pay", "held", -3), with("back", "bill_pay", "reversed", -200), with("silently", "bill_pay", "reversed", -300),
		of(with("reversal", "reversal", "posted", 200), func(r *Row) { r.ReversalOf = "back" }),
		with("refund", "refund", "posted", 100), with("topup", "topup", "posted", 5000), with("out", "transfer_out", "posted", -900), with("wrong", "refund", "posted", -1),
	)
	r := compare(t, side, side.clone(), `what,amount_minor,count
spend,1550,4
refunds,600,2
net,950,6
debit,2454,7
credit,5300,3
`)
	for _, v := range r.Expectations {
		if !v.Agrees {
			t.Errorf("%+v", v)
		}
	}
	if !r.Agrees || r.LakeRows != 11 {
		t.Errorf("%+v", r)
	}

	t.Run("a reversal of a later month", func(t *testing.T) {
		later := side.clone()
		later.later = []RowID{{"mpay", "wlt_1", "silently"}}
		if r := compare(t, later, later.clone(), "what,amount_minor\nrefunds,300\n"); !r.Agrees {
			t.Errorf("%+v", r.Expectations)
		}
		later.later = []RowID{{"mpay", "wlt_2", "silently"}, {"other", "wlt_1", "silently"}} // of others: no reversal of this one
		if r := compare(t, later, later.clone(), "what,amount_minor\nrefunds,600\n"); !r.Agrees {
			t.Errorf("%+v", r.Expectations)
		}
	})
}

// What the lake takes back does not count, in whatever order it comes.
func TestRetractions(t *testing.T) {
	old, now := paid("a", "wlt_1", "AZERSU_RES", 1000), paid("a", "wlt_1", "AZERSU_RES", 1200)
	reversed := of(now, func(r *Row) { r.Status = "reversed" })
	gone := paid("b", "wlt_1", "AZERIQAZ_RES", 5)
	rows := []signed{{old, 1}, {old, -1}, {now, 1}, {now, -1}, {reversed, 1}, {gone, 1}, {gone, -1}}
	for range 2 {
		lake := &memory{rows: rows}
		r := compare(t, lake, sideOf(reversed), "what,amount_minor,count\nspend,1200,1\nrefunds,1200,0\n")
		if !r.Agrees || r.LakeRows != 1 || len(r.Unexpected) > 0 {
			t.Errorf("%+v", r)
		}
		slices.Reverse(rows)
	}
	if _, err := Compare(t.Context(), Input{Lake: &memory{rows: []signed{{old, -1}}}, Warehouse: sideOf(), Known: known()}); err == nil {
		t.Error("a lake that takes more back than it has is taken for right")
	}
}

func TestCompareFinds(t *testing.T) {
	a, b, c := paid("a", "wlt_1", "AZERSU_RES", 1000), paid("b", "wlt_1", "MOB_AZERCELL", 500), paid("c", "wlt_2", "AZERSU_RES", 3740)
	all := sideOf(a, b, c)
	t.Run("agrees", func(t *testing.T) {
		if r := compare(t, all, all.clone(), ""); !r.Agrees || len(r.Unexpected) > 0 {
			t.Errorf("%+v", r)
		}
		if r := compare(t, all, all.clone(), "provider_code,amount\nAZERSU_RES,47.40\nMOB_AZERCELL,5.00\n"); !r.Agrees {
			t.Errorf("%+v", r)
		}
		if r := compare(t, all, all.clone(), "wallet,category,amount\n,,52.4\nwlt_1,,15\nwlt_2,utilities,37.40\n"); !r.Agrees {
			t.Errorf("%+v", r)
		}
	})
	t.Run("an expectation", func(t *testing.T) {
		r := compare(t, all, all.clone(), "provider_code,amount,count\nAZERSU_RES,10.00,\nMOB_AZERCELL,5.00,2\n")
		v := r.Expectations[0]
		if r.Agrees || v.Agrees || v.Difference() != 3740 || len(v.Rows) != 2 || v.Rows[0].ID != "c" || !v.Rows[0].Exact || v.Rows[1].Exact || v.Unlisted != 0 {
			t.Errorf("%+v", v)
		}
		if v := r.Expectations[1]; v.Agrees || v.Difference() != 0 || len(v.Rows) != 1 || v.Rows[0].Exact {
			t.Errorf("a count: %+v", v)
		}
	})
	t.Run("money that no line is about", func(t *testing.T) {
		r := compare(t, all, all.clone(), "provider_code,amount\nAZERSU_RES,47.40\n")
		if len(r.Unexpected) != 1 || r.Agrees || r.Unexpected[0].Provider != "MOB_AZERCELL" || r.Unexpected[0].LakeMinor != 500 || r.Unexpected[0].Wallet != "" {
			t.Errorf("%+v", r.Unexpected)
		}
		r = compare(t, all, all.clone(), "provider_code,what,amount\nAZERSU_RES,net,47.40\nMOB_AZERCELL,net,5\n")
		if !r.Agrees {
			t.Errorf("net speaks of spend: %+v", r.Unexpected)
		}
		r = compare(t, all, all.clone(), "wallet,amount\nwlt_2,37.40\n")
		if len(r.Unexpected) != 2 || r.Unexpected[0].Wallet != "wlt_1" {
			t.Errorf("by wallet, because the file is: %+v", r.Unexpected)
		}
	})
	t.Run("rows", func(t *testing.T) {
		other := of(b, func(r *Row) { r.Amount++ })
		r := compare(t, sideOf(a, b), sideOf(other, c, c), "amount,provider_code\n47.40,AZERSU_RES\n5,MOB_AZERCELL\n")
		d := r.Differences
		if d.OnlyLake != 1 || d.OnlyWarehouse != 1 || d.Changed != 1 || len(d.Rows) != 3 || d.Unlisted != 0 || r.Agrees {
			t.Fatalf("%+v", d)
		}
		if d.Rows[0].ID != "a" || d.Rows[0].Warehouse != nil || d.Rows[1].Lake.AmountMinor != -500 || d.Rows[1].Warehouse.AmountMinor != -499 || d.Rows[2].Warehouse.Times != 2 {
			t.Errorf("%+v", d.Rows)
		}
	})
	t.Run("rows that are doubled, each side its own", func(t *testing.T) {
		other := of(b, func(r *Row) { r.Amount++ })
		if r := compare(t, sideOf(b, b), sideOf(other, other), ""); r.Differences.Changed != 1 {
			t.Errorf("%+v", r.Differences)
		}
	})
	t.Run("a lake that is wrong alone", func(t *testing.T) {
		r := compare(t, sideOf(a), sideOf(of(a, func(r *Row) { r.Amount = -900 })), "amount\n9\n")
		if v := r.Expectations[0]; v.Agrees || v.Difference() != 100 {
			t.Errorf("%+v", v)
		}
		half := of(a, func(r *Row) { r.Amount = -500 })
		r = compare(t, sideOf(a), sideOf(half, of(half, func(r *Row) { r.ID = "a2" })), "amount,count\n10,1\n")
		if v := r.Expectations[0]; v.Agrees || v.Difference() != 0 {
			t.Errorf("a count of the warehouse alone: %+v", v)
		}
	})
	t.Run("a net beside a spend", func(t *testing.T) {
		if r := compare(t, all, all.clone(), "provider_code,what,amount\nAZERSU_RES,net,47.40\nMOB_AZERCELL,spend,5\n"); !r.Agrees {
			t.Errorf("%+v", r.Unexpected)
		}
	})
	t.Run("a payment that came back silently", func(t *testing.T) {
		back := sideOf(of(a, func(r *Row) { r.Status = "reversed" }), b)
		r := compare(t, back, back.clone(), "what,amount\nrefunds,0\n")
		if v := r.Expectations[0]; v.Agrees || len(v.Rows) != 1 || v.Rows[0].ID != "a" || v.Rows[0].CountsMinor != 1000 || !v.Rows[0].Exact {
			t.Errorf("%+v", v)
		}
	})
	t.Run("what is published", func(t *testing.T) {
		in := Input{Lake: all, Warehouse: all.clone(), Known: known(), Published: func(context.Context) (map[Key]Sums, error) {
			return map[Key]Sums{{Provider: "AZERSU_RES", Category: "utilities", Currency: "AZN"}: {Spend: 4740, SpendRows: 2},
				{Provider: "MOB_AZERCELL", Category: "mobile", Currency: "AZN"}: {Spend: 501, SpendRows: 1}}, nil
		}}
		r, err := Compare(t.Context(), in)
		if err != nil || len(r.Published) != 1 || r.Published[0].PublishedMinor != 501 || r.Published[0].LedgerMinor != 500 || r.Agrees {
			t.Errorf("%+v %v", r.Published, err)
		}
	})
	t.Run("a code that is not in the catalogue", func(t *testing.T) {
		own := sideOf(of(a, func(r *Row) { r.Provider = "NEW" }))
		if r := compare(t, own, own.clone(), "provider_code,amount\nNEW,10\n"); !r.Agrees {
			t.Errorf("%+v", r)
		}
	})
	t.Run("rows without a provider", func(t *testing.T) {
		fee := sideOf(of(a, func(r *Row) { r.Provider, r.Category, r.Type = "", "", "fee" }), b)
		if r := compare(t, fee, fee.clone(), "provider_code,amount\n-,10\nMOB_AZERCELL,5\n"); !r.Agrees {
			t.Errorf("%+v", r)
		}
	})
}

// However much differs, no more is listed than is asked for, and all is counted.
func TestListsAreBounded(t *testing.T) {
	lake := &memory{}
	for i := range 1000 {
		lake.rows = append(lake.rows, signed{paid("r"+string(rune('a'+i%26))+strings.Repeat("x", i/26), "wlt_1", "AZERSU_RES", 10), 1})
	}
	for _, list := range []int{0, 3} {
		lines := []Line{{At: 2, What: Spend, Amount: "1"}}
		r, err := Compare(t.Context(), Input{Lake: sideOf(), Warehouse: lake, Known: known(), Lines: lines, List: list})
		if err != nil {
			t.Fatal(err)
		}
		if d := r.Differences; len(d.Rows) != list || d.Unlisted != int64(1000-list) || d.OnlyWarehouse != 1000 {
			t.Errorf("%d: %+v", list, d)
		}
		if v := r.Expectations[0]; len(v.Rows) != list || v.Unlisted != int64(1000-list) || list > 0 && v.Rows[0].ID != "ra" {
			t.Errorf("%d: %d rows, %d unlisted", list, len(v.Rows), v.Unlisted)
		}
	}
}

// A sum that does not fit is an error, and never another sum.
func TestSumsDoNotWrapAround(t *testing.T) {
	big := sideOf(paid("a", "wlt_1", "AZERSU_RES", math.MaxInt64), paid("b", "wlt_1", "AZERSU_RES", 1))
	if _, err := Compare(t.Context(), Input{Lake: big, Warehouse: sideOf(), Known: known()}); !errors.Is(err, schemas.ErrAmountRange) {
		t.Error(err)
	}
	apart := sideOf(paid("a", "wlt_1", "AZERSU_RES", math.MaxInt64), paid("b", "wlt_2", "AZERSU_RES", 1))
	lines := []Line{{At: 2, Provider: "AZERSU_RES", What: Spend, Amount: "1"}}
	if _, err := Compare(t.Context(), Input{Lake: apart, Warehouse: sideOf(), Known: known(), Lines: lines}); !errors.Is(err, schemas.ErrAmountRange) {
		t.Error(err)
	}
	least := sideOf(of(paid("a", "wlt_1", "AZERSU_RES", 1), func(r *Row) { r.Amount = math.MinInt64 }))
	if _, err := Compare(t.Context(), Input{Lake: least, Warehouse: sideOf(), Known: known()}); !errors.Is(err, schemas.ErrAmountRange) {
		t.Error(err)
	}
}

// The JSON form is documented; its names do not change.
func TestReportForm(t *testing.T) {
	a := paid("a", "wlt_1", "AZERSU_RES", 1000)
	r := compare(t, sideOf(a), sideOf(), "amount\n9\n")
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"period":"","from":"","to":"","agrees":false,"accepted":0,"snapshot":0,"warehouse_snapshot":0,"lake_rows":1,"warehouse_rows":0,` +
		`"expectations":[{"line":2,"wallet_id":"","provider_code":"","category":"","currency":"AZN","what":"spend","expected_minor":"900","expected_rows":null,` +
		`"lake_minor":"1000","warehouse_minor":"0","lake_rows":1,"warehouse_rows":0,"agrees":false,"finding_id":"fnd_3d44500d75ac4fba","accepted":null,"rows":[],"unlisted":0}],"unexpected":[],` +
		`"differences":{"only_lake":1,"only_warehouse":0,"changed":0,"rows":[{"source":"mpay","wallet_id":"wlt_1","entry_id":"a",` +
		`"lake":{"business_date":"2026-03-04","type":"bill_pay","status":"posted","provider_code":"AZERSU_RES","category":"utilities","currency":"AZN","amount_minor":"-1000"},` +
		`"warehouse":null,"finding_id":"fnd_12ba0db6037ee74e"}],"unlisted":0},"published":[],"unread":[],"ambiguous_matches":0}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}
