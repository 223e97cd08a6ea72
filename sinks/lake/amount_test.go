package lake

import (
	"fmt"
	"testing"
)

func TestAmount(t *testing.T) {
	var a Amount
	for range 40 {
		a = a.Add(9_000_000_000_000_000_000)
	}
	var back Amount
	if err := back.UnmarshalText([]byte(a.String())); err != nil || back != a || a.String() != "360000000000000000000" {
		t.Fatal(a, back, err)
	}
	neg := Amount{}.Minus(a).Add(-1)
	if err := back.UnmarshalText([]byte(neg.String())); err != nil || back != neg || neg.String() != "-360000000000000000001" {
		t.Fatal(neg, back, err)
	}
	if v, ok := (Amount{}).Add(-5).Int64(); !ok || v != -5 {
		t.Fatal(v, ok)
	}
	if _, ok := a.Int64(); ok {
		t.Fatal("it does not fit")
	}
	if err := back.UnmarshalText([]byte("1e3")); err == nil {
		t.Fatal("1e3 is not an amount")
	}
}

func ExampleAmount() {
	fmt.Println(Amount{}.Add(-3740).Plus(Amount{}.Add(40)))
	// Output: -3700
}
