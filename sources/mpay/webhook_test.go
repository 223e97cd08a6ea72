package mpay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
)

// The seed's body, as printed.
const settledBody = `{
  "event": "payment.settled",
  "idempotency_key": "idem_9c21",
  "wallet_id": "wlt_441b",
  "amount": -12.00,
  "currency": "AZN",
  "provider_code": "MOB_AZERCELL",
  "external_reference": "acr_88331"
}`

var (
	webhookSecret = []byte("a webhook secret of the tests")
	webhookNow    = time.Unix(1744888085, 0).UTC()
)

func signWebhook(secret []byte, at int64, body string) string {
	m := hmac.New(sha256.New, secret)
	fmt.Fprintf(m, "%d.%s", at, body)
	return hex.EncodeToString(m.Sum(nil))
}

func testWebhooks(t testing.TB) *Webhooks {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Baku")
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWebhooks(WebhooksConfig{Name: "mpay", Secrets: [][]byte{[]byte("the next one"), webhookSecret}, Zone: zone,
		Wallets: []string{"wlt_441b"}, Now: func() time.Time { return webhookNow }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWebhookSignature(t *testing.T) {
	w := testWebhooks(t)
	const at = 1744888085
	good := signWebhook(webhookSecret, at, settledBody)
	for name, c := range map[string]struct {
		header string
		holds  bool
	}{
		"as sent":             {fmt.Sprintf("t=%d,v1=%s", at, good), true},
		"spaces":              {fmt.Sprintf("t=%d, v1=%s", at, good), true},
		"several v1":          {fmt.Sprintf("t=%d,v1=%s,v1=%s", at, strings.Repeat("0", 64), good), true},
		"other schemes":       {fmt.Sprintf("t=%d,v0=x,v1=%s", at, good), true},
		"the next secret":     {fmt.Sprintf("t=%d,v1=%s", at, signWebhook([]byte("the next one"), at, settledBody)), true},
		"five minutes ago":    {fmt.Sprintf("t=%d,v1=%s", at-300, signWebhook(webhookSecret, at-300, settledBody)), true},
		"longer ago":          {fmt.Sprintf("t=%d,v1=%s", at-301, signWebhook(webhookSecret, at-301, settledBody)), false},
		"ahead":               {fmt.Sprintf("t=%d,v1=%s", at+301, signWebhook(webhookSecret, at+301, settledBody)), false},
		"another secret":      {fmt.Sprintf("t=%d,v1=%s", at, signWebhook([]byte("x"), at, settledBody)), false},
		"empty secret":        {fmt.Sprintf("t=%d,v1=%s", at, signWebhook(nil, at, settledBody)), false},
		"another time":        {fmt.Sprintf("t=%d,v1=%s", at+1, good), false},
		"two times":           {fmt.Sprintf("t=%d,t=%d,v1=%s", at, at, good), false},
		"a time with a sign":  {fmt.Sprintf("t=+%d,v1=%s", at, good), false},
		"no time":             {"v1=" + good, false},
		"no v1":               {fmt.Sprintf("t=%d", at), false},
		"truncated":           {fmt.Sprintf("t=%d,v1=%s", at, good[:62]), false},
		"the seed's sample":   {"t=1744888085,v1=a13f…", false},
		"absent":              {"", false},
		"too many to compare": {fmt.Sprintf("t=%d%s,v1=%s", at, strings.Repeat(",v1="+strings.Repeat("0", 64), 9), good), false},
	} {
		_, err := w.Accept(c.header, []byte(settledBody))
		if (err == nil) != c.holds || err != nil && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		body := []byte(settledBody)
		body[rng.IntN(len(body))] ^= 1 << rng.IntN(8)
		if _, err := w.Accept(fmt.Sprintf("t=%d,v1=%s", at, good), body); !errors.Is(err, ErrSignature) {
			t.Fatalf("accepted %s", body)
		}
	}
}

func TestWebhookContent(t *testing.T) {
	w := testWebhooks(t)
	const at = 1744888085
	for name, c := range map[string]struct {
		old, new string
		ok       bool
	}{
		"as printed":     {"-12.00", "-12.00", true},
		"amount as text": {"-12.00", `"-12.00"`, true},
		"unknown event":  {"payment.settled", "payment.noted", true},
		"unknown field":  {`"currency"`, `"note": {"a": [1]}, "currency"`, true},
		"deep":           {`"currency"`, `"note": ` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `, "currency"`, false},
		"no currency":    {`"currency": "AZN",`, "", true},
		"half a qəpik":   {"-12.00", "-12.005", false},
		"exponent":       {"-12.00", "-12e2", false},
		"no amount":      {`"amount": -12.00,`, "", false},
		"amount null":    {"-12.00", "null", false},
		"no key":         {"idem_9c21", "", false},
		"foreign wallet": {"wlt_441b", "wlt_9999", false},
		"key twice":      {`"currency": "AZN",`, `"currency": "AZN", "currency": "AZN",`, false},
		"wrong type":     {`"wlt_441b"`, "441", false},
		"other currency": {"AZN", "XYZ", false},
	} {
		body := strings.Replace(settledBody, c.old, c.new, 1)
		_, err := w.Accept(fmt.Sprintf("t=%d,v1=%s", at, signWebhook(webhookSecret, at, body)), []byte(body))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrContent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWebhookTooLarge(t *testing.T) {
	if _, err := testWebhooks(t).Accept("", make([]byte, MaxWebhook+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestWebhookRows(t *testing.T) {
	w := testWebhooks(t)
	pages, err := w.Pages([]Settled{{webhookNow, []byte(settledBody)}, {webhookNow.Add(time.Second), []byte(strings.Replace(settledBody, "payment.settled", "payment.noted", 1))}})
	if err != nil || len(pages) != 1 {
		t.Fatalf("%v %v", pages, err)
	}
	page := pages["wlt_441b"]
	defer page.Rows.Release()
	at := func(name string) string { return page.Rows.Column(schemas.Settlements.Index(name)).ValueStr(0) }
	if page.Rows.NumRows() != 2 || at("amount_minor") != "-1200" || at("idempotency_key") != "idem_9c21" || at("provider_code") != "MOB_AZERCELL" ||
		at("external_reference") != "acr_88331" || at("business_date") != "2025-04-17" || page.Unknown["event:payment.noted"] != 1 {
		t.Errorf("%v %v", page.Rows, page.Unknown)
	}
	if got := page.Rows.Column(schemas.Settlements.Index("settled_at")).(*array.Timestamp).Value(0); int64(got) != webhookNow.UnixMicro() {
		t.Errorf("settled at %d", got)
	}
}
