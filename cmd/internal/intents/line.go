package intents

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/gate"
)

// Kind is the kind of a delivery in the inbox whose body is a line.
const Kind = "transition"

// ErrLine is returned for a body that is no line of a payment. Its errors name
// keys and quote no value.
var ErrLine = errors.New("not a step of a payment as this version writes it")

// maxBody is more than a line can have: it repeats the platform's words, and an
// answer of the platform has 1 MiB at most. A bound that one could exceed would
// let the platform stop the inbox.
const maxBody = 16 << 20

// keys are the keys of columns that are called otherwise in a line.
var keys = map[string]string{"changed_at": "at", "changed_by": "by", "from_status": "from", "status": "to"}

// Line is one step of a payment: its values by column.
type Line struct {
	texts   map[string]string
	numbers map[string]int64 // money in minor units, instants in microseconds; an instant that is not there is NULL
}

// Read reads a line: one JSON object with every key once and no other, numbers
// as plain integers, times in UTC with at most microseconds. Pure.
func Read(body []byte) (Line, error) {
	l := Line{map[string]string{}, map[string]int64{}}
	var members map[string]jsontext.Value
	if len(body) > maxBody || json.Unmarshal(body, &members) != nil {
		return l, fmt.Errorf("not one JSON object of at most %d bytes, each key once: %w", maxBody, ErrLine)
	}
	for _, f := range schemas.PaymentIntents.Fields {
		key := f.Name
		if k := keys[f.Name]; k != "" {
			key = k
		}
		switch f.Name {
		case "source", "business_date":
			continue // the inbox and the source's zone say it
		}
		if err := l.take(f, members[key]); err != nil {
			return l, fmt.Errorf("%s: %w: %w", key, err, ErrLine)
		}
		delete(members, key)
	}
	if len(members) > 0 {
		return l, fmt.Errorf("%d keys more than there are; the version of paylake that wrote it reads it: %w", len(members), ErrLine)
	}
	return l, l.check()
}

// take reads the value of a column.
func (l Line) take(f schemas.Field, v jsontext.Value) error {
	if len(v) == 0 {
		return errors.New("missing")
	}
	if f.Kind == schemas.Int64 || f.Kind == schemas.Minor {
		n, err := schemas.ParseMinorInteger(v)
		if err != nil {
			return errors.New("not a plain integer")
		}
		l.numbers[f.Name] = n
		return nil
	}
	var text string
	if v.Kind() != '"' || json.Unmarshal(v, &text) != nil {
		return errors.New("not a text")
	}
	if f.Kind != schemas.Instant {
		l.texts[f.Name] = text
		return nil
	}
	if text == "" && f.Nullable {
		return nil
	}
	at, err := instant(text)
	l.numbers[f.Name] = at
	return err
}

// instant reads a time to microseconds since the epoch.
func instant(text string) (int64, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || !strings.HasSuffix(text, "Z") || at.Nanosecond()%1000 != 0 || at.Year() < 2000 || at.Year() > 2200 {
		return 0, errors.New("not a time in UTC such as 2026-03-18T07:02:11.000001Z")
	}
	return at.UnixMicro(), nil
}

// filled are texts that every payment has from its first step on.
var filled = []string{"payment_id", "status", "event", "changed_by", "tenant", "job", "key", "method", "operation", "provider_code", "customer_id", "maker"}

var fingerprint = regexp.MustCompile(`^[0-9a-f]{64}$`)

// check says what cannot be.
func (l Line) check() error {
	wrong := func(key, what string) error { return fmt.Errorf("%s: %s: %w", key, what, ErrLine) }
	for _, column := range filled {
		if l.texts[column] == "" {
			return wrong(column, "empty")
		}
	}
	_, unknown := schemas.Exponent(l.texts["currency"])
	switch from := gate.Status(l.texts["from_status"]); {
	case !slices.Contains(gate.Statuses(), gate.Status(l.texts["status"])):
		return wrong("to", "no state of a payment")
	case from != "" && !slices.Contains(gate.Statuses(), from):
		return wrong("from", "no state of a payment")
	case l.numbers["version"] < 1:
		return wrong("version", "less than 1")
	case l.numbers["amount_minor"] < 1:
		return wrong("amount_minor", "no money")
	case unknown != nil:
		return wrong("currency", "not an ISO 4217 code")
	case !fingerprint.MatchString(l.texts["fingerprint"]):
		return wrong("fingerprint", "not 64 hexadecimal digits")
	}
	return l.checkPerson()
}

// shownDigits is how many digits of a telephone number its masked form may show.
const shownDigits = 8

// checkPerson refuses what could be the payer's number: it would stay in the
// lake for ever.
func (l Line) checkPerson() error {
	account, masked := l.texts["account"], l.texts["account_masked"]
	if _, ok := schemas.IsPseudonym(account); !ok && account != schemas.Erased {
		return fmt.Errorf("account: not a pseudonym: %w", ErrLine)
	}
	shown := strings.FieldsFuncSeq(masked, func(r rune) bool { return r < '0' || r > '9' })
	if masked == "" || len(strings.Join(slices.Collect(shown), "")) > shownDigits {
		return fmt.Errorf("account_masked: not masked: %w", ErrLine)
	}
	return nil
}
