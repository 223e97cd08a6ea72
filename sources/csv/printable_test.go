package csv

import "testing"

// Every byte, wherever it stands in a field, is printable or not as it is alone.
func TestPrintable(t *testing.T) {
	for _, around := range []byte{' ', '0', '~', 'a'} {
		for n := range 20 {
			for at := range n {
				for c := range 256 {
					b := make([]byte, n)
					for i := range b {
						b[i] = around
					}
					b[at] = byte(c)
					if want := c >= 0x20 && c < 0x7f; printable(b) != want {
						t.Fatalf("%#x at %d of %d between %q: %t", c, at, n, around, !want)
					}
				}
			}
		}
	}
}
