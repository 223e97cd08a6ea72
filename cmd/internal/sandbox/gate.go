// The platform's Gate: payments that are initiated at the sandbox, and what it
// tells of them.

package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/gate/gatetest"
	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// GateOptions are how the Gate behaves. PUT them to /sandbox/gate; what is
// absent stays as it is.
type GateOptions struct {
	Callbacks *string             `json:"callbacks,omitempty"` // origin of a running paylake; empty: nobody is told
	Behaviour *gatetest.Behaviour `json:"behaviour,omitempty"` // see package gatetest; empty: takes everything and asks for the code
}

// GateCode is the approval code that every payer of a sandbox gets.
const GateCode = "471108"

// gateDesk serves the Gate and remembers to whom it tells what.
type gateDesk struct {
	world *World
	gate  *gatetest.Gate
	file  string // where its book lies between two lives; empty: nowhere

	mu        sync.Mutex
	callbacks string
	told      map[string]bool // payments of which a final callback was taken
}

// gateBook is the file.
type gateBook struct {
	Payments []gatetest.Payment `json:"payments"`
	Told     map[string]bool    `json:"told"`
}

func newGateDesk(w *World, file string) (*gateDesk, error) {
	d := &gateDesk{world: w, file: file, told: map[string]bool{}}
	d.gate = gatetest.New(gatetest.Options{ProjectID: ProjectID, Signer: projectSigner{}, Now: func() time.Time { return w.seen(w.now()).UTC().Truncate(time.Second) },
		Code: GateCode, Tell: func(body []byte) { go d.tell(body) }})
	w.gate.Store(d)
	if file == "" {
		return d, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	var b gateBook
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox: the book of payments %s: %w", file, err)
	}
	d.gate.Restore(b.Payments)
	for id := range b.Told {
		d.told[id] = true
	}
	return d, nil
}

// projectSigner signs as the project does.
type projectSigner struct{}

func (projectSigner) Sign(body []byte) (string, error) {
	return flashpay.Sign(body, []byte(FlashpaySecret))
}

func (projectSigner) Verify(body []byte) error {
	_, err := flashpay.Verify(body, [][]byte{[]byte(FlashpaySecret)})
	return err
}

// ServeHTTP serves the Gate and keeps its book.
func (d *gateDesk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer d.keep()
	d.gate.ServeHTTP(w, r)
}

func (d *gateDesk) keep() {
	if d.file == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	text, err := json.MarshalIndent(gateBook{d.gate.Payments(), d.told}, "", "  ")
	if err == nil {
		err = sinks.ReplaceFile(d.file, text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox: the book of payments is not kept:", err)
	}
}

const (
	tellTries = 5
	tellPause = 300 * time.Millisecond
)

// tell delivers a callback, a few times if need be.
func (d *gateDesk) tell(body []byte) {
	d.mu.Lock()
	to := d.callbacks
	d.mu.Unlock()
	if to == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*answerWithin)
	defer cancel()
	client := &http.Client{Timeout: answerWithin}
	defer client.CloseIdleConnections()
	for range tellTries {
		if post(ctx, client, to+"/callbacks/flashpay/"+SourceFlashpay, body) {
			d.taken(body)
			return
		}
		time.Sleep(tellPause)
	}
}

func post(ctx context.Context, client *http.Client, url string, body []byte) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	_ = res.Body.Close()
	return res.StatusCode/100 == 2
}

// taken notes that somebody knows a payment now.
func (d *gateDesk) taken(body []byte) {
	var told struct {
		Payment struct{ ID string }
	}
	if json.Unmarshal(body, &told) != nil {
		return
	}
	d.mu.Lock()
	d.told[told.Payment.ID] = true
	d.mu.Unlock()
	d.keep()
}

// routes adds the addresses at which people look at the Gate.
func (d *gateDesk) routes(mux *http.ServeMux) {
	mux.Handle("POST /flashpay/v2/", d)
	mux.HandleFunc("GET /flashpay/payment", page)
	mux.HandleFunc("GET /sandbox/gate", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, d.gate.Payments()) })
	mux.HandleFunc("PUT /sandbox/gate", d.configure)
	mux.HandleFunc("GET /sandbox/code", d.code)
}

