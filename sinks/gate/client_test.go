package gate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
	"github.com/paylake/paylake/sources/flashpay"
)

func clientOf(url string) *gate.Client { return gate.NewClient(url, 210, signer{}, time.Now) }

func body(t *testing.T) []byte {
	t.Helper()
	text, err := order("k", 120_00).Body()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Over a real socket: what no byte went out of is certain, what was connected
// and not answered is not, and nothing is sent twice.
func TestWhatIsCertain(t *testing.T) {
	shut, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := shut.Addr().String()
	shut.Close()
	if r := clientOf("http://"+gone).Sale(t.Context(), body(t)); r.Kind != gate.NotSent {
		t.Errorf("nobody listens: %+v", r)
	}
	if r := clientOf("http://nowhere.invalid").Sale(t.Context(), body(t)); r.Kind != gate.NotSent {
		t.Errorf("no such name: %+v", r)
	}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  gate.Kind
	}{
		"cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, gate.Unsure},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, gate.Unsure},
		"500":       {says(500, `{"status":"error","code":501,"message":"Internal error"}`), gate.Unsure},
		"429":       {says(429, `{"status":"error","code":1,"message":"slow down"}`), gate.Unsure},
		"html":      {says(403, `<html>Forbidden</html>`), gate.Unsure},
		"empty 400": {says(400, `{}`), gate.Unsure},
		"400":       {says(400, `{"status":"error","code":2004,"message":"Required field not provided"}`), gate.Refused},
		"422":       {says(422, `{"status":"error","code":"2004","message":"x"}`), gate.Refused},
		"403":       {says(403, `{"status":"error","code":1002,"message":"Invalid signature"}`), gate.Barred},
		"3041":      {says(400, `{"status":"error","code":3041,"message":"x"}`), gate.Exists},
		"10105":     {says(400, `{"status":"error","code":10105,"message":"x"}`), gate.Exists},
		"3061":      {says(400, `{"status":"error","code":3061,"message":"x"}`), gate.Unsure},
		"3062":      {says(400, `{"status":"error","code":3062,"message":"x"}`), gate.Unsure},
		"9999":      {says(400, `{"status":"error","code":9999,"message":"x"}`), gate.Unsure},
		"another":   {says(200, `{"status":"success","request_id":"r","project_id":211,"payment_id":"x"}`), gate.Unsure},
		"200 error": {says(200, `{"status":"error","code":2004,"message":"x"}`), gate.Unsure},
		"200 bare":  {says(200, `{}`), gate.Unsure},
		"200":       {says(200, `{"status":"success","request_id":"r","project_id":210,"payment_id":"x"}`), gate.Taken},
		"endless":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, endless{}) }, gate.Unsure},
		"doubled":   {says(200, `{"status":"success","status":"error","request_id":"r","project_id":210}`), gate.Unsure},
	} {
		n := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n++; c.serve(w, r) }))
		r := clientOf(s.URL).Sale(t.Context(), body(t))
		s.Close()
		if r.Kind != c.want || n != 1 {
			t.Errorf("%s: %+v after %d requests", name, r, n)
		}
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body) // a server sees that its client has gone only then
		<-r.Context().Done()
	}))
	defer slow.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if r := clientOf(slow.URL).Sale(ctx, body(t)); r.Kind != gate.Unsure {
		t.Errorf("no answer: %+v", r)
	}
}

