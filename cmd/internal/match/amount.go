package match

// amounts pairs facts of the same amount.
func (r *run) amounts() error { return r.byAmount(ByAmount) }

// nets pairs facts whose amounts differ by a fee that is known.
func (r *run) nets() error {
	if !r.rule.hasNets(r.fees) {
		return nil
	}
	return r.byAmount(ByNet)
}

// byAmount collects facts of one currency and amount for as long as each is
// within reach of the one before it.
func (r *run) byAmount(o Order) error {
	if r.rule.NeedReference {
		return nil // all that can be found was
	}
	var b block
	var currency string
	var sum, last int64
	flush := func() error {
		err := r.settle(b)
		b.left, b.right = b.left[:0], b.right[:0]
		return err
	}
	for e, err := range r.facts.By(o) {
		if err != nil {
			return err
		}
		f := e.Fact
		size := len(b.left) + len(b.right)
		cut := size >= maxBlock
		if cut {
			r.sum.TooLarge++
		}
		if size > 0 && (cut || f.Currency != currency || e.Sum != sum || f.At-last > r.rule.reach()) {
			if err := flush(); err != nil {
				return err
			}
		}
		currency, sum, last = f.Currency, e.Sum, f.At
		if o == ByAmount {
			r.count(f)
		}
		if r.taken.has(f) {
			continue
		}
		if f.Side == Left {
			b.left = append(b.left, f)
		} else {
			b.right = append(b.right, f)
		}
	}
	return flush()
}

func (r *run) count(f *Fact) {
	r.fees = r.fees || f.Fee != 0
	if f.Side == Right {
		r.sum.Right++
	} else {
		r.sum.Left++
	}
}
