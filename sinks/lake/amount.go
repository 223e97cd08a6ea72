package lake

import (
	"fmt"
	"math/big"
	"math/bits"
)

// Amount is a sum of minor units. It has 128 bits, because a sum of valid
// amounts may not fit int64, and a control total that wraps around would prove
// nothing. In JSON it is a string.
type Amount struct {
	hi int64
	lo uint64
}

// Add returns a + v.
func (a Amount) Add(v int64) Amount { return a.Plus(Amount{hi: v >> 63, lo: uint64(v)}) }

// Plus returns a + b.
func (a Amount) Plus(b Amount) Amount {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return Amount{hi: a.hi + b.hi + int64(carry), lo: lo}
}

// Minus returns a - b.
func (a Amount) Minus(b Amount) Amount {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return Amount{hi: a.hi - b.hi - int64(borrow), lo: lo}
}

// Int64 returns the amount and whether it fits.
func (a Amount) Int64() (int64, bool) { return int64(a.lo), a.hi == int64(a.lo)>>63 }

// Big returns the amount as a big integer.
func (a Amount) Big() *big.Int {
	v := new(big.Int).Lsh(big.NewInt(a.hi), 64)
	return v.Add(v, new(big.Int).SetUint64(a.lo))
}

// String is the amount in decimal digits.
func (a Amount) String() string { return a.Big().String() }

// MarshalText makes an amount a JSON string.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads decimal digits.
func (a *Amount) UnmarshalText(text []byte) error {
	v, ok := new(big.Int).SetString(string(text), 10)
	if !ok || v.BitLen() > 126 {
		return fmt.Errorf("%q is not an amount in minor units", text)
	}
	a.lo = new(big.Int).And(v, new(big.Int).SetUint64(1<<64-1)).Uint64()
	a.hi = new(big.Int).Rsh(v, 64).Int64()
	return nil
}
