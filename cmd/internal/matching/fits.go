package matching

import (
	"errors"
	"fmt"
	"math"
)

// ErrMoney is wrapped by what cannot be the same money.
var ErrMoney = errors.New("this cannot be the same money")

// Fits says why rows of two sides cannot be the same money; nil where they can:
// one row on one side, the same currency, money that moved on both, and the
// amounts of the one side add up to that of the other, signs aside.
func Fits(left, right []*found) error {
	if len(left) == 0 || len(right) == 0 || len(left) > 1 && len(right) > 1 {
		return fmt.Errorf("%d rows and %d rows: one side has to be one row: %w", len(left), len(right), ErrMoney)
	}
	sum := func(rows []*found) (n int64, err error) {
		for _, f := range rows {
			switch {
			case f.Currency != left[0].Currency:
				return 0, fmt.Errorf("%s is in %s, %s in %s: %w", left[0].Key, left[0].Currency, f.Key, f.Currency, ErrMoney)
			case !f.moved:
				return 0, fmt.Errorf("%s moved no money: it is pending or failed: %w", f.Key, ErrMoney)
			case f.Amount > math.MaxInt64-n:
				return 0, fmt.Errorf("the amounts add up to more than there can be: %w", ErrMoney)
			}
			n += f.Amount
		}
		return n, nil
	}
	a, err := sum(left)
	if err != nil {
		return err
	}
	b, err := sum(right)
	if err != nil {
		return err
	}
	if a != b {
		return fmt.Errorf("%d on the one side and %d on the other, minor units of %s: %w", a, b, left[0].Currency, ErrMoney)
	}
	return nil
}
