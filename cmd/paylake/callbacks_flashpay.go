package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/paylake/paylake/cmd/internal/callbacks"
	"github.com/paylake/paylake/cmd/internal/intents"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sources/flashpay"
)

func (h *house) flashpayNotices(ctx context.Context, s config.Source) (*flashpay.Notices, error) {
	secrets, err := config.Values(ctx, s.Secret)
	if err != nil {
		return nil, err
	}
	return flashpay.NewNotices(flashpay.NoticesConfig{Name: s.Name, ProjectID: s.ProjectID, Secrets: secrets, Zone: s.Zone,
		Keep: h.keep(s.Name, "operations"), Pseudonyms: h.pseudo, Now: h.p.now})
}

// Kinds of deliveries: signed ones about operations, and unsigned ones that hint
// at chargebacks.
const (
	kindOperation = "operation"
	kindHint      = "chargeback"
)

func judgeFlashpay(n *flashpay.Notices, now func() time.Time) callbacks.Judge {
	hints := newHintGate()
	return func(_ http.Header, body []byte) (callbacks.Verdict, error) {
		c, err := n.Accept(body)
		if errors.Is(err, flashpay.ErrSignature) && n.Hint(body) == nil {
			if !hints.allow(body, now()) {
				return callbacks.Verdict{}, fmt.Errorf("more than %d unsigned notices in a minute (%w)", hintsPerMinute, callbacks.ErrTooMany)
			}
			return callbacks.Verdict{Kind: kindHint}, nil
		}
		switch {
		case errors.Is(err, flashpay.ErrContent):
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrContent)
		case err != nil:
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrMalformed)
		}
		return callbacks.Verdict{Kind: kindOperation, Variant: c.Variant.String()}, nil
	}
}

// flashpayReader reads operations out of stored callbacks, and the steps of
// payments that were initiated here.
type flashpayReader struct {
	n     *flashpay.Notices
	steps intents.Reader
}

// Read implements pipeline.NoticeReader. The signatures held when the callbacks
// came, perhaps with a secret that has been rotated away since.
func (f flashpayReader) Read(_ context.Context, notices []pipeline.Notice) (told []pipeline.Told, err error) {
	var rows [][]byte
	var hints []flashpay.Hinted
	var steps []pipeline.Notice
	for _, n := range notices {
		switch n.Kind {
		case kindHint:
			hints = append(hints, flashpay.Hinted{At: n.At, Body: n.Body})
			continue
		case intents.Kind:
			steps = append(steps, n)
			continue
		}
		row, err := f.n.Row(n.Body)
		if err != nil {
			return nil, fmt.Errorf("delivery %d: %w", n.ID, err)
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	if told, err = f.steps.Tell(steps); err != nil {
		return nil, err
	}
	if len(hints) > 0 {
		page, err := f.n.Hints(hints)
		if err != nil {
			return nil, err
		}
		told = append(told, pipeline.Told{Stream: f.n.HintStream(), Page: page})
	}
	if len(rows) > 0 {
		told = append(told, pipeline.Told{Stream: f.n.Stream(), Page: f.n.Page(rows)})
	}
	return told, nil
}
