package pipeline

// What a run did, and the exit code that follows from it.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// Report says what one run of one pipeline did.
type Report struct {
	Pipeline string         `json:"pipeline"`
	Source   string         `json:"source"`
	Table    string         `json:"table"`
	Started  time.Time      `json:"started"`
	Took     time.Duration  `json:"took_ns"`
	Planned  int            `json:"planned"` // windows owed when the run began
	Read     Tally          `json:"read"`    // the sum of Streams
	Streams  []StreamReport `json:"streams"`

	Commits     int   `json:"commits"`     // manifests written
	Sequence    int64 `json:"sequence"`    // the last of them; 0 when nothing changed
	Windows     int   `json:"windows"`     // windows committed
	Inserted    int64 `json:"inserted"`    // new rows, revisions included
	Retracted   int64 `json:"retracted"`   // rows withdrawn, in favour of a revision or without one
	Withdrawn   int64 `json:"withdrawn"`   // of Retracted, those without one
	Duplicates  int64 `json:"duplicates"`  // rows the lake had already
	Quarantined int64 `json:"quarantined"` // rejects not seen before
	Bytes       int64 `json:"bytes"`       // stored

	Followers []FollowerReport `json:"followers,omitempty"`
	// Err is what stopped the run: the sink, the vault, the lease or a signal.
	// Nil when every stream had its turn, also when some of them failed.
	Err   error  `json:"-"`
	Error string `json:"error,omitempty"` // what Err says
}

// Tally counts what was read.
type Tally struct {
	Windows  int              `json:"windows"` // read to their end
	Pages    int              `json:"pages"`
	Rows     int64            `json:"rows"`
	Outside  int64            `json:"outside"`  // rows left out: not of the window
	Rejected int64            `json:"rejected"` // rows that could not be read, seen before or not
	Money    map[string]Money `json:"money,omitempty"`
	Unknown  map[string]int64 `json:"unknown,omitempty"`
}

// Money is what the rejected rows of one currency would have added, as far as
// their amount could be read.
type Money struct {
	Rows  int64 `json:"rows"`
	Minor int64 `json:"minor"` // held at the limits of int64 instead of wrapping
}

// StreamReport is the part of a Report that belongs to one stream.
type StreamReport struct {
	Stream schemas.Stream `json:"-"`
	Name   string         `json:"stream"`
	Wallet string         `json:"wallet,omitempty"`
	Read   Tally          `json:"read"`
	Took   time.Duration  `json:"took_ns"`          // reading, summed over windows
	Chains []sinks.Chain  `json:"chains,omitempty"` // open and broken ones
	// At is the window at which the stream stopped.
	At    schemas.Window `json:"at,omitzero"`
	Err   error          `json:"-"`
	Error string         `json:"error,omitempty"` // what Err says
}

// FollowerReport says how far a follower came.
type FollowerReport struct {
	Name     string         `json:"name"`
	Position sinks.Position `json:"position"`
	Err      error          `json:"-"`
	Error    string         `json:"error,omitempty"` // what Err says
}

// Exit codes of a run, as documented.
const (
	CodeDone        = 0
	CodeFailed      = 1
	CodeFinding     = 3 // finished, but input was quarantined or a check did not hold
	CodePerson      = 4 // a person must act
	CodeBusy        = 5 // running elsewhere
	CodeInterrupted = 130
)

// Verdict is an exit code and, in sentences, why.
type Verdict struct {
	Code int      `json:"code"`
	Why  []string `json:"why,omitempty"`
}

// And joins verdicts: the gravest code wins (130, 5, 1, 4, 3) and every reason
// stays.
func (v Verdict) And(o Verdict) Verdict {
	for _, code := range []int{CodeInterrupted, CodeBusy, CodeFailed, CodePerson, CodeFinding} {
		if v.Code == code || o.Code == code {
			return Verdict{Code: code, Why: append(v.Why[:len(v.Why):len(v.Why)], o.Why...)}
		}
	}
	return Verdict{}
}

// maxSkipped is how many wallets without a consent are named; the others are
// counted.
const maxSkipped = 10