func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, text) }
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// A status is evidence when it is signed and about this payment; "not found" and
// "later" are what they are.
func TestStatusAnswers(t *testing.T) {
	signed := func(text string) string {
		s, err := flashpay.Sign([]byte(text), []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return text[:len(text)-1] + `,"signature":"` + s + `"}`
	}
	const good = `{"project_id":210,"payment":{"id":"p1","status":"success","sum":{"amount":500000,"currency":"KGS"}},"operations":[{"id":77,"type":"sale","status":"success","sum_initial":{"amount":12000,"currency":"KGS"},"code":"0","message":"Success"}]}`
	for name, c := range map[string]struct {
		status int
		text   string
		state  string
		err    string
	}{
		"success":                {200, signed(good), "success", ""},
		"a float":                {200, signed(strings.Replace(good, `12000`, `120.00`, 1)), "success", ""},
		"unsigned":               {200, good, "", "cannot be believed"},
		"forged":                 {200, strings.Replace(signed(good), "12000", "12001", 1), "", "cannot be believed"},
		"another":                {200, signed(strings.Replace(good, `"p1"`, `"p2"`, 1)), "", "another payment"},
		"its project":            {200, signed(strings.Replace(good, `210`, `211`, 1)), "", "another payment or project"},
		"not found":              {200, signed(`{"project_id":210,"payment":{"id":"p1","status":"error"},"errors":[{"code":3061,"message":"x"}]}`), "", gate.ErrNotFound.Error()},
		"not found, unsigned":    {200, `{"project_id":210,"payment":{"id":"p1","status":"error"},"errors":[{"code":3061,"message":"x"}]}`, "", gate.ErrNotFound.Error()},
		"not found, forged":      {200, `{"project_id":210,"payment":{"id":"p1","status":"error"},"errors":[{"code":3061,"message":"x"}],"signature":"` + strings.Repeat("A", 86) + `=="}`, "", "cannot be believed"},
		"not found, forged, 400": {400, `{"status":"error","code":3061,"message":"x","general":{"signature":"` + strings.Repeat("A", 86) + `=="}}`, "", "cannot be believed"},
		"another is not found":   {200, signed(`{"project_id":210,"payment":{"id":"p2","status":"error"},"errors":[{"code":3061,"message":"x"}]}`), "", "another payment"},
		"its project knows none": {200, signed(`{"project_id":211,"payment":{"id":"p1","status":"error"},"errors":[{"code":3061,"message":"x"}]}`), "", "another payment or project"},
		"not found, 400":         {400, `{"status":"error","code":3061,"message":"x"}`, "", gate.ErrNotFound.Error()},
		"not found, 500":         {500, `{"status":"error","code":3061,"message":"x"}`, "", "HTTP 500"},
		"later":                  {200, signed(`{"project_id":210,"payment":{"id":"p1","status":"error"},"errors":[{"code":3062,"message":"x"}]}`), "", "3062"},
		"both":                   {200, `{"project_id":210,"payment":{"id":"p1","status":"error"},"errors":[{"code":3062,"message":"x"},{"code":3061,"message":"x"}]}`, "", "3062"},
		"html":                   {200, `<html>`, "", "not the platform's words"},
		"nothing":                {200, `{}`, "", "without the payment's status"},
	} {
		s := httptest.NewServer(says(c.status, c.text))
		e, err := clientOf(s.URL).Status(t.Context(), "p1")
		s.Close()
		if e.State != c.state || (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) || errors.Is(err, gate.ErrNotFound) != (c.err == gate.ErrNotFound.Error()) {
			t.Errorf("%s: %+v %v", name, e, err)
		}
		if name == "success" && (e.AmountMinor != 12000 || e.OperationID != "77") {
			t.Errorf("%+v", e)
		}
	}
}

// The fake and the client speak over a real socket; the request is signed as
// the platform wants it.
func TestSaleOverHTTP(t *testing.T) {
	g := gatetest.New(gatetest.Options{ProjectID: 210, Signer: signer{}, Now: time.Now, Code: "4711"})
	s := httptest.NewServer(g)
	defer s.Close()
	c := clientOf(s.URL)
	o := order("k", 120_00)
	if r := c.Sale(t.Context(), body(t)); r.Kind != gate.Taken || r.RequestID == "" {
		t.Fatalf("%+v", r)
	}
	if r := c.Sale(t.Context(), body(t)); r.Kind != gate.Exists {
		t.Errorf("%+v", r)
	}
	if r := c.Clarify(t.Context(), o.PaymentID(), "1"); r.Kind != gate.Refused {
		t.Errorf("%+v", r)
	}
	if r := c.Clarify(t.Context(), o.PaymentID(), "4711"); r.Kind != gate.Taken {
		t.Errorf("%+v", r)
	}
	if e, err := c.Status(t.Context(), o.PaymentID()); err != nil || e.State != "success" || e.AmountMinor != 120_00 || e.Currency != "KGS" {
		t.Errorf("%+v %v", e, err)
	}
	if r := gate.NewClient(s.URL, 210, badSigner{}, time.Now).Sale(t.Context(), body(t)); r.Kind != gate.Barred {
		t.Errorf("%+v", r)
	}
}

type badSigner struct{ signer }

func (badSigner) Sign(b []byte) (string, error) { return flashpay.Sign(b, []byte("another secret")) }

// A link is signed over the raw parameters, and refuses what the method cannot do.
func TestLink(t *testing.T) {
	l := gate.Link{ProjectID: 210, PaymentID: "inv 7/ü", Method: "mbank", AmountMinor: 1000_00, Currency: "KGS", CustomerID: "customer1", Description: "a & b"}
	text, err := l.URL("https://pay.example/payment", signer{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	raw := fmt.Sprintf(`{"project_id":%s,"payment_id":%q,"payment_amount":%s,"payment_currency":%q,"customer_id":%q,"force_payment_method":%q,"payment_description":%q,"signature":%q}`,
		q.Get("project_id"), q.Get("payment_id"), q.Get("payment_amount"), q.Get("payment_currency"), q.Get("customer_id"), q.Get("force_payment_method"), q.Get("payment_description"), q.Get("signature"))
	if err := (signer{}).Verify([]byte(raw)); err != nil || q.Get("force_payment_method") != "mbank" || q.Get("payment_amount") != "100000" || u.Host != "pay.example" {
		t.Errorf("%s: %v", text, err)
	}
	for name, change := range map[string]func(*gate.Link){"limit": func(l *gate.Link) { l.AmountMinor = 1 }, "currency": func(l *gate.Link) { l.Currency = "AZN" }, "method": func(l *gate.Link) { l.Method = "card" }, "customer": func(l *gate.Link) { l.CustomerID = "" }} {
		bad := l
		change(&bad)
		if _, err := bad.URL("https://pay.example/payment", signer{}); err == nil {
			t.Errorf("%s: a link all the same", name)
		}
	}
	if _, err := l.URL("pay.example", signer{}); err == nil {
		t.Error("no address, and a link all the same")
	}
}
