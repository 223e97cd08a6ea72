package main

// Persons on their way into the vault: who stands behind pseudonyms, and whose
// numbers raw texts hold.

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
)

// persons is the vault as pipelines see it. State and pseudonyms must be open.
type persons struct {
	h *house

	mu     sync.Mutex
	met    map[string]string // not kept yet
	owners map[[2]string]string
}

var (
	_ pipeline.Subjects = (*persons)(nil)
	_ pipeline.Vault    = (*persons)(nil)
)

func newPersons(h *house) *persons {
	p := &persons{h: h, met: map[string]string{}, owners: map[[2]string]string{}}
	for _, s := range h.cfg.Sources {
		for _, w := range s.Wallets {
			p.owners[[2]string{s.Name, w.ID}] = w.MSISDN
		}
	}
	h.pseudo.Seen() // collect from now on
	return p
}

// Keep implements pipeline.Subjects.
func (p *persons) Keep(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	subjects := p.h.state.Subjects()
	erased, err := subjects.Suppressed(ctx)
	if err != nil {
		return err
	}
	p.h.pseudo.Suppress(erased)
	maps.Copy(p.met, p.h.pseudo.Seen())
	if err := subjects.Keep(ctx, p.met); err != nil {
		return err
	}
	p.met = map[string]string{}
	return nil
}

// Put implements pipeline.Vault. A raw text is sealed for everybody whose
// number it may hold and for the owner of the wallet: when one of them is
// erased it opens no more.
func (p *persons) Put(ctx context.Context, s schemas.Stream, id string, raw []byte) error {
	people := map[string]string{}
	numbers := schemas.Numbers(raw, p.h.region(s.Source))
	if owner := p.owners[[2]string{s.Source, s.Wallet}]; owner != "" {
		numbers = append(numbers, owner)
	}
	for _, n := range numbers {
		people[p.h.pseudo.Subject(n)] = n
	}
	if err := p.h.state.Subjects().Keep(ctx, people); err != nil {
		return err
	}
	if schemas.IsRowText(raw) { // it has pseudonyms in place of numbers
		known, err := p.h.state.Subjects().Known(ctx, schemas.Persons(raw))
		if err != nil {
			return err
		}
		for _, name := range known {
			people[name] = ""
		}
	}
	return p.h.state.Vault().Put(ctx, id, raw, slices.Sorted(maps.Keys(people))...)
}

// region is where national telephone numbers of a source are read.
func (h *house) region(source string) string {
	if s, _ := h.cfg.SourceNamed(source); s.Type == config.Flashpay {
		return "KG"
	}
	return "AZ"
}
