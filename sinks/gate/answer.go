package gate

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// answer is what came back.
type answer struct {
	connected bool // before it, some of the request may have gone out
	status    int
	body      []byte
}

// words is an answer of the Gate in its own words; of each request some.
type words struct {
	Status    string         `json:"status"`
	RequestID string         `json:"request_id"`
	ProjectID jsontext.Value `json:"project_id"`
	PaymentID string         `json:"payment_id"`
	Code      jsontext.Value `json:"code"`
	Message   string         `json:"message"`
	Payment   *struct {
		ID     string         `json:"id"`
		Status string         `json:"status"`
		Code   jsontext.Value `json:"code"`
		Sum    *money         `json:"sum"`
	} `json:"payment"`
	Operations []operation    `json:"operations"`
	Operation  *operation     `json:"operation"`
	Errors     []report       `json:"errors"`
	Wanted     jsontext.Value `json:"clarification_fields"`
}

type operation struct {
	ID         jsontext.Value `json:"id"`
	Type       string         `json:"type"`
	Status     string         `json:"status"`
	RequestID  string         `json:"request_id"`
	SumInitial *money         `json:"sum_initial"`
	Code       jsontext.Value `json:"code"`
	Message    string         `json:"message"`
}

type report struct {
	Code    jsontext.Value `json:"code"`
	Message string         `json:"message"`
}

type money struct {
	Amount   jsontext.Value `json:"amount"`
	Currency string         `json:"currency"`
}

// unreadable stands for an amount that is there and is no whole number of minor
// units: no order is of that much, so it settles nothing.
const unreadable = math.MinInt64

// minor is the amount; 0 where none is said.
func (m money) minor() int64 {
	if len(m.Amount) == 0 || string(m.Amount) == "null" {
		return 0
	}
	n, err := strconv.ParseInt(bareText(m.Amount), 10, 64)
	if kind := m.Amount.Kind(); err != nil || kind != jsontext.KindNumber && kind != jsontext.KindString {
		return unreadable
	}
	return n
}

// Codes of the platform that mean something to a sender. Everything else that
// refuses a request refuses it for good.
const (
	codeNotFound = "3061"
	codeLater    = "3062"
)

// exists are codes of requests for a payment_id that is taken; open are codes
// that decide nothing.
var (
	exists = map[string]bool{"3041": true, "10105": true}
	open   = map[string]bool{codeNotFound: true, codeLater: true, "9999": true, "19999": true, "29999": true}
)

func (a answer) read() (w words, ok bool) {
	return w, json.Unmarshal(a.body, &w) == nil
}

// failed is the reply where no answer came.
func (a answer) failed(err error) Reply {
	if !a.connected {
		return Reply{Kind: NotSent, Why: err.Error()}
	}
	return Reply{Kind: Unsure, Why: err.Error()}
}

// saysError reports whether a body is about an error, whatever its HTTP status.
func (a answer) saysError() bool {
	w, ok := a.read()
	return !ok || w.Status == "error" || len(w.Errors) > 0 || (bareText(w.Code) != "" && bareText(w.Code) != "0")
}

// reply judges the answer to a request that moves money.
func (a answer) reply(project int64) Reply {
	w, ok := a.read()
	r := Reply{Kind: Unsure, Code: w.code("request"), RequestID: bounded(w.RequestID), Why: fmt.Sprintf("HTTP %d", a.status)}
	if said := r.Code.text(); said != "" {
		r.Why += ": " + said
	}
	switch {
	case !ok:
		r.Why += ", and not the platform's words"
	case a.status == http.StatusOK && !a.saysError() && w.RequestID != "" && bareText(w.ProjectID) == strconv.FormatInt(project, 10):
		r.Kind, r.Why = Taken, ""
	case exists[r.Code.Number]:
		r.Kind = Exists
	case r.Code.Number == "" || open[r.Code.Number]:
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		r.Kind = Barred
	case a.status == http.StatusBadRequest, a.status == http.StatusUnprocessableEntity:
		r.Kind = Refused
	}
	return r
}

// code is the first code of an answer.
func (w words) code(space string) Code {
	c := Code{space, bareText(w.Code), scrub(w.Message)}
	if c.Number == "" && len(w.Errors) > 0 {
		c.Number, c.Message = bareText(w.Errors[0].Code), scrub(w.Errors[0].Message)
	}
	if c.Number == "" {
		return Code{}
	}
	return c
}

func (c Code) text() string {
	if c == (Code{}) {
		return ""
	}
	return strings.TrimSpace(c.Number + " " + c.Message)
}

// evidence judges the answer to a question for a payment's status. Only what is
// signed and about this payment is evidence.
func (a answer) evidence(project int64, paymentID string, s Signer, now time.Time) (Evidence, error) {
	w, ok := a.read()
	if !ok {
		return Evidence{}, fmt.Errorf("HTTP %d, and not the platform's words", a.status)
	}
	codes := []string{bareText(w.Code)}
	for _, e := range w.Errors {
		codes = append(codes, bareText(e.Code))
	}
	if w.Payment != nil && w.Payment.Status == "error" {
		codes = append(codes, bareText(w.Payment.Code))
		for _, o := range w.Operations {
			codes = append(codes, bareText(o.Code))
		}
	}
	for _, c := range codes {
		switch c {
		case codeLater:
			return Evidence{}, fmt.Errorf("HTTP %d: %s", a.status, w.code("request").text())
		case codeNotFound:
			if a.status < 500 {
				return Evidence{}, a.notFound(w, project, paymentID, s)
			}
		}
	}
	switch {
	case a.status != http.StatusOK:
		return Evidence{}, fmt.Errorf("HTTP %d: %s", a.status, w.code("request").text())
	case w.Payment == nil || w.Payment.Status == "":
		return Evidence{}, fmt.Errorf("an answer without the payment's status")
	case w.Payment.ID != paymentID || bareText(w.ProjectID) != strconv.FormatInt(project, 10):
		return Evidence{}, fmt.Errorf("the answer is about another payment or project")
	}
	if err := s.Verify(a.body); err != nil {
		return Evidence{}, fmt.Errorf("the answer cannot be believed: %w", err)
	}
	return w.evidence(ByPoll, now), nil
}

