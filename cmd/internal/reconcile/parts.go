package reconcile

import (
	"cmp"
	"context"
	"slices"
)

// listRows lists the rows behind the expectations that do not agree, as the
// warehouse shows them: those that are the difference itself first, then by day.
func (r *Report) listRows(ctx context.Context, in Input, expected []Expectation, warehouse *book) error {
	var wrong []Expectation
	var verdicts []*Verdict
	for n := range r.Expectations {
		if v := &r.Expectations[n]; !v.Agrees {
			wrong, verdicts = append(wrong, expected[n]), append(verdicts, v)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	index := newGroups(wrong)
	err := in.Warehouse.Rows(ctx, func(row *Row, _ int) error {
		one, err := row.sums()
		if err != nil {
			return err
		}
		if row.silent() && warehouse.silent[row.RowID] != nil {
			one.Refunds = -row.Amount
		}
		index.each(row.key(), func(n int) {
			v := verdicts[n]
			minor, rows := one.Of(v.What)
			if minor == 0 && rows == 0 {
				return
			}
			v.list(row, minor, in.List)
		})
		return nil
	})
	for _, v := range verdicts {
		v.first(in.List)
	}
	return err
}

// list keeps a row if it can be among the first; twice as many as are listed
// are held at a time.
func (v *Verdict) list(row *Row, minor int64, list int) {
	v.Unlisted++
	if list == 0 {
		return
	}
	clone := row.Clone()
	gap := v.Difference()
	v.Rows = append(v.Rows, Part{Source: clone.Source, Wallet: clone.Wallet, ID: clone.ID, RowState: *stateOf(&clone, 1), CountsMinor: minor,
		Exact: gap != 0 && (minor == gap || minor == -gap)})
	v.Unlisted--
	if len(v.Rows) >= 2*list+64 {
		v.first(list)
	}
}

func (v *Verdict) first(n int) {
	slices.SortFunc(v.Rows, func(a, b Part) int {
		if a.Exact != b.Exact {
			if a.Exact {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Date, b.Date), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Wallet, b.Wallet), cmp.Compare(a.ID, b.ID))
	})
	kept := min(n, len(v.Rows))
	v.Unlisted += int64(len(v.Rows) - kept)
	v.Rows = v.Rows[:kept]
}
