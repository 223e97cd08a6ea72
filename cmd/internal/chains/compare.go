package chains

// Compare says which breaks have gone since, and which are still there, maybe
// with other neighbours or another amount: what is broken now and lies where a
// break was, and what is broken now elsewhere. All of before, and of now, is told.
func Compare(before, now []Break) (closed, still, fresh []Break) {
	closed, still, fresh = []Break{}, []Break{}, []Break{}
	touches := func(list []Break, b Break) bool {
		for _, o := range list {
			if o.Source == b.Source && o.Wallet == b.Wallet && o.Span().Overlaps(b.Span()) {
				return true
			}
		}
		return false
	}
	for _, b := range before {
		if !touches(now, b) {
			closed = append(closed, b)
		}
	}
	for _, b := range now {
		if touches(before, b) {
			still = append(still, b)
		} else {
			fresh = append(fresh, b)
		}
	}
	return closed, still, fresh
}
