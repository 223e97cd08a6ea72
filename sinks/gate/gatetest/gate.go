// Package gatetest is a working fake of the platform's Gate, for tests and for
// the sandbox: it checks signatures, takes sales, asks for the payer's code, and
// behaves in every way that a platform is known or feared to behave in.
//
//	gate.go      requests and answers       book.go  what it remembers of payments
//	callback.go  what it tells by itself    payments.go  what others may look at
//	register.go  a register in memory
package gatetest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/paylake/paylake/sinks/gate"
)

// Behaviour is how the fake treats a payment.
type Behaviour string

// Behaviours. Those that hang up do so without an answer.
const (
	Accept     Behaviour = ""            // takes it and asks for the payer's code
	Direct     Behaviour = "direct"      // takes it and pays without a code
	Refuse     Behaviour = "refuse"      // 400, not taken
	Bar        Behaviour = "bar"         // 403, not taken
	HangBefore Behaviour = "hang-before" // not taken, no answer
	HangAfter  Behaviour = "hang-after"  // taken, no answer
	Garbage    Behaviour = "garbage"     // taken, and a page of HTML with 502 for an answer
	Exist      Behaviour = "exist"       // taken, and answered as if it had been there: 3041
	DeclineIt  Behaviour = "decline"     // taken and declined
	Silent     Behaviour = "silent"      // taken, and undecided for ever
)

// Behaviours lists them all.
func Behaviours() []Behaviour {
	return []Behaviour{Accept, Direct, Refuse, Bar, HangBefore, HangAfter, Garbage, Exist, DeclineIt, Silent}
}

// Options say who may ask and how the fake behaves.
type Options struct {
	ProjectID int64
	Signer    gate.Signer
	Now       func() time.Time
	// Behave says how a payment is treated when it is asked for the nth time, from
	// 0 on; Accept where nil.
	Behave func(paymentID string, nth int) Behaviour
	// Twice has a payment executed as often as it is asked for: a platform whose
	// payment_id protects from nothing.
	Twice bool
	// Forget has the status of a payment say 3061 although it was taken; Later has
	// it say 3062.
	Forget, Later func(paymentID string, nth int) bool
	// Sumless has callbacks, or status answers, keep quiet about operations and
	// sums, as a project can have them.
	Sumless func(poll bool) bool
	// Tell delivers a callback's body, signed; none where nil.
	Tell func(body []byte)
	// Code is the approval code of every payment.
	Code string
	// Hang ends a request without an answer; by default the connection is cut.
	Hang func()
}

// Gate is the fake. Safe for concurrent use.
type Gate struct {
	o Options

	mu       sync.Mutex
	payments map[string]*paid
	order    []string
	serial   int64
}

// New returns a fake that knows no payment.
func New(o Options) *Gate {
	if o.Behave == nil {
		o.Behave = func(string, int) Behaviour { return Accept }
	}
	if o.Hang == nil {
		o.Hang = func() { panic(http.ErrAbortHandler) }
	}
	return &Gate{o: o, payments: map[string]*paid{}}
}

type request struct {
	General struct {
		ProjectID int64  `json:"project_id"`
		PaymentID string `json:"payment_id"`
		Signature string `json:"signature"`
	} `json:"general"`
	Payment struct {
		Amount      int64  `json:"amount"`
		Currency    string `json:"currency"`
		Description string `json:"description"`
	} `json:"payment"`
	Customer struct {
		ID string `json:"id"`
		IP string `json:"ip_address"`
	} `json:"customer"`
	Account struct {
		Number string `json:"number"`
	} `json:"account"`
	Data struct {
		Code string `json:"approval_code"`
	} `json:"additional_data"`
}

