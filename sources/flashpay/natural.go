package flashpay

import "cmp"

// natural compares two texts in PHP's natural order (strnatcmp), in which the
// platform sorts the paths that it signs: runs of digits count as numbers,
// except that a run beginning with 0 is compared digit by digit; white space
// is skipped; leading zeros of the whole text are skipped.
//
// What both texts have in common at their beginning compares equal, so only
// what follows the last common non-digit is looked at: paths of one array
// share most of their bytes.
func natural(a, b []byte) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(len(a), len(b))
	}
	m := 0
	for m < len(a) && m < len(b) && a[m] == b[m] {
		m++
	}
	for m > 0 && (isDigit(a[m-1]) || isSpace(a[m-1])) {
		m--
	}
	if m == 0 {
		return naturalFrom(a, b, leadingZeros(a), leadingZeros(b))
	}
	if m == len(a) || m == len(b) {
		return cmp.Compare(len(a), len(b))
	}
	return naturalFrom(a, b, m, m)
}

func naturalFrom(a, b []byte, i, j int) int {
	for {
		i, j = skipSpace(a, i), skipSpace(b, j)
		if isDigit(at(a, i)) && isDigit(at(b, j)) {
			n, m := digitRun(a, i), digitRun(b, j)
			if c := compareRuns(a[i:n], b[j:m]); c != 0 {
				return c
			}
			i, j = n, m
			if i == len(a) || j == len(b) {
				return cmp.Compare(len(a)-i, len(b)-j)
			}
		}
		if c := cmp.Compare(at(a, i), at(b, j)); c != 0 {
			return c
		}
		i, j = i+1, j+1
		if endA, endB := i >= len(a), j >= len(b); endA || endB {
			switch {
			case endA && endB:
				return 0
			case endA:
				return -1
			}
			return 1
		}
	}
}

// compareRuns compares two runs of digits: by value, the longer one being the
// greater, unless one begins with 0 (a fraction): then digit by digit.
func compareRuns(a, b []byte) int {
	if a[0] != '0' && b[0] != '0' && len(a) != len(b) {
		return cmp.Compare(len(a), len(b))
	}
	for k := 0; k < len(a) && k < len(b); k++ {
		if a[k] != b[k] {
			return cmp.Compare(a[k], b[k])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// at is the byte at i, or the 0 that ends a C string.
func at(s []byte, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

func leadingZeros(s []byte) int {
	i := 0
	for i+1 < len(s) && s[i] == '0' && isDigit(s[i+1]) {
		i++
	}
	return i
}

func skipSpace(s []byte, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

func digitRun(s []byte, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }
