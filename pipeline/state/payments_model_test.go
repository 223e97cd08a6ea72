package state

// Linearizability: what many goroutines saw through several handles must be what
// one would have seen who did everything one after the other.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	modelPayments = 3
	modelAmount   = 100
	modelLimit    = 2 * modelAmount // so that two of three may be under way
	modelClients  = 8
	modelActs     = 30 // of each client
)

// act is what a client does.
type act struct {
	kind string // plan, approve, claim, finish, load, list, kill, resume, switch
	id   int
}

// seen is what it saw: of one payment, or of all; and what it did.
type seen struct {
	rows   [modelPayments]stand
	killed bool
	used   int64
	did    bool
}

// stand is where a payment stands.
type stand struct {
	status  string
	version int64
}

// register is what the model is of.
type register struct {
	rows   [modelPayments]stand
	killed bool
}

func (r register) used() (sum int64) {
	for _, s := range r.rows {
		if s.status == "sending" {
			sum += modelAmount
		}
	}
	return sum
}

// next is the rule of the program that the model stands for: to which status an
// act leads, and whether it may.
func (a act) next(now stand, killed bool, used int64) (status string, may bool) {
	switch a.kind {
	case "plan":
		return "draft", now.status == "" || now.status == "success"
	case "approve":
		return "approved", now.status == "draft"
	case "claim":
		return "sending", now.status == "approved" && !killed && used+modelAmount <= modelLimit
	case "finish":
		return "success", now.status == "sending"
	}
	return "", false
}

// step says whether an act may have seen that, and how the register stands
// afterwards.
func (r register) step(a act, s seen) (bool, register) {
	switch a.kind {
	case "kill", "resume":
		r.killed = a.kind == "kill"
		return true, r
	case "switch":
		return s.killed == r.killed, r
	case "list":
		return s.rows == r.rows, r
	case "load":
		return s.rows[a.id] == r.rows[a.id], r
	}
	status, may := a.next(r.rows[a.id], r.killed, r.used())
	if s.rows[a.id] != r.rows[a.id] || s.killed != r.killed || s.used != r.used() || s.did != may {
		return false, r
	}
	if may {
		r.rows[a.id] = stand{status, r.rows[a.id].version + 1}
	}
	return true, r
}

var paymentsModel = porcupine.Model{
	Init: func() any { return register{} },
	Step: func(state, input, output any) (bool, any) { return state.(register).step(input.(act), output.(seen)) },
}

// decider is the part of a register that can be sabotaged.
type decider interface {
	Decide(ctx context.Context, ids []string, since time.Time, decide func(PaymentView) ([]PaymentChange, error)) error
}

// round is one history. Its payments are its own, so that a database serves many.
type round struct {
	name     string
	sabotage func(Payments) decider
}

func (r round) id(i int) string { return fmt.Sprint(r.name, "-", i) }

// do carries an act out and says what it saw.
func (r round) do(ctx context.Context, p Payments, a act) (s seen, err error) {
	switch a.kind {
	case "kill":
		return s, p.Kill(ctx, "aysel", "test")
	case "resume":
		return s, p.Resume(ctx, "aysel", "test")
	case "switch":
		sw, err := p.Switch(ctx)
		return seen{killed: sw.Killed}, err
	case "load":
		row, err := p.Load(ctx, r.id(a.id))
		if errors.Is(err, ErrAbsent) {
			err = nil
		}
		s.rows[a.id] = stand{row.Status, row.Version}
		return s, err
	case "list":
		list, err := p.List(ctx, PaymentFilter{Job: r.name})
		for _, row := range list {
			i := int(row.ID[len(row.ID)-1] - '0')
			s.rows[i] = stand{row.Status, row.Version}
		}
		return s, err
	}
	err = r.sabotage(p).Decide(ctx, []string{r.id(a.id)}, someday, func(v PaymentView) (changes []PaymentChange, err error) {
		s, changes = r.decide(a, v)
		return changes, nil
	})
	return s, err
}

// decide is what the program would do on a view.
func (r round) decide(a act, v PaymentView) (s seen, changes []PaymentChange) {
	was := v.Rows[r.id(a.id)]
	s.rows[a.id], s.killed = stand{was.Status, was.Version}, v.Killed
	for _, u := range v.Used {
		if u.Job == r.name {
			s.used += u.Minor
		}
	}
	status, may := a.next(s.rows[a.id], s.killed, s.used)
	if s.did = may; !may {
		return s, nil
	}
	row := paymentRow(r.id(a.id), status)
	row.Job, row.Minor, row.Committed, row.SentAt = r.name, modelAmount, status == "sending", clock
	c := to(was, row, a.kind, "sender")
	c.Wake = status == "approved"
	return s, []PaymentChange{c}
}

