package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/cmd/internal/callbacks"
	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sources/mpay"
)

func (h *house) mpayWebhooks(ctx context.Context, s config.Source) (*mpay.Webhooks, error) {
	secrets, err := config.Values(ctx, s.WebhookSecret)
	if err != nil {
		return nil, err
	}
	c := mpay.WebhooksConfig{Name: s.Name, Secrets: secrets, Zone: s.Zone, Now: h.p.now}
	for _, w := range s.Wallets {
		c.Wallets = append(c.Wallets, w.ID)
	}
	return mpay.NewWebhooks(c)
}

// kindSettlement is the kind of deliveries about settled payments. Their
// variant names the time of the signature, which nothing else knows.
const (
	kindSettlement = "settlement"
	variantMPAY    = "v1 t="
)

func judgeMPAY(w *mpay.Webhooks) callbacks.Judge {
	return func(h http.Header, body []byte) (callbacks.Verdict, error) {
		at, err := w.Accept(h.Get("MPAY-Signature"), body)
		switch {
		case errors.Is(err, mpay.ErrTooLarge):
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrTooLarge)
		case errors.Is(err, mpay.ErrContent):
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrContent)
		case err != nil:
			return callbacks.Verdict{}, fmt.Errorf("%w (%w)", err, callbacks.ErrMalformed)
		}
		return callbacks.Verdict{Kind: kindSettlement, Variant: variantMPAY + strconv.FormatInt(at.Unix(), 10)}, nil
	}
}

// mpayReader reads settlements out of stored webhooks.
type mpayReader struct{ w *mpay.Webhooks }

// Read implements pipeline.NoticeReader.
func (m mpayReader) Read(_ context.Context, notices []pipeline.Notice) ([]pipeline.Told, error) {
	var list []mpay.Settled
	for _, n := range notices {
		seconds, err := strconv.ParseInt(strings.TrimPrefix(n.Variant, variantMPAY), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("delivery %d: when it was signed is not known", n.ID)
		}
		list = append(list, mpay.Settled{At: time.Unix(seconds, 0).UTC(), Body: n.Body})
	}
	pages, err := m.w.Pages(list)
	if err != nil {
		return nil, err
	}
	var told []pipeline.Told
	for _, wallet := range slices.Sorted(maps.Keys(pages)) {
		told = append(told, pipeline.Told{Stream: m.w.Stream(wallet), Page: pages[wallet]})
	}
	return told, nil
}
