package decisions

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// Kind is what is decided.
type Kind string

// The kinds. A pair about the same subject replace each other.
const (
	Accept  Kind = "accept"  // a difference of exactly this amount is right as it is
	Explain Kind = "explain" // a finding has an innocent reason
	Confirm Kind = "confirm" // a finding is what it looks like
	Hold    Kind = "hold"    // a period is not published
	Release Kind = "release" // a period is signed off
	Compare Kind = "compare" // one total that a sign-off compared
	Match   Kind = "match"   // two rows are one payment
	Unmatch Kind = "unmatch" // two rows are not one payment
	Close   Kind = "close"   // a period is closed
)

// Row names a row of the lake.
type Row struct{ Table, Source, Account, ID string }

// Decision is one decision of a person. Amounts are minor units of Currency; nil
// where there is none.
type Decision struct {
	ID      string // Named
	Number  int64  // its place among all, from 1 on
	At      time.Time
	Kind    Kind
	Period  string
	Subject string // a finding, or empty
	By      string
	Reason  string
	Follows string // ID of the decision that it replaces
	What    string // what the subject said, in words

	Wallet, Provider, Category string // of a compared total
	Measure, Currency          string
	Amount                     *int64 // the difference that is accepted
	Rows                       *int64 // and by how many rows the number is off; nil: none was expected
	Expected, Lake, Warehouse  *int64
	AsOf                       int64  // manifest as of which it was looked at
	Evidence                   string // SHA-256 of the file of expectations

	Left, Right Row // of a match
}

// topic is what a decision is about: the last one about a topic is in force.
type topic struct {
	class                             string
	period, subject                   string
	wallet, provider, category, money string
	left, right                       Row
}

var classes = map[Kind]string{Accept: "finding", Explain: "finding", Confirm: "finding", Hold: "hold", Release: "hold",
	Compare: "compare", Match: "match", Unmatch: "match", Close: "close"}

func (d *Decision) topic() topic {
	t := topic{class: classes[d.Kind], period: d.Period, subject: d.Subject, left: d.Left, right: d.Right}
	if d.Kind == Compare {
		t.wallet, t.provider, t.category, t.money = d.Wallet, d.Provider, d.Category, d.Measure+" "+d.Currency
	}
	return t
}

// says are the values that make a decision what it is: not when it was said, and
// not which manifest was the newest then.
func (d *Decision) says() []string {
	amount := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	return []string{string(d.Kind), d.Period, d.Subject, d.By, d.Reason, d.What, d.Wallet, d.Provider, d.Category, d.Measure, d.Currency,
		amount(d.Amount), amount(d.Rows), amount(d.Expected), amount(d.Lake), amount(d.Warehouse), d.Evidence,
		d.Left.Table, d.Left.Source, d.Left.Account, d.Left.ID, d.Right.Table, d.Right.Source, d.Right.Account, d.Right.ID}
}

// name is the decision's id: a function of what it says and of what it follows,
// so that holding, releasing and holding again are three.
func (d *Decision) name() string {
	h := sha256.New()
	for _, text := range append(d.says(), d.Follows) {
		h.Write(binary.AppendUvarint(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	return "dec_" + hex.EncodeToString(h.Sum(nil)[:8])
}
