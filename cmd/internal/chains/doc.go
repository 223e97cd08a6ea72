// Package chains is about balance chains that do not close: where exactly, what
// has to be read again, and whether that has helped. Pure.
//
//	break.go   a break, out of a finding
//	again.go   the spans that have to be read again
//	compare.go what has closed since
package chains
