package gate

import "time"

// next says when an intent is to be looked at again; zero: nothing happens by
// itself. It is a function of ages alone, so asking in vain needs no memory.
func (it Intent) next(now time.Time) time.Time {
	switch it.Status {
	case Sending:
		return it.Lease
	case Accepted, Unknown:
		first := it.SentAt.Add(methods[it.Order.Method].Base)
		if it.Status == Unknown || it.CodeState == CodeSending || it.CodeState == CodeUnknown {
			first = now.Add(unknownPause)
		}
		if next := now.Add(pause(now.Sub(it.SentAt))); next.After(first) {
			return next
		}
		return first
	}
	return time.Time{}
}

const unknownPause = 10 * time.Second

// pause between two questions about a payment of an age: often while a result
// is likely, seldom when it is late, and never never.
func pause(age time.Duration) time.Duration {
	switch {
	case age < time.Minute:
		return unknownPause
	case age < 10*time.Minute:
		return time.Minute
	case age < 2*time.Hour:
		return 5 * time.Minute
	case age < 48*time.Hour:
		return 30 * time.Minute
	}
	return 6 * time.Hour
}

// AtIt reports whether somebody may be sending an intent, or the payer's code
// for it, at this moment.
func (it Intent) AtIt(now time.Time) bool {
	return it.Status == Sending && now.Before(it.Lease) || it.CodeState == CodeSending && now.Before(it.CodeGiven.Add(leaseFor))
}
