package lake

import "unsafe"

// castSlice views a slice of one fixed-width type as another of the same
// width, such as Arrow's timestamps as int64, without copying.
func castSlice[To, From any](v []From) []To {
	if len(v) == 0 {
		return nil
	}
	var t To
	if unsafe.Sizeof(t) != unsafe.Sizeof(v[0]) {
		return nil
	}
	return unsafe.Slice((*To)(unsafe.Pointer(&v[0])), len(v))
}

// castBytes views a slice of numbers as its bytes.
func castBytes[T int32 | int64](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

// viewText views bytes that nobody changes as a string.
func viewText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
