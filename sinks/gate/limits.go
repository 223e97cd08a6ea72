package gate

import (
	"errors"
	"fmt"

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
	if used == 0 {
		return fmt.Errorf("%s of %s is above %s, which is %s (%w)", o.Amount(), o.Key, name, FormatAmount(bound, o.Currency), ErrLimit)
	}
	return fmt.Errorf("%s of %s is above %s, which is %s, of which %s are committed today (%w)", o.Amount(), o.Key, name, FormatAmount(bound, o.Currency), FormatAmount(used, o.Currency), ErrLimit)
}
