package flashpay

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// FuzzCallback: a body, as it came and with a signature that holds, is a callback
// whose row can be read, or the error says which of three things is wrong. As it
// came, without the secret, it is never accepted.
func FuzzCallback(f *testing.F) {
	for _, body := range samples(f) {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"project_id":137493,"operation":{"id":"1","created_date":"2025-01-27T08:13:50+0000"},"account":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n := testNotices(t)
		if _, err := n.Accept(body); err == nil {
			t.Fatal("accepted without the secret")
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(body, &members) != nil || len(members) == 0 {
			return
		}
		delete(members, "signature")
		bare, err := json.Marshal(members)
		if err != nil || len(members) == 0 {
			return
		}
		signature, err := Sign(bare, callbackSecret)
		if err != nil {
			if !errors.Is(err, ErrGrammar) {
				t.Fatalf("an error of no known kind: %v", err)
			}
			return
		}
		c, err := n.Accept(append(bytes.TrimSuffix(bare, []byte("}")), `,"signature":"`+signature+`"}`...))
		switch {
		case err != nil:
			if !errors.Is(err, ErrGrammar) && !errors.Is(err, ErrSignature) && !errors.Is(err, ErrContent) {
				t.Fatalf("an error of no known kind: %v", err)
			}
		case c.Row != nil:
			page := n.Page([][]byte{c.Row})
			defer page.Rows.Release()
			if page.Rows.NumRows() != 1 || len(page.Rejects) > 0 {
				t.Fatalf("accepted, and then %d rows, rejects %v", page.Rows.NumRows(), page.Rejects)
			}
		}
	})
}
