package main

// Files of the lake that were lost or damaged: what is affected, what is put
// back, and what a person can type for the rest.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/lake"
)

// shownWallets is how many wallets of one damaged file are printed.
const shownWallets = 10

// showAffected says what each damaged file takes with it, and what to type. cfg
// may be nil: then nobody knows the pipelines' names.
func showAffected(w io.Writer, cfg *config.Config, damaged []lake.Damage) {
	if len(damaged) == 0 {
		return
	}
	gap := false
	for _, d := range damaged {
		gap = gap || d.Entry() == nil
		fmt.Fprintf(w, "affected: %s: %s\n", d.Path, d)
		for _, line := range spansOf(d.Windows) {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	if gap {
		fmt.Fprintln(w, "next: paylake rebuild puts the manifest back if the bucket keeps versions; else take it from a copy of the lake; what only it can have named is listed above and still there; until then nothing is written to this lake")
		return
	}
	fmt.Fprintln(w, "next: paylake rebuild puts back, bit for bit, what older versions, merged objects and the warehouse still hold; it drops nothing before the lake is whole")
	for _, command := range rereading(cfg, damaged) {
		fmt.Fprintln(w, "then, for what they do not hold:", command)
	}
}

// spansOf merges neighbouring windows and prints them by wallet.
func spansOf(windows []lake.WindowRef) []string {
	var wallets []string
	spans := map[string][]schemas.Window{}
	for _, r := range windows {
		if r.Window.IsZero() {
			continue
		}
		have := spans[r.WalletID]
		if have == nil {
			wallets = append(wallets, r.WalletID)
		}
		if n := len(have); n > 0 && have[n-1].To.Equal(r.Window.From) {
			have[n-1].To = r.Window.To
		} else {
			have = append(have, r.Window)
		}
		spans[r.WalletID] = have
	}
	var out []string
	for i, w := range wallets {
		if i == shownWallets {
			return append(out, fmt.Sprintf("and %d more wallets (--json lists them)", len(wallets)-i))
		}
		var text []string
		for _, s := range spans[w] {
			text = append(text, s.String())
		}
		name := "windows "
		if w != "" {
			name = "wallet " + w + ", windows "
		}
		out = append(out, name+strings.Join(text, ", "))
	}
	return out
}

// rereading are the commands that read the days of damaged objects again, one
// for each pipeline.
func rereading(cfg *config.Config, damaged []lake.Damage) []string {
	type days struct{ from, to time.Time }
	var names []string
	spans := map[string]days{}
	for _, d := range damaged {
		if d.Rejects || d.Entry() == nil || d.Entry().Kind == lake.KindCompact {
			// The raw texts of rejects are in the vault; reading again counts them as
			// seen. Merged objects are made of old ones, which are listed if they are lost.
			continue
		}
		name, zone := pipelineOf(cfg, d)
		from, to := d.MinTime.In(zone), d.MaxTime.In(zone)
		if d.MinTime.IsZero() { // a catalogue is read whole, whatever the day
			from = d.Entry().CreatedAt.In(zone)
			to = from
		}
		s, ok := spans[name]
		if !ok {
			names = append(names, name)
			s = days{from, to}
		}
		if from.Before(s.from) {
			s.from = from
		}
		if to.After(s.to) {
			s.to = to
		}
		spans[name] = s
	}
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("paylake run %s --from %s --to %s", n, spans[n].from.Format(time.DateOnly), spans[n].to.AddDate(0, 0, 1).Format(time.DateOnly))
	}
	return out
}

// configured is the configuration, if there is one and it is that lake's: verify
// needs none.
func (p *program) configured(lakeURL string) *config.Config {
	if h, err := p.open(); err == nil && h.cfg.Lake == lakeURL {
		return h.cfg
	}
	return nil
}

// pipelineOf is the pipeline that fills a table from a source, and its zone.
func pipelineOf(cfg *config.Config, d lake.Damage) (string, *time.Location) {
	name, zone := "PIPELINE", time.UTC
	if cfg == nil {
		return name, zone
	}
	for _, q := range cfg.Pipelines {
		if q.Source == d.Source && q.Table == d.Table {
			name = q.Name
		}
	}
	if s, ok := cfg.SourceNamed(d.Source); ok && s.Zone != nil {
		zone = s.Zone
	}
	return name, zone
}

// mendLake puts back what the lake has lost and the warehouse holds. A lake that
// is not whole after that is an error, and nothing may be dropped: the warehouse
// can be the last place where some rows are.
func (h *house) mendLake(ctx context.Context, ch *clickhouse.Warehouse) error {
	damaged, err := h.lake.Damaged(ctx, nil)
	if err != nil || len(damaged) == 0 {
		return err
	}
	damaged, err = h.mendFromLake(ctx, damaged)
	if err != nil || len(damaged) == 0 {
		return err
	}
	back, left, err := ch.Rescue(ctx, damaged)
	h.sayBack(back, "the warehouse")
	if err == nil && len(back) > 0 { // what is back can give what was merged from it
		left, err = h.mendRest(ctx, left)
	}
	if err != nil || len(left) == 0 {
		return err
	}
	var rest []lake.Damage
	for _, u := range left {
		fmt.Fprintf(h.p.stderr, "still lost: %s\n", u)
		rest = append(rest, u.Damage)
	}
	for _, d := range rest {
		fmt.Fprintf(h.p.stderr, "affected: %s: %s\n", d.Path, d)
	}
	for _, command := range rereading(h.cfg, rest) {
		fmt.Fprintln(h.p.stderr, "read it again:", command)
	}
	return fmt.Errorf("%d files of the lake are lost, and the warehouse does not give them back; nothing was dropped; restore them from a copy, or read them again (%s): %w",
		len(rest), rest[0].Path, sinks.ErrCorrupt)
}

// mendFromLake puts back what the lake itself gives; the rest is returned.
func (h *house) mendFromLake(ctx context.Context, damaged []lake.Damage) ([]lake.Damage, error) {
	back, left, err := h.lake.Mend(ctx, damaged)
	for _, m := range back {
		h.sayBack([]lake.Damage{m.Damage}, m.From)
	}
	return left, err
}

// mendRest tries the lake once more for what nobody else gave.
func (h *house) mendRest(ctx context.Context, left []lake.Unrestored) ([]lake.Unrestored, error) {
	var damaged []lake.Damage
	for _, u := range left {
		damaged = append(damaged, u.Damage)
	}
	rest, err := h.mendFromLake(ctx, damaged)
	return slices.DeleteFunc(left, func(u lake.Unrestored) bool {
		return !slices.ContainsFunc(rest, func(d lake.Damage) bool { return d.Path == u.Path })
	}), err
}

// mendManifests puts back manifests of which the bucket keeps older versions.
func (h *house) mendManifests(ctx context.Context) (mended bool, err error) {
	back, lost, err := lake.MendManifests(ctx, h.cfg.Lake)
	for _, path := range back {
		fmt.Fprintf(h.p.stdout, "put back from an older version in the bucket, bit for bit: %s\n", path)
	}
	for _, path := range lost {
		fmt.Fprintf(h.p.stderr, "still lost: %s; put it back from a copy of the lake\n", path)
	}
	return len(back) > 0, err
}

// openWhole opens the lake; a lake with a gap, or one whose log has more
// manifests than there are, after what could be put back is back.
func (h *house) openWhole(ctx context.Context) error {
	err := h.openLake(ctx)
	if errors.Is(err, sinks.ErrCorrupt) {
		if mended, merr := h.mendManifests(ctx); merr != nil || !mended {
			return errors.Join(err, merr)
		}
		return h.openLake(ctx)
	}
	return err
}

func (h *house) sayBack(back []lake.Damage, from string) {
	for _, d := range back {
		fmt.Fprintf(h.p.stdout, "put back from %s, bit for bit: %s: %s\n", from, d.Path, d)
	}
}

// readLostAgain looks for lost objects in the days that a person asked for,
// reads those days from the source and puts back what gives the same bytes. ok
// is false when something is left: then the days cannot be committed anew, for
// nobody could tell which rows the lake has.
func (h *house) readLostAgain(ctx context.Context, job pipeline.Job) (v pipeline.Verdict, ok bool) {
	if job.From.IsZero() && job.To.IsZero() {
		return v, true
	}
	stream := job.Streams[0].Stream()
	lost, err := h.lake.Damaged(ctx, func(d lake.Damage) bool {
		outside := !d.MinTime.IsZero() && (!job.From.IsZero() && d.MaxTime.Before(job.From) || !job.To.IsZero() && !d.MinTime.Before(job.To))
		return !d.Rejects && d.Source == stream.Source && d.Table == stream.Table.Name && !outside
	})
	if err != nil {
		return pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{err.Error()}}, false
	}
	if lost, err = h.mendFromLake(ctx, lost); err != nil {
		return pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{err.Error()}}, false
	}
	if len(lost) == 0 {
		return v, true
	}
	again := h.lake.Reread(lost)
	job.Sink, job.Followers, job.Vault, job.Progress = again, nil, nil, nil
	report, _ := pipeline.Run(ctx, job) // its error is in the report
	v = report.Verdict()
	back, left, err := again.Restore(ctx)
	h.sayBack(back, "the source")
	if err == nil && len(back) > 0 {
		left, err = h.mendRest(ctx, left)
	}
	if err != nil {
		v = v.And(pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{err.Error()}})
	}
	for _, u := range left {
		v = v.And(pipeline.Verdict{Code: pipeline.CodeFailed, Why: []string{fmt.Sprintf("%s is still lost: %s; restore it from a copy of the lake; %s", u.Path, u.Why, u.Damage)}})
	}
	return v, err == nil && len(left) == 0 && slices.Contains([]int{pipeline.CodeDone, pipeline.CodeFinding}, v.Code)
}