func (d *gateDesk) configure(w http.ResponseWriter, r *http.Request) {
	var o GateOptions
	if err := json.NewDecoder(io.LimitReader(r.Body, maxHookBody)).Decode(&o); err != nil {
		http.Error(w, "this is not the JSON of a Gate's behaviour: "+err.Error(), http.StatusBadRequest)
		return
	}
	if o.Behaviour != nil && !slices.Contains(gatetest.Behaviours(), *o.Behaviour) {
		http.Error(w, fmt.Sprintf("the Gate does not know how to be %q; it knows %q", *o.Behaviour, gatetest.Behaviours()), http.StatusBadRequest)
		return
	}
	if o.Callbacks != nil {
		u, err := url.Parse(*o.Callbacks)
		if *o.Callbacks != "" && (err != nil || u.Host == "") {
			http.Error(w, "callbacks is not an address such as http://127.0.0.1:8080", http.StatusBadRequest)
			return
		}
		d.mu.Lock()
		d.callbacks = strings.TrimSuffix(*o.Callbacks, "/")
		d.mu.Unlock()
	}
	if o.Behaviour != nil {
		d.gate.Behave(*o.Behaviour)
	}
	w.WriteHeader(http.StatusNoContent)
}

// code is the payer's SMS.
func (d *gateDesk) code(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("payment_id")
	for _, p := range d.gate.Payments() {
		if p.ID == id && p.Status == "awaiting clarification" {
			fmt.Fprintln(w, GateCode)
			return
		}
	}
	http.Error(w, "no payer of such a payment waits for a code", http.StatusNotFound)
}

// operations are the payments that were told to somebody, as the platform's
// list has them.
func (d *gateDesk) operations() (out []flashpaytest.Operation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.gate.Payments() {
		if p.Status == "" || !d.told[p.ID] {
			continue
		}
		o := flashpaytest.Operation{ID: strconv.FormatInt(p.Operation, 10), PaymentID: p.ID, Type: "sale", Status: p.Status, PaymentStatus: p.Status,
			CreatedAt: p.Created, CompletedAt: p.Decided, UpdatedAt: p.Created, PaymentMethod: "mbank", ProjectID: ProjectID, AmountMinor: p.Minor, Currency: "KGS",
			ConvertedMinor: p.Minor, ConvertedCurrency: "KGS", PaymentSumMinor: p.Minor, CustomerID: p.CustomerID, AccountNumber: p.Account, Code: "0", Message: "Success"}
		if !p.Decided.IsZero() {
			o.UpdatedAt = p.Decided
		}
		if p.Status != "success" {
			o.Code, o.Message = gatetest.CodeOf(p.Status)
		}
		out = append(out, o)
	}
	return out
}

// Payers is the file of everybody who has paid at the platform: whom a payment
// can be asked of.
func (w *World) Payers() []byte {
	seen := map[string]bool{}
	for i := range w.ops.ops {
		seen[w.ops.show(int32(i), w.eve().Unix()).CustomerID] = true
	}
	var b strings.Builder
	b.WriteString("customer_id,account,ip\n")
	for i, id := range slices.Sorted(maps.Keys(seen)) {
		if id != "" {
			fmt.Fprintf(&b, "%s,996555%06d,192.0.2.%d\n", id, 100_000+i%900_000, 1+i%250)
		}
	}
	return []byte(b.String())
}

// paymentTable is where payments initiated here stand, as far as the Gate told.
func (d *gateDesk) paymentTable() TableTruth {
	t := table("payment_intents", "source; project_id; payment_id; status; currency; operation_id", "count(); sum(amount_minor)")
	if d == nil {
		return t
	}
	for _, o := range d.operations() {
		status := "accepted"
		if o.Status == "success" || o.Status == "decline" {
			status = o.Status
		}
		t.add(1, "KGS", o.AmountMinor, SourceFlashpay, ProjectID, o.PaymentID, status, "KGS", o.ID, 1, o.AmountMinor)
	}
	return t
}

// page is the platform's Payment Page, as far as it judges a link: it shows what
// would be paid, and refuses what the project has not signed.
func page(w http.ResponseWriter, r *http.Request) {
	raw := map[string]any{}
	for name, values := range r.URL.Query() {
		raw[name] = values[0]
		if name == "project_id" || name == "payment_amount" {
			raw[name] = json.Number(values[0])
		}
	}
	text, err := json.Marshal(raw)
	if err != nil || (projectSigner{}).Verify(text) != nil {
		http.Error(w, "this link is not signed by the project", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "Payment Page: %s minor units of %s by %s, payment %s\n", raw["payment_amount"], raw["payment_currency"], raw["force_payment_method"], raw["payment_id"])
}