// Verdict judges the run.
func (r Report) Verdict() Verdict {
	v, skipped := Verdict{}, 0
	if r.Err != nil {
		v = v.And(Verdict{codeOf(r.Err), []string{r.Err.Error()}})
	}
	for _, s := range r.Streams {
		if v.Code == CodeInterrupted && errors.Is(s.Err, context.Canceled) {
			s.Err = nil // it was stopped, it did not fail
		}
		if errors.Is(s.Err, sources.ErrConsent) {
			if skipped++; skipped > maxSkipped {
				continue
			}
		}
		v = v.And(s.verdict(r.Pipeline))
	}
	if skipped > maxSkipped {
		v = v.And(Verdict{CodePerson, []string{fmt.Sprintf(
			"%s: %d wallets more without a live consent; see: paylake consent list", r.Pipeline, skipped-maxSkipped)}})
	}
	for _, f := range r.Followers {
		if f.Err != nil && v.Code != CodeInterrupted {
			v = v.And(Verdict{CodeFailed, []string{r.behind(f)}})
		}
	}
	if r.Quarantined > 0 {
		v = v.And(Verdict{CodeFinding, []string{fmt.Sprintf(
			"%s: %d new rows in quarantine; see: paylake quarantine list", r.Pipeline, r.Quarantined)}})
	}
	return v
}

// behind says that a follower's failure lost nothing.
func (r Report) behind(f FollowerReport) string {
	lake := "the lake had nothing new to commit"
	if r.Sequence > 0 {
		lake = fmt.Sprintf("the lake is committed up to %d", r.Sequence)
	}
	return fmt.Sprintf("%s; %s catches up with the next run: %v", lake, f.Name, f.Err)
}

func (s StreamReport) verdict(pipeline string) Verdict {
	v := Verdict{}
	if s.Err != nil {
		code := codeOf(s.Err)
		if code != CodePerson { // what a source calls cancelled or busy was not asked for by anybody
			code = CodeFailed
		}
		v = v.And(Verdict{code, []string{s.Err.Error() + advice(pipeline, s.Err)}})
	}
	for _, c := range s.Chains {
		if c.State == sinks.ChainBroken {
			v = v.And(Verdict{CodeFinding, []string{brokenChain(c)}})
		}
	}
	return v
}

// brokenChain names the first place where a balance does not follow.
func brokenChain(c sinks.Chain) string {
	text := fmt.Sprintf("%s %s: the balance chain is broken", c.Stream, c.Window)
	if len(c.Breaks) == 0 {
		return text
	}
	b := c.Breaks[0]
	after := strconv.Quote(b.After)
	if b.After == "" { // the row before lies in an earlier window
		after = "the balance of " + b.From.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s in %d places, first between %s and %q: rows of %d minor units are missing",
		text, len(c.Breaks), after, b.Before, b.Missing)
}

// spell writes the errors out, for JSON.
func (r *Report) spell() {
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	r.Error = text(r.Err)
	for i := range r.Streams {
		r.Streams[i].Error = text(r.Streams[i].Err)
	}
	for i := range r.Followers {
		r.Followers[i].Error = text(r.Followers[i].Err)
	}
}

func codeOf(err error) int {
	switch {
	case errors.Is(err, context.Canceled):
		return CodeInterrupted
	case errors.Is(err, sinks.ErrBusy):
		return CodeBusy
	case errors.Is(err, sources.ErrAuth), errors.Is(err, sources.ErrConsent):
		return CodePerson
	default:
		return CodeFailed
	}
}

func (t *Tally) add(o Tally) {
	t.Windows += o.Windows
	t.Pages += o.Pages
	t.Rows += o.Rows
	t.Outside += o.Outside
	t.Rejected += o.Rejected
	for currency, m := range o.Money {
		t.addMoney(currency, m)
	}
	t.addUnknown(o.Unknown)
}

func (t *Tally) addMoney(currency string, m Money) {
	if t.Money == nil {
		t.Money = map[string]Money{}
	}
	sum := t.Money[currency]
	sum.Rows += m.Rows
	minor, err := schemas.AddMinor(sum.Minor, m.Minor)
	if err != nil {
		minor = math.MaxInt64
		if m.Minor < 0 {
			minor = math.MinInt64
		}
	}
	sum.Minor = minor
	t.Money[currency] = sum
}

func (t *Tally) addUnknown(counts map[string]int64) {
	if t.Unknown == nil && len(counts) > 0 {
		t.Unknown = make(map[string]int64, len(counts))
	}
	for name, n := range counts {
		t.Unknown[name] += n
	}
}

// page counts one page.
func (t *Tally) page(p sources.Page) {
	t.Pages++
	t.Rows += p.Rows.NumRows()
	t.Outside += int64(p.Outside)
	t.Rejected += int64(len(p.Rejects))
	for _, r := range p.Rejects {
		if r.Amount != nil {
			t.addMoney(r.Currency, Money{Rows: 1, Minor: *r.Amount})
		}
	}
	t.addUnknown(p.Unknown)
}
