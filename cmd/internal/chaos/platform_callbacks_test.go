package chaos

import (
	"context"
	"errors"
	"fmt"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sources/flashpay"
)

// inbox holds notices in memory.
type inbox struct {
	waiting []pipeline.Notice
	next    int64
}

func (b *inbox) put(body []byte) {
	b.next++
	b.waiting = append(b.waiting, pipeline.Notice{ID: b.next, Source: "psp", Body: body})
}

func (b *inbox) Waiting(_ context.Context, _ []string, limit int) ([]pipeline.Notice, error) {
	return b.waiting[:min(limit, len(b.waiting))], nil
}

func (b *inbox) Settle(_ context.Context, ids []int64, _ string) error {
	b.waiting = b.waiting[len(ids):]
	return nil
}

// noticeReader reads stored callbacks as the binary does.
type noticeReader struct{ n *flashpay.Notices }

func (r noticeReader) Read(_ context.Context, notices []pipeline.Notice) ([]pipeline.Told, error) {
	var rows [][]byte
	for _, n := range notices {
		row, err := r.n.Row(n.Body)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return []pipeline.Told{{Stream: r.n.Stream(), Page: r.n.Page(rows)}}, nil
}

// deliver lets the platform call back: about what is news, about what is old by
// now, or with a signature that does not hold.
func (w *platformWorld) deliver() error {
	for range 1 + w.d("callbacks", 6) {
		o := w.any()
		if o == nil {
			return nil
		}
		s, kind := o.truth(), w.d("kind", 4)
		if kind == 0 && len(o.states) > 1 {
			s = &o.states[w.d("state", len(o.states)-1)]
			w.seen["old callback"]++
		}
		text, secret := []byte(o.callback(s)), platformSecret
		if kind == 1 {
			secret = "another"
		}
		signature, err := flashpay.Sign(text, []byte(secret))
		if err != nil {
			return err
		}
		body := append(text[:len(text)-1], `,"signature":"`+signature+`"}`...)
		_, err = w.notices.Accept(body)
		switch {
		case kind == 1 && !errors.Is(err, flashpay.ErrSignature):
			return fmt.Errorf("a forged callback: %w", err)
		case kind == 1:
			w.seen["forged callback"]++
			continue
		case err != nil:
			return err
		}
		w.seen["callback"]++
		s.told = true
		for range 1 + w.d("again", 2) {
			w.inbox.put(body)
		}
	}
	return w.drained()
}

func (w *platformWorld) drained() error {
	for {
		if n, err := w.drain.Once(context.Background()); n == 0 || err != nil {
			return err
		}
	}
}
