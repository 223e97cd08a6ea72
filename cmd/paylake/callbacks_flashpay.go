package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/paylake/paylake/cmd/internal/callbacks"
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

// kindOperation is the kind of deliveries about operations.
const kindOperation = "operation"

func judgeFlashpay(n *flashpay.Notices) callbacks.Judge {
	return func(_ http.Header, body []byte) (callbacks.Verdict, error) {
		c, err := n.Accept(body)
		switch {
		case errors.Is(err, flashpay.ErrContent):
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrContent)
		case err != nil:
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrMalformed)
		}
		return callbacks.Verdict{Kind: kindOperation, Variant: c.Variant.String()}, nil
	}
}

// flashpayReader reads operations out of stored callbacks.
type flashpayReader struct{ n *flashpay.Notices }

// Read implements pipeline.NoticeReader. The signatures held when the callbacks
// came, perhaps with a secret that has been rotated away since.
func (f flashpayReader) Read(_ context.Context, notices []pipeline.Notice) ([]pipeline.Told, error) {
	var rows [][]byte
	for _, n := range notices {
		row, err := f.n.Row(n.Body)
		if err != nil {
			return nil, fmt.Errorf("delivery %d: %w", n.ID, err)
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return []pipeline.Told{{Stream: f.n.Stream(), Page: f.n.Page(rows)}}, nil
}