// ServeHTTP serves the Gate's endpoints under any mount.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var q request
	switch {
	case r.Method != http.MethodPost:
		refuse(w, http.StatusMethodNotAllowed, "405", "use POST")
		return
	case err != nil || json.Unmarshal(body, &q) != nil:
		refuse(w, http.StatusBadRequest, "2003", "Invalid JSON string")
		return
	case g.o.Signer.Verify(body) != nil:
		refuse(w, http.StatusForbidden, "1002", "Invalid signature")
		return
	case q.General.ProjectID != g.o.ProjectID:
		refuse(w, http.StatusBadRequest, "2442", "Project ID not found")
		return
	case q.General.PaymentID == "":
		refuse(w, http.StatusBadRequest, "2004", "Required field not provided")
		return
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/v2/payment/wallet/mbank/sale"):
		g.sale(w, q, body)
	case strings.HasSuffix(r.URL.Path, "/v2/payment/clarification"):
		g.clarify(w, q)
	case strings.HasSuffix(r.URL.Path, "/v2/payment/status"):
		g.status(w, q)
	default:
		refuse(w, http.StatusNotFound, "404", "there is no such endpoint")
	}
}

func (g *Gate) sale(w http.ResponseWriter, q request, body []byte) {
	if q.Payment.Currency != "KGS" || q.Payment.Amount < 50_00 || q.Payment.Amount > 50_000_00 {
		refuse(w, http.StatusBadRequest, "2642", "Operation amount is out of limits")
		return
	}
	p, behaviour, tell, fresh := g.take(q, body)
	if p == nil || (!fresh && !g.o.Twice) {
		switch {
		case behaviour == HangBefore:
			g.o.Hang()
		case p == nil && behaviour == Bar:
			refuse(w, http.StatusForbidden, "1003", "Access denied")
		case p == nil:
			refuse(w, http.StatusBadRequest, "2541", "Unknown Payment Method")
		default:
			refuse(w, http.StatusBadRequest, "3041", "Payment with the same payment_id exists")
		}
		return
	}
	g.tell(tell)
	switch behaviour {
	case HangAfter:
		g.o.Hang()
	case Garbage:
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><body>502 Bad Gateway</body></html>")
	case Exist:
		refuse(w, http.StatusBadRequest, "3041", "Payment with the same payment_id exists")
	default:
		answer(w, http.StatusOK, map[string]any{"status": "success", "request_id": p.request, "project_id": q.General.ProjectID, "payment_id": q.General.PaymentID})
	}
}

func (g *Gate) clarify(w http.ResponseWriter, q request) {
	found, right, tell := g.enter(q.General.PaymentID, q.Data.Code)
	switch {
	case !found:
		refuse(w, http.StatusBadRequest, "3061", "Payment not found")
		return
	case !right:
		refuse(w, http.StatusBadRequest, "2502", "Invalid approval code")
		g.tell(tell)
		return
	}
	answer(w, http.StatusOK, map[string]any{"status": "success", "request_id": q.General.PaymentID, "project_id": q.General.ProjectID, "payment_id": q.General.PaymentID})
	g.tell(tell)
}

func (g *Gate) status(w http.ResponseWriter, q request) {
	p, nth := g.look(q.General.PaymentID)
	switch {
	case g.o.Later != nil && g.o.Later(q.General.PaymentID, nth):
		g.signed(w, g.report(q, "3062", "Try again later"))
	case p == nil || (g.o.Forget != nil && g.o.Forget(q.General.PaymentID, nth)):
		g.signed(w, g.report(q, "3061", "Payment not found"))
	default:
		v := g.words(*p)
		if g.o.Sumless != nil && g.o.Sumless(true) {
			g.signed(w, sumless(v))
			return
		}
		v["operations"] = []any{v["operation"]}
		delete(v, "operation")
		g.signed(w, v)
	}
}

func (g *Gate) report(q request, code, message string) map[string]any {
	return map[string]any{"project_id": q.General.ProjectID, "payment": map[string]any{"id": q.General.PaymentID, "status": "error"},
		"errors": []any{map[string]any{"code": json.Number(code), "message": message}}}
}

func (g *Gate) signed(w http.ResponseWriter, v map[string]any) {
	text, err := g.sign(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "501", "Internal error")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

func (g *Gate) sign(v map[string]any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	signature, err := g.o.Signer.Sign(text)
	if err != nil {
		return nil, err
	}
	v["signature"] = signature
	return json.Marshal(v)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"status": "error", "code": json.Number(code), "message": message})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
