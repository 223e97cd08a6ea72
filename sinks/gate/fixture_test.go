package gate_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
	"github.com/paylake/paylake/sources/flashpay"
)

const secret = "a-secret-of-tests"

type signer struct{}

func (signer) Sign(body []byte) (string, error) { return flashpay.Sign(body, []byte(secret)) }
func (signer) Verify(body []byte) error {
	_, err := flashpay.Verify(body, [][]byte{[]byte(secret)})
	return err
}

func order(key string, minor int64) gate.Order {
	return gate.Order{Tenant: "acme", Job: "bills", Key: key, Source: "psp", ProjectID: 210, Method: "mbank", Operation: "sale",
		ProviderCode: "azersu", AmountMinor: minor, Currency: "KGS", CustomerID: "cust-1", CustomerIP: "192.0.2.7", Account: "996555123456"}
}

func fingerprint(o gate.Order) string {
	return o.Fingerprint([]byte("a key of tests, 32 bytes or more"))
}

// approver is somebody who may approve.
type approver struct{ name, key, verifier string }

func newApprover(tb testing.TB, name string) approver {
	tb.Helper()
	key, verifier, err := gate.GenerateApprover(name)
	if err != nil {
		tb.Fatal(err)
	}
	return approver{name, key, verifier}
}

func draft(o gate.Order, maker string) gate.Intent {
	return gate.Intent{PaymentID: o.PaymentID(), Order: o, Fingerprint: fingerprint(o), Status: gate.Draft, Maker: maker, Version: 1}
}

// approved has an approver sign one draft.
func (a approver) approved(tb testing.TB, it gate.Intent, now time.Time) gate.Intent {
	tb.Helper()
	b, err := gate.BatchOf([]gate.Intent{it})
	if err != nil {
		tb.Fatal(err)
	}
	by, text, err := b.Sign(a.key)
	if err != nil {
		tb.Fatal(err)
	}
	out, _, err := it.Approve(gate.Approval{By: by, Batch: b.ID, At: now, Note: text}, gate.Approvers{a.name: a.verifier}, now)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func generous() gate.Limits {
	m := map[string]int64{"KGS": 1_000_000_00}
	return gate.Limits{Payment: m, Beneficiary: m, Day: m, Tenant: m}
}

// direct brings requests to a handler without a network; a handler that hangs
// up is a connection that breaks after it was there.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if t := httptrace.ContextClientTrace(r.Context()); t != nil && t.GotConn != nil {
		t.GotConn(httptrace.GotConnInfo{})
	}
	defer func() {
		if recover() != nil {
			resp, err = nil, errors.New("connection reset")
		}
	}()
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w.Result(), nil
}

// house is a register, a platform and a clock.
type house struct {
	now      time.Time
	register *gatetest.Register
	gate     *gatetest.Gate
	client   *gate.Client
	who      approver
	limits   gate.Limits
	halted   bool
}

func newHouse(tb testing.TB, o gatetest.Options) *house {
	tb.Helper()
	h := &house{now: time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC), register: gatetest.NewRegister(), who: newApprover(tb, "aysel"), limits: generous()}
	o.ProjectID, o.Signer, o.Now = 210, signer{}, func() time.Time { return h.now }
	if o.Code == "" {
		o.Code = "4711"
	}
	h.gate = gatetest.New(o)
	h.client = gate.NewClient("http://gate.test", 210, signer{}, o.Now)
	h.client.Through(direct{h.gate})
	return h
}

func (h *house) sender() *gate.Sender {
	return &gate.Sender{Register: h.register, Platform: func(string) (gate.Platform, error) { return h.client, nil },
		Approvers: gate.Approvers{h.who.name: h.who.verifier}, Limits: func(string) gate.Limits { return h.limits }, Fingerprint: fingerprint,
		Day: func(_ string, now time.Time) time.Time { return now.Truncate(24 * time.Hour) }, Halted: func() bool { return h.halted }, Now: func() time.Time { return h.now }}
}

// put stores an intent as it is.
func (h *house) put(tb testing.TB, it gate.Intent) {
	tb.Helper()
	err := h.register.Decide(context.Background(), gate.Ask{}, func(gate.View) ([]gate.Change, error) {
		return []gate.Change{{Intent: it, Line: gate.Transition{PaymentID: it.PaymentID, To: it.Status, Event: "planned", By: it.Maker}}}, nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// ready stores an approved intent.
func (h *house) ready(tb testing.TB, key string, minor int64) string {
	tb.Helper()
	it := h.who.approved(tb, draft(order(key, minor), "farid"), h.now)
	h.put(tb, it)
	return it.PaymentID
}

func (h *house) load(tb testing.TB, id string) gate.Intent {
	tb.Helper()
	it, err := h.register.Load(context.Background(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return it
}

func events(lines []gate.Transition) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Event+"→"+string(l.To))
	}
	return strings.Join(out, " ")
}