// notFound is ErrNotFound, if the answer may be believed: errors come unsigned,
// but one with a signature that does not hold, or about another payment, was
// made by somebody else and says nothing.
func (a answer) notFound(w words, project int64, paymentID string, s Signer) error {
	switch {
	case w.Payment != nil && w.Payment.ID != "" && w.Payment.ID != paymentID,
		bareText(w.ProjectID) != "" && bareText(w.ProjectID) != strconv.FormatInt(project, 10):
		return fmt.Errorf("HTTP %d: %s, and the answer is about another payment or project", a.status, codeNotFound)
	case !bytes.Contains(a.body, []byte(`"signature"`)):
		return ErrNotFound
	}
	if err := s.Verify(a.body); err != nil {
		return fmt.Errorf("HTTP %d: %s, and the answer cannot be believed: %w", a.status, codeNotFound, err)
	}
	return ErrNotFound
}

// ReadCallback reads a callback whose signature was verified: which payment it
// is about, and what it says. ok is false for one that names no payment.
func ReadCallback(body []byte, received time.Time) (paymentID string, e Evidence, ok bool) {
	w, ok := answer{body: body}.read()
	if !ok || w.Payment == nil || w.Payment.ID == "" {
		return "", e, false
	}
	if w.Operation != nil {
		w.Operations = []operation{*w.Operation}
	}
	return w.Payment.ID, w.evidence(ByCallback, received), w.Payment.Status != ""
}

// evidence says what signed words mean. The money is the operation's: the
// payment's own sum is known to come in another unit, so it can confirm an order
// and contradicts none.
func (w words) evidence(by string, now time.Time) Evidence {
	e := Evidence{By: by, At: now, State: bounded(w.Payment.Status), RequestID: bounded(w.RequestID),
		CodeWanted: w.Payment.Status == "awaiting clarification" || wanted(w.Wanted)}
	if c := w.code("operation"); c.Number != "" && c.Number != "0" {
		e.Code = c
	}
	if m := w.Payment.Sum; m != nil {
		e.Sum, e.SumIn = m.minor(), m.Currency
	}
	for _, o := range w.Operations {
		if o.Type != "sale" {
			continue
		}
		e.OperationID, e.RequestID = bareText(o.ID), or(bounded(o.RequestID), e.RequestID)
		e.AmountMinor, e.Currency = 0, "" // one operation's sum is not another's
		if o.SumInitial != nil {
			e.AmountMinor, e.Currency = o.SumInitial.minor(), o.SumInitial.Currency
		}
		if n := bareText(o.Code); n != "" && n != "0" {
			e.Code = Code{"operation", n, scrub(o.Message)}
		}
	}
	return e
}

// wanted reports whether fields to clarify name the approval code; they come as
// an object or a list.
func wanted(v jsontext.Value) bool {
	var fields any
	return len(v) > 0 && json.Unmarshal(v, &fields) == nil && asks(fields)
}

func asks(fields any) bool {
	switch f := fields.(type) {
	case string:
		return f == "approval_code"
	case []any:
		return slices.ContainsFunc(f, asks)
	case map[string]any:
		for name, inside := range f {
			if name == "approval_code" && signed(inside) || asks(inside) {
				return true
			}
		}
	}
	return false
}

// signed reports whether a value is part of what a signature covers: empty lists
// and objects are not, so anybody could have put them there.
func signed(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, signed)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), signed)
	}
	return true
}

// bareText is a number or a text as a signature covers it, so that no other
// spelling of it means something else; empty for null, for objects and lists, and
// for what is too long.
func bareText(v jsontext.Value) string {
	text := string(v)
	switch v.Kind() {
	case jsontext.KindBeginObject, jsontext.KindBeginArray, jsontext.KindNull:
		return ""
	case jsontext.KindTrue:
		return "1"
	case jsontext.KindFalse:
		return "0"
	case jsontext.KindString:
		bare, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return ""
		}
		text = string(bare)
	}
	if len(text) > 64 {
		return ""
	}
	return text
}

// bounded is a word of the platform, or its beginning.
func bounded(text string) string {
	if r := []rune(text); len(r) > maxText {
		return string(r[:maxText])
	}
	return text
}

var longNumber = regexp.MustCompile(`\d(?:[ -]?\d){6,}`)

// scrub makes a message of the platform fit to be kept: no long number, one
// line, not long.
func scrub(s string) string {
	s = strings.Join(strings.Fields(longNumber.ReplaceAllString(strings.ToValidUTF8(s, ""), "***")), " ")
	if r := []rune(s); len(r) > 160 {
		s = string(r[:160]) + "…"
	}
	return s
}
