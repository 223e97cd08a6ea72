package chaos

import (
	"fmt"
	"slices"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// operation is an operation with all that ever became of it.
type operation struct {
	id      string
	created time.Time
	amount  int64
	states  []opState // in order; the last one is the truth
}

// opState is what an operation is from an instant on. The list shows it later,
// under the time at which it came about: so a replica lags behind.
type opState struct {
	updated, shown time.Time
	status, code   string
	told           bool // a callback about it has been accepted
	beyond         bool // the list shows it when no look-back reaches it any more
}

func (o *operation) truth() *opState { return &o.states[len(o.states)-1] }

// at is the state that the list shows, nil when it does not know the operation.
func (o *operation) at(now time.Time) *opState {
	for i := len(o.states) - 1; i >= 0; i-- {
		if !o.states[i].shown.After(now) {
			return &o.states[i]
		}
	}
	return nil
}

// platformBook is a flashpaytest.Book whose operations move through their list.
type platformBook struct{ ops []*operation }

const platformProject = 210

func (b *platformBook) Operations(_ int64, from, to, now time.Time, skip, limit int) []flashpaytest.Operation {
	var out []flashpaytest.Operation
	for _, o := range b.within(from, to, now) {
		out = append(out, o.row(o.at(now)))
	}
	slices.SortFunc(out, func(x, y flashpaytest.Operation) int {
		if c := x.UpdatedAt.Compare(y.UpdatedAt); c != 0 {
			return c
		}
		return slices.Compare([]byte(x.ID), []byte(y.ID))
	})
	out = out[min(skip, len(out)):]
	return out[:min(limit, len(out))]
}

// within are the operations that an interval lists.
func (b *platformBook) within(from, to, now time.Time) (out []*operation) {
	for _, o := range b.ops {
		if s := o.at(now); s != nil {
			if u := s.updated.Truncate(time.Second); !u.Before(from) && !u.After(to) {
				out = append(out, o)
			}
		}
	}
	return out
}

func (o *operation) row(s *opState) flashpaytest.Operation {
	r := flashpaytest.Operation{ID: o.id, PaymentID: "p" + o.id, Type: "sale", Status: s.status, CreatedAt: o.created, UpdatedAt: s.updated,
		PaymentMethod: "mbank", PaymentTypeID: 3, PaymentStatus: s.status, ProjectID: platformProject, AmountMinor: o.amount, Currency: "KGS",
		CustomerID: "c1", AccountNumber: "4•1", Code: s.code, Message: "as " + s.code}
	if s.status != "processing" {
		r.CompletedAt = s.updated
	}
	return r
}

// callback is what the platform delivers about a state, without its signature.
func (o *operation) callback(s *opState) string {
	const zoned = "2006-01-02T15:04:05-07:00"
	return fmt.Sprintf(`{"project_id":%d,"payment":{"id":%q,"method":"mbank","status":%q},"account":{"number":"4•1"},"customer":{"id":"c1"},`+
		`"operation":{"id":%q,"type":"sale","status":%q,"date":%q,"created_date":%q,"sum_initial":{"amount":%d,"currency":"KGS"},"code":%q,"message":"as %s"}}`,
		platformProject, "p"+o.id, s.status, o.id, s.status, s.updated.UTC().Format(zoned), o.created.UTC().Format(zoned), o.amount, s.code, s.code)
}

// next is a state that may follow.
func (o *operation) next(d dice, now time.Time) opState {
	was := o.truth()
	s := opState{updated: now, shown: now, status: was.status, code: fmt.Sprint(len(o.states))}
	switch {
	case was.status == "processing":
		s.status = []string{"success", "decline"}[d("outcome", 2)]
	case was.status == "success" && d("taken back", 2) == 0:
		s.status = "refunded"
	}
	return s
}
