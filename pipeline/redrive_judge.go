package pipeline

// Judging rejected rows again: what decodes now, and what of it may be committed.

import (
	"context"
	"fmt"
	"slices"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

type sayer func(c *candidate, f Fate, format string, args ...any)

// decode makes records of raw texts, as far as consents and checks allow.
func (d *Redriving) decode(ctx context.Context, r *run, p *permit, mine []*candidate, say sayer) error {
	s := mine[0].Stream
	var texts []sources.Refused
	var of []*candidate
	for _, c := range mine {
		if !schemas.IsRowText(c.Raw) {
			texts, of = append(texts, sources.Refused{RowID: c.RowID, Currency: c.Currency, Raw: c.Raw}), append(of, c)
			continue
		}
		rec, err := schemas.RowOfText(s.Table, c.Raw, d.rename)
		if err != nil {
			say(c, FateKept, "%v", err)
			continue
		}
		c.rec = rec
	}
	if len(of) > 0 {
		reader, ok := d.Reader(s)
		if !ok {
			for _, c := range of {
				say(c, FateKept, "what %s reads of %s cannot be decoded again row by row; the next run observes it anew", s.Source, s.Table.Name)
			}
		} else {
			for i, one := range reader.Redrive(ctx, texts) {
				of[i].take(one, say)
			}
		}
	}
	judge, err := r.judge(s.Table)
	if err != nil {
		return err
	}
	for _, c := range mine {
		if c.rec == nil {
			continue
		}
		page, err := r.refused(judge, p.narrowed(sources.Page{Rows: c.rec}, s.Table), s.Table, p)
		c.rec = page.Rows
		if err != nil {
			return err
		}
		if len(page.Rejects) > 0 {
			say(c, FateBad, "%s %s", page.Rejects[0].Reason, page.Rejects[0].Field)
		}
	}
	return r.people(ctx) // who was met just now
}

func (d *Redriving) rename(text string) string {
	if _, ok := schemas.IsPseudonym(text); ok && d.Person != nil {
		return d.Person(text)
	}
	return text
}

// take takes over what a source made of the row.
func (c *candidate) take(one sources.Decoded, say sayer) {
	if one.Err != nil {
		say(c, FateKept, "%v", one.Err)
		return
	}
	c.rec = one.Page.Rows
	switch {
	case len(one.Page.Rejects) > 0:
		say(c, FateBad, "%s %s", one.Page.Rejects[0].Reason, one.Page.Rejects[0].Field)
	case one.Page.Outside > 0 || c.rec.NumRows() == 0:
		say(c, FateKept, "it lies before the start of the pipeline")
	}
}

// compare leaves out what the sink shows already, in this or another wording,
// and what two of the rows themselves word differently.
func (d *Redriving) compare(ctx context.Context, s schemas.Stream, mine []*candidate, say sayer) error {
	sink, ok := d.Job.Sink.(sinks.Comparer)
	if !ok {
		return fmt.Errorf("redrive %s: the sink cannot compare rows", s)
	}
	h := schemas.NewHasher(s.Table)
	for _, c := range mine {
		if c.rec != nil {
			c.keys, c.sums = h.Rows(c.rec, nil, nil)
		}
	}
	rivals(mine, say)
	for _, c := range mine {
		if c.rec == nil {
			continue
		}
		standing, err := sink.Compare(ctx, s, c.rec)
		switch {
		case err != nil:
			return err
		case slices.Contains(standing, sinks.Other):
			say(c, FateOlder, "the lake shows another row of this key, which came otherwise and stays")
		default:
			c.same = !slices.Contains(standing, sinks.Absent)
		}
	}
	return nil
}

// rivals: of several wordings of one key the one rejected last is the newest;
// where that does not tell, none is taken.
func rivals(mine []*candidate, say sayer) {
	type word struct {
		snapshot int64
		sum      uint64
		torn     bool
	}
	newest := map[schemas.Key]word{}
	for _, c := range mine {
		for i, k := range c.keys {
			w, seen := newest[k]
			switch {
			case !seen || c.Snapshot > w.snapshot:
				w = word{snapshot: c.Snapshot, sum: c.sums[i]}
			case c.Snapshot == w.snapshot && c.sums[i] != w.sum:
				w.torn = true
			}
			newest[k] = w
		}
	}
	for _, c := range mine {
		for i, k := range c.keys {
			if w := newest[k]; w.torn || w.sum != c.sums[i] {
				say(c, FateOlder, "another rejected row has the same key and is newer, or as new, and says something else")
			}
		}
	}
}
