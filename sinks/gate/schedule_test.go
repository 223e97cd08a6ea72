package gate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
)

// office is makers, checkers and senders at work on one register at once.
type office struct {
	register *gatetest.Register
	platform *counting
	people   []approver // each may make and, where configured, check
	keys     gate.Approvers
	limits   gate.Limits
	now      time.Time
	stopped  atomic.Bool // between the return of a kill and the call of a resume
	wrong    atomic.Pointer[string]
}

// counting is a platform that notes what it was sent and when.
type counting struct {
	o    *office
	mu   sync.Mutex
	sent map[string]int
}

func (c *counting) Sale(_ context.Context, body []byte) gate.Reply {
	stopped := c.o.stopped.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[string(body)]++
	if stopped || c.o.stopped.Load() {
		c.o.found("sent after the kill")
	}
	return gate.Reply{Kind: gate.Taken, RequestID: "r"}
}

func (c *counting) Clarify(context.Context, string, string) gate.Reply {
	return gate.Reply{Kind: gate.Taken}
}

func (c *counting) Status(context.Context, string) (gate.Evidence, error) {
	return gate.Evidence{}, errors.New("nobody asks")
}

func (o *office) found(what string) { o.wrong.Store(&what) }

func (o *office) sender(halted func() bool) *gate.Sender {
	return &gate.Sender{Register: o.register, Platform: func(string) (gate.Platform, error) { return o.platform, nil }, Approvers: o.keys,
		Limits: func(string) gate.Limits { return o.limits }, Fingerprint: fingerprint, Day: func(string, time.Time) time.Time { return o.now.Add(-time.Hour) },
		Halted: halted, Now: func() time.Time { return o.now }}
}

func (o *office) order(n int, dice *rand.Rand) gate.Order {
	b := order(fmt.Sprintf("k%d", n), int64(50+dice.IntN(50))*100)
	b.ProviderCode, b.Job = fmt.Sprintf("p%d", dice.IntN(2)), fmt.Sprintf("j%d", dice.IntN(2))
	return b
}

// plan drafts, or edits what is not sent yet.
func (o *office) plan(dice *rand.Rand, maker string) {
	want := draft(o.order(dice.IntN(6), dice), maker)
	_ = o.register.Decide(context.Background(), gate.Ask{IDs: []string{want.PaymentID}}, func(v gate.View) ([]gate.Change, error) {
		was, ok := v.Intents[want.PaymentID]
		if ok && was.Status != gate.Draft && was.Status != gate.Approved {
			return nil, nil
		}
		return []gate.Change{{Intent: want, Line: gate.Transition{PaymentID: want.PaymentID, From: was.Status, To: gate.Draft, Event: "planned", By: maker}}}, nil
	})
}

// approve has somebody approve some drafts, looked at a while before.
func (o *office) approve(dice *rand.Rand, who approver) {
	drafts := o.register.Standing(gate.Draft)
	if len(drafts) == 0 {
		return
	}
	drafts = drafts[:1+dice.IntN(len(drafts))]
	b, err := gate.BatchOf(drafts)
	if err != nil {
		o.found(err.Error())
		return
	}
	by, text, err := b.Sign(who.key)
	if err != nil {
		o.found(err.Error())
		return
	}
	ids := make([]string, len(drafts))
	for i, d := range drafts {
		ids[i] = d.PaymentID
	}
	_ = o.register.Decide(context.Background(), gate.Ask{IDs: ids}, gate.ApproveBatch(ids, gate.Approval{By: by, Batch: b.ID, At: o.now, Note: text}, o.keys, o.now))
}

func (o *office) send() {
	for _, it := range o.register.Standing(gate.Approved) {
		_, _ = o.sender(func() bool { return false }).Send(context.Background(), it.PaymentID, "")
	}
}

