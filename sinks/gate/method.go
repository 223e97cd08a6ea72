package gate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Method says what a payment method can do when a payment is initiated.
type Method struct {
	Operations []string // in the platform's words
	Currency   string
	Min, Max   int64         // minor units of Currency, both allowed
	Base       time.Duration // after which a result is usually there
	Threshold  time.Duration // after which the platform has declined what is undecided
	Code       time.Duration // how long the payer's approval code is good for
}

// methods is the capability table: what is not in it is refused.
var methods = map[string]Method{
	"mbank": {Operations: []string{"sale"}, Currency: "KGS", Min: 50_00, Max: 50_000_00, Base: time.Minute, Threshold: time.Hour, Code: time.Hour},
}

// ErrMethod is returned for what a payment method cannot do.
var ErrMethod = errors.New("the method cannot do that")

// MethodNamed finds a method; the error names those that there are.
func MethodNamed(name string) (Method, error) {
	m, ok := methods[name]
	if !ok {
		return Method{}, fmt.Errorf("no payment can be initiated by %q (%w); there is %s", name, ErrMethod, strings.Join(slices.Sorted(maps.Keys(methods)), ", "))
	}
	return m, nil
}

// CheckOperation refuses an operation that a method does not have.
func CheckOperation(method, operation string) error {
	m, err := MethodNamed(method)
	if err != nil {
		return err
	}
	if !slices.Contains(m.Operations, operation) {
		return fmt.Errorf("%s has no operation %q (%w); it has %s alone", method, operation, ErrMethod, strings.Join(m.Operations, ", "))
	}
	return nil
}

// CheckMethod refuses an order that its method cannot carry out.
func CheckMethod(o Order) error {
	if err := CheckOperation(o.Method, o.Operation); err != nil {
		return err
	}
	m := methods[o.Method]
	switch {
	case o.Currency != m.Currency:
		return fmt.Errorf("%s takes %s, not %s (%w)", o.Method, m.Currency, o.Currency, ErrMethod)
	case o.AmountMinor < m.Min || o.AmountMinor > min(m.Max, maxAmount):
		return fmt.Errorf("%s takes %s to %s, not %s (%w)", o.Method, FormatAmount(m.Min, m.Currency), FormatAmount(m.Max, m.Currency), o.Amount(), ErrMethod)
	}
	return nil
}
