package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Limits bound what may be sent, in minor units by currency. What is absent is
// 0, and 0 allows nothing.
type Limits struct {
	Payment     map[string]int64 // one payment
	Beneficiary map[string]int64 // to one provider_code in a day, by all jobs of the tenant
	Day         map[string]int64 // by one job in a day
	Tenant      map[string]int64 // by all jobs of the tenant in a day
}

// ErrLimit is returned for a payment that would exceed a limit.
var ErrLimit = errors.New("above a limit")

// Allow says whether an order may be sent beside what was committed already on
// its day. The error wraps ErrLimit and names the limit.
func (l Limits) Allow(o Order, used []Used) error {
	if err := within("limits.payment", l.Payment, o, 0); err != nil {
		return err
	}
	var beneficiary, day, tenant int64
	var err [3]error
	for _, u := range used {
		if u.Tenant != o.Tenant || u.Currency != o.Currency {
			continue
		}
		tenant, err[0] = schemas.AddMinor(tenant, u.Minor)
		if u.ProviderCode == o.ProviderCode {
			beneficiary, err[1] = schemas.AddMinor(beneficiary, u.Minor)
		}
		if u.Job == o.Job {
			day, err[2] = schemas.AddMinor(day, u.Minor)
		}
		if e := errors.Join(err[:]...); e != nil {
			return fmt.Errorf("%w: what was committed today cannot be summed: %w", ErrLimit, e)
		}
	}
	return errors.Join(
		within("limits.beneficiary", l.Beneficiary, o, beneficiary),
		within("limits.day", l.Day, o, day),
		within("limits.tenant", l.Tenant, o, tenant))
}

func within(name string, limit map[string]int64, o Order, used int64) error {
	sum, err := schemas.AddMinor(used, o.AmountMinor)
	bound := limit[o.Currency]
	if err == nil && sum <= bound {
		return nil
	}
	return excess{name, bound, used, o}
}

// excess is a payment above a limit. It wraps ErrLimit.
type excess struct {
	name        string
	bound, used int64
	order       Order
}

func (e excess) Error() string {
	o := e.order
	if e.used == 0 {
		return fmt.Sprintf("%s of %s is above %s, which is %s (%v)", o.Amount(), o.Key, e.name, FormatAmount(e.bound, o.Currency), ErrLimit)
	}
	return fmt.Sprintf("%s of %s is above %s, which is %s, of which %s are committed today (%v)", o.Amount(), o.Key, e.name, FormatAmount(e.bound, o.Currency), FormatAmount(e.used, o.Currency), ErrLimit)
}

func (excess) Unwrap() error { return ErrLimit }

// Above says in one sentence which of some intents could not be sent as limits
// stand: by themselves, or after those before them and what is committed
// already. Empty: all could.
func Above(list []Intent, limits func(job string) Limits, used []Used) string {
	used = slices.Clone(used)
	var above []Intent
	var names []string
	for _, it := range list {
		o := it.Order
		err := limits(o.Job).Allow(o, used)
		if err == nil {
			used = append(used, Used{o.Tenant, o.Job, o.ProviderCode, o.Currency, o.AmountMinor})
			continue
		}
		above = append(above, it)
		if e, ok := errors.AsType[excess](err); ok && !slices.Contains(names, e.name+" of "+FormatAmount(e.bound, o.Currency)) {
			names = append(names, e.name+" of "+FormatAmount(e.bound, o.Currency))
		}
	}
	if len(above) == 0 {
		return ""
	}
	total := "a sum that is too large"
	if b, err := BatchOf(above); err == nil {
		total = b.TotalsText()
	}
	return fmt.Sprintf("as limits stand, %d of %d payments, %s, could not be sent today: above %s", len(above), len(list), total, strings.Join(names, ", "))
}
