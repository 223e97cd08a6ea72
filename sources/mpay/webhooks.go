package mpay

import (
	"bytes"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// WebhooksConfig is what is needed to read the webhooks of one source.
type WebhooksConfig struct {
	Name    string   // of the source
	Secrets [][]byte // every live one: several while rotating
	Zone    *time.Location
	Wallets []string // whose webhooks are taken
	Now     func() time.Time
}

// Webhooks reads what a wallet sends by itself. Safe for concurrent use.
type Webhooks struct {
	cfg     WebhooksConfig
	zone    *schemas.Zone
	wallets map[string]bool
}

// NewWebhooks returns a reader of webhooks. It sends nothing.
func NewWebhooks(cfg WebhooksConfig) (*Webhooks, error) {
	if len(cfg.Secrets) == 0 || cfg.Zone == nil || cfg.Now == nil {
		return nil, fmt.Errorf("mpay %s: webhooks need a secret, a time zone and a clock", cfg.Name)
	}
	w := &Webhooks{cfg: cfg, zone: schemas.NewZone(cfg.Zone), wallets: map[string]bool{}}
	for _, id := range cfg.Wallets {
		w.wallets[id] = true
	}
	return w, nil
}

// Settled is a webhook with the time that its signature names.
type Settled struct {
	At   time.Time
	Body []byte
}

// Accept judges a webhook: its signature first, then whether every value can be
// read. It returns the time that the signature names, which is the event's:
// the body has none. Errors wrap ErrSignature or ErrContent and quote nothing.
func (w *Webhooks) Accept(signature string, body []byte) (at time.Time, err error) {
	if len(body) > MaxWebhook {
		return at, fmt.Errorf("mpay: webhook of more than %d bytes: %w", MaxWebhook, ErrTooLarge)
	}
	if at, err = verifyWebhook(signature, body, w.cfg.Secrets, w.cfg.Now()); err != nil {
		return at, fmt.Errorf("mpay: webhook: %w", err)
	}
	n, err := readSettlement(body)
	if err == nil && !w.wallets[n.wallet] {
		err = fmt.Errorf("wallet_id: not a wallet of this source: %w", ErrContent)
	}
	if err != nil {
		return at, fmt.Errorf("mpay: webhook: %w", err)
	}
	return at, nil
}

// Pages reads accepted webhooks, a page for each wallet.
func (w *Webhooks) Pages(list []Settled) (map[string]sources.Page, error) {
	builders := map[string]*array.RecordBuilder{}
	unknown := map[string]map[string]int64{}
	defer func() {
		for _, b := range builders {
			b.Release()
		}
	}()
	for _, one := range list {
		n, err := readSettlement(one.Body)
		if err != nil {
			return nil, fmt.Errorf("mpay: webhook: %w", err)
		}
		b := builders[n.wallet]
		if b == nil {
			b = array.NewRecordBuilder(memory.NewGoAllocator(), schemas.Settlements.ArrowSchema())
			builders[n.wallet], unknown[n.wallet] = b, map[string]int64{}
		}
		w.append(b, n, one.At.UnixMicro())
		if n.event != eventSettled {
			unknown[n.wallet]["event:"+plainWord(n.event)]++
		}
	}
	out := map[string]sources.Page{}
	for wallet, b := range builders {
		out[wallet] = sources.Page{Rows: b.NewRecord(), Unknown: unknown[wallet]}
	}
	return out, nil
}

// Stream names what the webhooks of a wallet are about.
func (w *Webhooks) Stream(wallet string) sources.Stream {
	return sources.Stream{Source: w.cfg.Name, Wallet: wallet, Table: schemas.Settlements}
}

func (w *Webhooks) append(b *array.RecordBuilder, n settlement, at int64) {
	texts := map[string]string{"source": w.cfg.Name, "wallet_id": n.wallet, "idempotency_key": n.key, "event": n.event,
		"currency": n.currency, "provider_code": n.provider, "external_reference": schemas.MaskReference(n.reference, region)}
	for i, f := range schemas.Settlements.Fields {
		switch b := b.Field(i).(type) {
		case *array.StringBuilder:
			b.Append(texts[f.Name])
		case *array.TimestampBuilder:
			b.Append(arrow.Timestamp(at))
		case *array.Date32Builder:
			b.Append(arrow.Date32(w.zone.BusinessDate(at)))
		case *array.Int64Builder:
			b.Append(n.amount)
		}
	}
}

const eventSettled = "payment.settled"

// settlement is the body of a webhook.
type settlement struct {
	event, key, wallet, currency, provider, reference string
	amount                                            int64
}

// readSettlement reads a body strictly: one reading, every value of its type.
// The amount is in major units, as a number or a text. Errors wrap ErrContent.
func readSettlement(body []byte) (n settlement, err error) {
	var in struct {
		Event     string         `json:"event"`
		Key       string         `json:"idempotency_key"`
		Wallet    string         `json:"wallet_id"`
		Amount    jsontext.Value `json:"amount"`
		Currency  string         `json:"currency"`
		Provider  string         `json:"provider_code"`
		Reference string         `json:"external_reference"`
	}
	if deep(body) {
		return n, fmt.Errorf("more than %d objects inside one another: %w", maxDepth, ErrContent)
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return n, fmt.Errorf("not one JSON object of the expected types, each key once: %w", ErrContent)
	}
	n = settlement{event: in.Event, key: in.Key, wallet: in.Wallet, currency: in.Currency, provider: in.Provider, reference: in.Reference}
	for _, must := range []struct{ name, value string }{{"event", n.event}, {"idempotency_key", n.key}, {"wallet_id", n.wallet}} {
		if must.value == "" {
			return n, fmt.Errorf("%s is missing: %w", must.name, ErrContent)
		}
	}
	for _, text := range []string{n.event, n.key, n.wallet, n.currency, n.provider, n.reference} {
		if len(text) > maxText || hasControl(text) {
			return n, fmt.Errorf("a text is too long or holds a control character: %w", ErrContent)
		}
	}
	if n.currency == "" {
		n.currency = string(azn)
	}
	digits, err := exponent([]byte(n.currency))
	if err != nil {
		return n, fmt.Errorf("currency: not an ISO 4217 code: %w", ErrContent)
	}
	literal := []byte(in.Amount)
	if in.Amount.Kind() == '"' {
		literal, err = jsontext.AppendUnquote(nil, in.Amount)
	}
	if err == nil {
		n.amount, err = schemas.ParseMinor(literal, digits)
	}
	if err != nil {
		return n, fmt.Errorf("amount: %s: %w", schemas.AmountReason(err), ErrContent)
	}
	return n, nil
}

// deep reports whether objects and lists lie too far inside one another.
func deep(body []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		if _, err := d.ReadToken(); err != nil {
			return false // what is wrong with it is said elsewhere
		}
		if d.StackDepth() > maxDepth {
			return true
		}
	}
}

func hasControl(text string) bool {
	for _, c := range []byte(text) {
		if c < 0x20 || c == 0x7f {
			return true
		}
	}
	return false
}

// plainWord is a word that is safe to count by.
func plainWord(s string) string {
	if len(s) > 64 {
		return "(other)"
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && c != '.' && c != '_' {
			return "(other)"
		}
	}
	return s
}
