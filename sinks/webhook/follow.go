package webhook

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// Endpoint is somebody who is told.
type Endpoint struct {
	ID       int64
	Name     string
	URL      string
	Types    []Type // empty: all
	Form     Form
	Ordered  bool // one message at a time, in the order of the events
	Secrets  []Secret
	Disabled string    // why nothing is sent; empty: it is active
	Failures int       // attempts that failed in a row
	Open     time.Time // the circuit is open until then; zero: closed
	Applied  int64     // the last manifest whose events are stored for it
	Added    time.Time
}

// Log is what the follower reads; *lake.Lake implements it.
type Log interface {
	// Head is the newest manifest.
	Head(ctx context.Context) (int64, error)
	// Manifests yields every manifest from a sequence number on, ascending.
	Manifests(ctx context.Context, from int64) iter.Seq2[lake.Entry, error]
	// EachRow hands out rows of an object; see lake.Lake.
	EachRow(ctx context.Context, t *schemas.Table, o lake.Object, columns []string, fn func(arrow.Record) error) error
}

// Outbox keeps events until they are delivered.
type Outbox interface {
	// Endpoints lists those that are active.
	Endpoints(ctx context.Context) ([]Endpoint, error)
	// Put stores events for endpoints, together with the steps that deliver them
	// and, unless upTo is 0, with upTo as the last manifest applied of every one of
	// them that still stands at its From: all in one transaction. What an endpoint
	// has already, delivered or not, it does not get again.
	Put(ctx context.Context, upTo int64, mail []Mail) error
}

// Mail is what is new for one endpoint.
type Mail struct {
	Endpoint int64
	From     int64 // the last manifest applied, as the follower knows it
	Events   []Event
}

// Follower turns manifests into events for every endpoint.
type Follower struct {
	Log    Log
	Outbox Outbox
	Rules  Rules
	// Others lists events that no manifest brings and that may not have been
	// stored yet: runs that failed, consents that end. May be nil.
	Others func(ctx context.Context) ([]Event, error)

	mu   sync.Mutex
	told map[string]bool // others that this process has stored, by endpoint and id
}

var _ sinks.Follower = (*Follower)(nil)

// Name implements sinks.Follower.
func (f *Follower) Name() string { return "webhook" }

// stride is after how many manifests without events the position is stored.
const stride = 200

// Follow implements sinks.Follower. Events are stored with the position that
// they belong to, so a crash anywhere repeats a manifest or does not, and an
// event that is stored twice is one.
func (f *Follower) Follow(ctx context.Context) (sinks.Position, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	head, err := f.Log.Head(ctx)
	if err != nil {
		return sinks.Position{}, fmt.Errorf("webhooks: %w", err)
	}
	all, err := f.Outbox.Endpoints(ctx)
	if err != nil {
		return sinks.Position{Head: head}, fmt.Errorf("webhooks: %w", err)
	}
	at, err := f.manifests(ctx, head, all)
	if err == nil {
		err = f.others(ctx, all)
	}
	if err != nil {
		err = fmt.Errorf("webhooks: %w", err)
	}
	return sinks.Position{Applied: at, Head: max(head, at)}, err
}

// manifests brings every endpoint up to the newest manifest, and returns how
// far the last of them is.
func (f *Follower) manifests(ctx context.Context, head int64, all []Endpoint) (int64, error) {
	at := head
	for _, e := range all {
		at = min(at, e.Applied)
	}
	if at >= head {
		return at, nil
	}
	stored := at
	for e, err := range f.Log.Manifests(ctx, at+1) {
		if err != nil {
			return stored, err
		}
		mail, some, err := f.mail(ctx, e, all)
		if err != nil {
			return stored, err
		}
		at = e.Sequence
		if some || at-stored >= stride {
			if err := f.put(ctx, at, mail, all); err != nil {
				return stored, err
			}
			stored = at
		}
	}
	if stored < at {
		return at, f.put(ctx, at, f.empty(at, all), all)
	}
	return at, nil
}

// put stores mail, and notes how far its endpoints are.
func (f *Follower) put(ctx context.Context, upTo int64, mail []Mail, all []Endpoint) error {
	if err := f.Outbox.Put(ctx, upTo, mail); err != nil {
		return err
	}
	for i := range all {
		all[i].Applied = max(all[i].Applied, upTo)
	}
	return nil
}

// mail is what each endpoint gets of a manifest that it has not seen.
func (f *Follower) mail(ctx context.Context, e lake.Entry, all []Endpoint) (mail []Mail, some bool, err error) {
	events, err := eventsOf(ctx, f.Log, e, f.Rules, func(t Type) bool {
		return slices.ContainsFunc(all, func(one Endpoint) bool { return one.Applied < e.Sequence && Wants(one.Types, t) })
	})
	if err != nil {
		return nil, false, err
	}
	mail = f.empty(e.Sequence, all)
	for i := range mail {
		one := all[slices.IndexFunc(all, func(x Endpoint) bool { return x.ID == mail[i].Endpoint })]
		for _, ev := range events {
			if Wants(one.Types, ev.Type) {
				mail[i].Events, some = append(mail[i].Events, ev), true
			}
		}
	}
	return mail, some, nil
}

// empty names the endpoints that a manifest is new for.
func (f *Follower) empty(sequence int64, all []Endpoint) (mail []Mail) {
	for _, e := range all {
		if e.Applied < sequence {
			mail = append(mail, Mail{Endpoint: e.ID, From: e.Applied})
		}
	}
	return mail
}

// others stores what happened outside the lake since an endpoint was added.
func (f *Follower) others(ctx context.Context, all []Endpoint) error {
	if f.Others == nil || len(all) == 0 {
		return nil
	}
	events, err := f.Others(ctx)
	if err != nil {
		return err
	}
	var mail []Mail
	var fresh []string
	for _, e := range all {
		one := Mail{Endpoint: e.ID}
		for _, ev := range events {
			key := fmt.Sprint(e.ID, "/", ev.ID)
			past := slices.Contains([]Type{RunFailed, ExportWritten, ExportFailed}, ev.Type) && ev.At.Before(e.Added)
			if !f.told[key] && !past && Wants(e.Types, ev.Type) {
				one.Events, fresh = append(one.Events, ev), append(fresh, key)
			}
		}
		if len(one.Events) > 0 {
			mail = append(mail, one)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := f.Outbox.Put(ctx, 0, mail); err != nil {
		return err
	}
	if f.told == nil || len(f.told) > 100_000 {
		f.told = map[string]bool{}
	}
	for _, key := range fresh {
		f.told[key] = true
	}
	return nil
}