// history has clients do what they like, and records when and what they saw.
// Now and then one goes away in the middle; what it did must not have happened.
func (r round) history(t *testing.T, seed uint64, dbs []*DB) []porcupine.Operation {
	t.Helper()
	if err := dbs[0].Payments().Resume(t.Context(), "aysel", "a new round"); err != nil {
		t.Fatal(err)
	}
	kinds := []string{"plan", "approve", "approve", "claim", "claim", "claim", "finish", "finish", "load", "list", "switch", "kill", "resume", "resume", "gone"}
	all := make([][]porcupine.Operation, modelClients)
	begin := time.Now()
	var clients sync.WaitGroup
	for i := range all {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		p := dbs[i%len(dbs)].Payments()
		clients.Go(func() {
			for range modelActs {
				a := act{kinds[random.IntN(len(kinds))], random.IntN(modelPayments)}
				if a.kind == "gone" {
					r.goAway(t, p, a.id)
					continue
				}
				call := time.Since(begin).Nanoseconds()
				s, err := r.do(t.Context(), p, a)
				if err != nil {
					t.Errorf("%+v: %v", a, err)
					return
				}
				all[i] = append(all[i], porcupine.Operation{ClientId: i, Input: a, Call: call, Output: s, Return: time.Since(begin).Nanoseconds()})
			}
		})
	}
	clients.Wait()
	return slices.Concat(all...)
}

// goAway gives a decision up that would change a payment.
func (r round) goAway(t *testing.T, p Payments, id int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := decideOne(ctx, p, r.id(id), func(was PaymentRow) PaymentChange {
		cancel()
		return to(was, paymentRow(r.id(id), "success"), "gone", "sender")
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func honest(p Payments) decider { return p }

// handles are two on one database, as of two processes.
func handles(t *testing.T, o Options) []*DB { return []*DB{open(t, o), open(t, o)} }

// histories is how many the tests draw, PAYLAKE_TEST_CASES when somebody asks.
func histories(few int) int {
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_CASES")); err == nil {
		return n
	}
	return few
}

func judge(t *testing.T, ops []porcupine.Operation) porcupine.CheckResult {
	t.Helper()
	result := porcupine.CheckOperationsTimeout(paymentsModel, ops, time.Minute)
	if result == porcupine.Unknown {
		t.Fatal("the history could not be judged within a minute")
	}
	return result
}

// The register is one register, whoever looks from wherever.
func TestPaymentsAreLinearizable(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		dbs, more := handles(t, o), 0
		for n := range histories(3) {
			seed := rand.Uint64()
			ops := round{fmt.Sprint("r", n), honest}.history(t, seed, dbs)
			if judge(t, ops) != porcupine.Ok {
				t.Errorf("seed %d: nobody alone can have seen this: %v", seed, inOrder(ops))
			}
			more += claims(ops)
		}
		if more < 3 {
			t.Errorf("only %d claims", more)
		}
	})
}

func claims(ops []porcupine.Operation) (n int) {
	for _, op := range ops {
		if op.Input.(act).kind == "claim" && op.Output.(seen).did {
			n++
		}
	}
	return n
}

func inOrder(ops []porcupine.Operation) (list []string) {
	for _, op := range slices.SortedFunc(slices.Values(ops), func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) }) {
		list = append(list, fmt.Sprintf("\n%d–%d %+v %+v", op.Call, op.Return, op.Input, op.Output))
	}
	return list
}

// stale is a register whose view, or a part of it, is from before the
// transaction that stores what was decided on it.
type stale struct {
	Payments
	part string // rows, switch, used, nothing
}

func (s stale) Decide(ctx context.Context, ids []string, since time.Time, decide func(PaymentView) ([]PaymentChange, error)) error {
	var old PaymentView
	err := s.Payments.Decide(ctx, ids, since, func(v PaymentView) ([]PaymentChange, error) {
		old = v
		return nil, nil
	})
	if err != nil {
		return err
	}
	return s.Payments.Decide(ctx, ids, since, func(v PaymentView) ([]PaymentChange, error) {
		mixed := v
		mixed.Rows = maps.Clone(v.Rows)
		switch s.part {
		case "rows":
			mixed.Rows = old.Rows
		case "switch":
			mixed.Killed = old.Killed
		case "used":
			mixed.Used = old.Used
		}
		changes, err := decide(mixed)
		for i, c := range changes { // what the register itself would find
			was := v.Rows[c.Row.ID]
			changes[i] = to(was, c.Row, c.Line.Event, c.Line.By)
		}
		return changes, err
	})
}

// The judge is judged: whatever part of the view is stale, it finds out; and
// where nothing is, it does not blame the detour.
func TestStalePaymentsAreFound(t *testing.T) {
	for part, patience := range map[string]int{"rows": 40, "switch": 40, "used": 40, "nothing": 2} {
		t.Run(part, func(t *testing.T) {
			both(t, func(t *testing.T, o Options) {
				dbs, found := handles(t, o), false
				for n := 0; n < patience && !found; n++ {
					r := round{fmt.Sprint("r", n), func(p Payments) decider { return stale{p, part} }}
					found = judge(t, r.history(t, uint64(n), dbs)) == porcupine.Illegal
				}
				if found != (part != "nothing") {
					t.Errorf("stale is %s, found: %v", part, found)
				}
			})
		})
	}
}
