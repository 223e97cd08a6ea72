package webhook

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// cases is the size of a test: PAYLAKE_TEST_CASES, else what CI has time for.
func cases(t testing.TB, usual int) int {
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_CASES")); err == nil && n > 0 {
		return n
	}
	t.Logf("%d cases; more with PAYLAKE_TEST_CASES", usual)
	return usual
}

// stretch is a lake of one payment per manifest, spread over some time.
type stretch struct {
	t     testing.TB
	clock *time.Time
	all   []time.Time // when each manifest is committed
}

func (s *stretch) Head(context.Context) (int64, error) {
	n, _ := slices.BinarySearchFunc(s.all, s.clock.Add(1), time.Time.Compare)
	return int64(n), nil
}

func (s *stretch) Manifests(_ context.Context, from int64) iter.Seq2[lake.Entry, error] {
	return func(yield func(lake.Entry, error) bool) {
		for n := max(from, 1); int(n) <= len(s.all) && !s.all[n-1].After(*s.clock); n++ {
			e := lake.Entry{Manifest: lake.Manifest{Kind: lake.KindData, Sequence: n, Source: "src", Table: "ledger", CreatedAt: s.all[n-1], Objects: []lake.Object{{Path: fmt.Sprint(n)}}}}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *stretch) EachRow(_ context.Context, table *schemas.Table, o lake.Object, columns []string, fn func(arrow.Record) error) error {
	one := &schemas.Table{Name: table.Name, Fields: []schemas.Field{{Name: lake.ColumnRevision, Kind: schemas.Int64}, {Name: lake.ColumnSign, Kind: schemas.Int64}}}
	for _, c := range columns {
		one.Fields = append(one.Fields, table.Fields[table.Index(c)])
	}
	row := bill("entry-"+o.Path, "posted", "ref-"+o.Path, -100)
	row["sign"], row["revision"] = 1, 1
	return fn(record(s.t, one, row))
}

// alarms are steps by the time at which they are due.
type alarms []alarm

type alarm struct {
	at  time.Time
	key string // a delivery; "follow": the follower looks
}

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)        { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// moody is a receiver that is down for hours, refuses most of the rest, and
// sometimes takes a message and answers nothing. It checks what it gets.
type moody struct {
	t      testing.TB
	rng    *rand.Rand
	start  time.Time
	got    map[string]int
	bodies map[string]string
	order  []string
	asked  int
}

func (m *moody) Send(_ context.Context, e Endpoint, id string, body []byte, now time.Time) Answer {
	m.asked++
	h, err := Sign(e.Form, Live(e.Secrets, now), id, now, body)
	if err == nil {
		err = Verify(e.Form, http.Header(h), body, e.Secrets[:1], now)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	since := now.Sub(m.start)
	if was, there := m.bodies[id]; there && was != string(body) {
		m.t.Fatalf("%s changed", id)
	}
	m.bodies[id] = string(body)
	hour := int(since / time.Hour)
	switch {
	case hour%24 >= 8 && hour%24 < 18: // ten hours of every day
		return Answer{Err: "no answer: connection refused"}
	case m.rng.IntN(10) < 4:
		return Answer{Code: []int{500, 503, 429, 404}[m.rng.IntN(4)], After: time.Duration(m.rng.IntN(90)) * time.Second}
	}
	if m.got[id]++; m.got[id] == 1 {
		m.order = append(m.order, id)
	}
	if m.rng.IntN(20) == 0 {
		return Answer{Err: "no answer within 10s"}
	}
	return Answer{Code: 204}
}

// Thousands of events over three days of virtual time, a receiver that fails for ten
// hours of every day and refuses four in ten of the rest, a database that now
// and then fails before or after it has stored, followers that begin anew, and
// secrets that rotate: each event is delivered at least once within its three
// days, under one id and with the same bytes every time.
func TestEventsOverDays(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprintf("ordered %t", ordered), func(t *testing.T) { eventsOverDays(t, ordered) })
	}
}

func eventsOverDays(t *testing.T, ordered bool) {
	n := cases(t, 1_000)
	if ordered { // one at a time, behind one that is refused, no receiver like this one keeps up with more
		n = max(n/10, 1)
	}
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	clock := day0
	lakeOf := &stretch{t: t, clock: &clock}
	for range n {
		lakeOf.all = append(lakeOf.all, day0.Add(time.Duration(rng.Int64N(int64(Lifetime)))))
	}
	slices.SortFunc(lakeOf.all, time.Time.Compare)
	p := newPost(Endpoint{Name: "moody", Form: FormStandard, Ordered: ordered, Secrets: []Secret{NewSecret()}})
	faults := 0
	p.fault = func(bool) error {
		if rng.IntN(400) == 0 {
			faults++
			return errFault
		}
		return nil
	}
	m := &moody{t: t, rng: rng, start: day0, got: map[string]int{}, bodies: map[string]string{}}
	d := &Deliverer{Store: p, Send: m, Now: func() time.Time { return clock }}
	f := &Follower{Log: lakeOf, Outbox: p}

	due := &alarms{{day0, "follow"}}
	looks := 0
	for due.Len() > 0 {
		next := heap.Pop(due).(alarm)
		clock = next.at
		if clock.After(day0.Add(2*Lifetime + 24*time.Hour)) {
			break
		}
		if next.key == "follow" {
			if looks++; looks%50 == 0 { // a new process, or a rebuild
				f = &Follower{Log: lakeOf, Outbox: p}
				p.endpoints[1].Applied = max(p.endpoints[1].Applied-500, 0)
				p.endpoints[1].Secrets = Rotate(p.endpoints[1].Secrets, NewSecret(), clock, 24*time.Hour)
			}
			_, _ = f.Follow(t.Context()) // what fails is tried with the next look
			if clock.Before(day0.Add(Lifetime + time.Hour)) {
				heap.Push(due, alarm{clock.Add(5 * time.Minute), "follow"})
			}
		} else {
			again, err := d.Deliver(t.Context(), next.key)
			if err != nil {
				again = 30 * time.Second // the queue tries again by itself
			}
			if again > 0 {
				heap.Push(due, alarm{clock.Add(again), next.key})
			}
		}
		for _, key := range p.take() {
			heap.Push(due, alarm{clock, key})
		}
	}
	missing, twice, dead := 0, 0, 0
	for _, one := range p.list {
		if m.got[one.Event.ID] == 0 {
			missing++
		}
		if one.Status != Delivered {
			dead++
		}
	}
	for _, times := range m.got {
		if times > 1 {
			twice++
		}
	}
	t.Logf("%d events, %d attempts, %d taken more than once, %d faults of the database, %d looks of the follower", len(p.list), m.asked, twice, faults, looks)
	if len(p.list) != n || missing != 0 || dead != 0 || len(m.got) != n {
		t.Errorf("%d events of %d, %d ids, %d never taken, %d not delivered", len(p.list), n, len(m.got), missing, dead)
	}
	if n >= 1000 && (faults < 10 || twice == 0) {
		t.Errorf("only %d faults fired, %d messages were taken twice", faults, twice)
	}
	if ordered && !slices.IsSortedFunc(m.order, func(a, b string) int { return cmp.Compare(p.byKey["1/"+a].ID, p.byKey["1/"+b].ID) }) {
		t.Error("messages of an ordered endpoint overtook each other")
	}
}