// kill stops everything, and returns when no sender is at it any more.
func (o *office) kill() {
	o.register.Switch(true)
	for len(o.register.Standing(gate.Sending)) > 0 {
		time.Sleep(time.Microsecond)
	}
	o.stopped.Store(true)
}

func (o *office) resume() { o.stopped.Store(false); o.register.Switch(false) }

// judge looks at what has been sent, against the rules.
func (o *office) judge() error {
	if w := o.wrong.Load(); w != nil {
		return errors.New(*w)
	}
	sums := map[string]int64{}
	for _, s := range []gate.Status{gate.Accepted, gate.Sending, gate.Unknown} {
		for _, it := range o.register.Standing(s) {
			if it.Maker == it.Approval.By || o.keys.Check(it) != nil {
				return fmt.Errorf("%s was planned by %s and approved by %s", it.PaymentID, it.Maker, it.Approval.By)
			}
			for _, limit := range []string{"tenant", "beneficiary " + it.Order.ProviderCode, "day " + it.Order.Job} {
				sums[limit] += it.Order.AmountMinor
			}
			body, err := it.Order.Body()
			if err != nil || o.platform.sent[string(body)] != 1 {
				return fmt.Errorf("%s was sent %d times as it is approved (%w)", it.PaymentID, o.platform.sent[string(body)], err)
			}
		}
	}
	for limit, bound := range map[string]int64{"tenant": o.limits.Tenant["KGS"], "beneficiary p0": o.limits.Beneficiary["KGS"], "beneficiary p1": o.limits.Beneficiary["KGS"], "day j0": o.limits.Day["KGS"], "day j1": o.limits.Day["KGS"]} {
		if sums[limit] > bound {
			return fmt.Errorf("%s: %d sent, %d allowed", limit, sums[limit], bound)
		}
	}
	return nil
}

// schedule plays one.
func schedule(seed uint64, people []approver, keys gate.Approvers) (*office, error) {
	o := &office{register: gatetest.NewRegister(), people: people, keys: keys, now: time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)}
	o.platform = &counting{o: o, sent: map[string]int{}}
	dice := rand.New(rand.NewPCG(seed, 7))
	kgs := func(n int) map[string]int64 { return map[string]int64{"KGS": int64(n) * 100} }
	o.limits = gate.Limits{Payment: kgs(60 + dice.IntN(60)), Beneficiary: kgs(100 + dice.IntN(200)), Day: kgs(100 + dice.IntN(200)), Tenant: kgs(150 + dice.IntN(300))}
	var all sync.WaitGroup
	for worker := range 5 {
		own := rand.New(rand.NewPCG(seed, uint64(100+worker)))
		all.Go(func() {
			for range 6 {
				switch own.IntN(4) {
				case 0:
					o.plan(own, people[own.IntN(len(people))].name)
				case 1:
					o.approve(own, people[own.IntN(len(people))])
				default:
					o.send()
				}
			}
		})
	}
	all.Go(func() { o.kill(); time.Sleep(20 * time.Microsecond); o.resume() })
	all.Wait()
	o.send()
	return o, o.judge()
}

// Makers, checkers, senders and the kill switch in any order: nobody approves
// his own payment, no limit is passed, nothing is sent after a kill has
// returned. PAYLAKE_TEST_CASES says how many schedules.
func TestSchedules(t *testing.T) {
	people := []approver{newApprover(t, "aysel"), newApprover(t, "farid"), newApprover(t, "nigar")}
	keys := gate.Approvers{"aysel": people[0].verifier, "farid": people[1].verifier} // nigar may not approve
	n, sent := cases(t, 150), 0
	for seed := range n {
		o, err := schedule(uint64(seed), people, keys)
		if err != nil {
			t.Fatalf("schedule %d: %v", seed, err)
		}
		sent += len(o.platform.sent)
	}
	t.Logf("%d schedules, %d payments sent", n, sent)
	if sent < n/4 {
		t.Errorf("%d payments sent in %d schedules: this proves little", sent, n)
	}
}
