package mpay

import (
	"errors"
	"fmt"
	"testing"
)

// FuzzWebhook: a body with a signature that holds is a settlement that can be
// read, or the error says that it cannot be used; with any other header it is
// refused.
func FuzzWebhook(f *testing.F) {
	f.Add("t=1744888085,v1=00", []byte(settledBody))
	f.Add("v1=,t=", []byte(`{"event":"x","idempotency_key":"k","wallet_id":"wlt_441b","amount":"1.50"}`))
	f.Add("", []byte(`{}`))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		w := testWebhooks(t)
		if _, err := w.Accept(header, body); !errors.Is(err, ErrSignature) && !errors.Is(err, ErrContent) {
			t.Fatalf("accepted without the secret, or an error of no known kind: %v", err)
		}
		at := webhookNow.Unix()
		_, err := w.Accept(fmt.Sprintf("t=%d,v1=%s", at, signWebhook(webhookSecret, at, string(body))), body)
		if err != nil {
			if !errors.Is(err, ErrContent) {
				t.Fatalf("an error of no known kind: %v", err)
			}
			return
		}
		pages, err := w.Pages([]Settled{{At: webhookNow, Body: body}})
		if err != nil || len(pages) != 1 {
			t.Fatalf("accepted, and then %d pages: %v", len(pages), err)
		}
		for _, p := range pages {
			if p.Rows.NumRows() != 1 {
				t.Fatalf("%d rows", p.Rows.NumRows())
			}
			p.Rows.Release()
		}
	})
}
