package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/schemas"
)

// What a lost or damaged file takes with it: told from the manifest that named
// it, so that somebody knows whose rows are missing, how much money they move,
// and which days to read again.

// Damage is a file that was published and does not hold any more.
type Damage struct {
	Path     string      `json:"path"` // full, as in the finding
	Manifest int64       `json:"manifest"`
	Gone     bool        `json:"gone"` // it is not there; else it has other bytes
	Source   string      `json:"source"`
	Table    string      `json:"table"`
	Rejects  bool        `json:"rejects"` // a quarantine file: its rows are rejected ones
	Rows     int64       `json:"rows"`    // retraction rows included
	Sums     []Sum       `json:"sums"`    // by currency: rows, and Σ sign·amount
	Windows  []WindowRef `json:"windows"` // whose rows may lie in it
	MinTime  time.Time   `json:"min_time,omitzero"`
	MaxTime  time.Time   `json:"max_time,omitzero"` // inclusive; absent for a catalogue

	entry *Entry
	at    Object
	file  QuarantineFile
}

// WindowRef is one window of one wallet.
type WindowRef struct {
	WalletID string         `json:"wallet_id"`
	Window   schemas.Window `json:"window,omitzero"` // absent for a catalogue
}

// String says in one line what is affected.
func (d Damage) String() string {
	kind := "rows"
	if d.Rejects {
		kind = "rejected rows"
	}
	text := fmt.Sprintf("%d %s of %s from %s, committed by manifest %d", d.Rows, kind, d.Table, d.Source, d.Manifest)
	for _, s := range d.Sums {
		text += fmt.Sprintf(", %s %s", money(s), s.Currency)
	}
	if !d.MinTime.IsZero() {
		text += fmt.Sprintf(", from %s to %s", d.MinTime.UTC().Format(time.RFC3339), d.MaxTime.UTC().Format(time.RFC3339))
	}
	wallets := map[string]bool{}
	for _, w := range d.Windows {
		wallets[w.WalletID] = true
	}
	delete(wallets, "")
	if n := len(wallets); n > 0 {
		text += fmt.Sprintf(", %d windows of %d wallets", len(d.Windows), n)
	}
	return text
}

// money writes a sum in major units where the currency is known.
func money(s Sum) string {
	exponent, err := schemas.Exponent(s.Currency)
	if v, ok := s.Amount.Int64(); ok && err == nil {
		return schemas.FormatMinor(v, exponent)
	}
	return s.Amount.String() + " minor units of"
}

// damageTo describes what the loss of an object takes away.
func damageTo(e *Entry, o Object, path string) Damage {
	d := Damage{Path: path, Manifest: e.Sequence, Source: e.Source, Table: e.Table, Rows: o.Rows, Sums: o.Sums,
		MinTime: o.MinTime, MaxTime: o.MaxTime, Windows: []WindowRef{}, entry: e, at: o}
	for _, p := range e.Parts {
		apart := !p.Window.IsZero() && !o.MinTime.IsZero() && (p.Window.From.After(o.MaxTime) || !p.Window.To.After(o.MinTime))
		if p.Inserted+p.Retracted > 0 && p.WalletID >= o.MinWallet && p.WalletID <= o.MaxWallet && !apart {
			d.Windows = append(d.Windows, WindowRef{p.WalletID, p.Window})
		}
	}
	return d
}

// damageToRejects describes what the loss of a quarantine file takes away.
func damageToRejects(e *Entry, q QuarantineFile, path string) Damage {
	d := Damage{Path: path, Manifest: e.Sequence, Source: e.Source, Table: e.Table, Rejects: true, Rows: q.Rows,
		Sums: []Sum{}, Windows: []WindowRef{}, entry: e, file: q}
	for _, p := range e.Parts {
		if p.Quarantined.Rows > 0 {
			d.Windows = append(d.Windows, WindowRef{p.WalletID, p.Window})
		}
	}
	return d
}

// key and sha are those of the file as it was published.
func (d *Damage) key() (key, sha string) {
	if d.Rejects {
		return d.file.Path, d.file.SHA256
	}
	return d.at.Path, d.at.SHA256
}

// Damaged reads every file of the lake that a manifest names, as far as wanted
// says so (nil: all), and returns those that are gone or have other bytes, by
// manifest. It checks digests alone: what it returns nothing of holds what was
// committed.
func (l *Lake) Damaged(ctx context.Context, wanted func(Damage) bool) ([]Damage, error) {
	var mu sync.Mutex
	var bad []Damage
	g, sub := errgroup.WithContext(ctx)
	g.SetLimit(l.opts.Parallel)
	for e, err := range l.Manifests(ctx, 1) {
		if err != nil {
			return nil, errors.Join(err, g.Wait())
		}
		for _, d := range l.filesOf(&e) {
			if wanted != nil && !wanted(d) {
				continue
			}
			g.Go(func() error {
				hurt, err := l.hurt(sub, &d)
				if hurt {
					mu.Lock()
					defer mu.Unlock()
					bad = append(bad, d)
				}
				return err
			})
		}
	}
	err := g.Wait()
	slices.SortFunc(bad, func(a, b Damage) int { return cmp.Or(cmp.Compare(a.Manifest, b.Manifest), cmp.Compare(a.Path, b.Path)) })
	return bad, err
}

// filesOf describes the files of a manifest as if they were damaged.
func (l *Lake) filesOf(e *Entry) []Damage {
	var all []Damage
	for _, o := range e.Objects {
		all = append(all, damageTo(e, o, l.full(o.Path)))
	}
	for _, q := range e.Quarantine {
		all = append(all, damageToRejects(e, q, l.full(q.Path)))
	}
	return all
}

// hurt reports whether a file is not what was published.
func (l *Lake) hurt(ctx context.Context, d *Damage) (bool, error) {
	key, sha := d.key()
	data, err := l.bucket.Read(ctx, key, 0, -1)
	if errors.Is(err, errAbsent) {
		d.Gone = true
		return true, nil
	}
	return err == nil && digest(data) != sha, err
}

// affected lists what the findings of a verification take with them: files that
// manifests name, and, where a manifest is lost, files that only it can have
// named, read from the files themselves.
func (v *verifier) affected(ctx context.Context) ([]Damage, error) {
	at := map[string]bool{}
	for _, f := range v.report.Findings {
		at[f.Path] = true
	}
	var out []Damage
	add := func(d Damage, key string) {
		if at[d.Path] {
			_, there := v.files[key]
			d.Gone = !there
			out = append(out, d)
		}
	}
	for i := range v.manifests {
		e := &v.manifests[i]
		for _, o := range e.Objects {
			add(damageTo(e, o, fullPath(v.url, o.Path)), o.Path)
		}
		for _, q := range e.Quarantine {
			add(damageToRejects(e, q, fullPath(v.url, q.Path)), q.Path)
		}
	}
	orphans, err := v.orphans(ctx)
	return append(out, orphans...), err
}

// orphans are the objects that nothing names while a manifest is missing, or
// cannot be read: what they hold is what that manifest published, or a leftover.
func (v *verifier) orphans(ctx context.Context) ([]Damage, error) {
	if v.gap == 0 {
		return nil, nil
	}
	var mu sync.Mutex
	var out []Damage
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(v.opts.Parallel)
	for key := range v.files {
		if v.isNamed(key) {
			continue
		}
		g.Go(func() error {
			d, ok, err := v.orphan(ctx, key)
			if ok {
				d.Manifest = v.gap
				mu.Lock()
				defer mu.Unlock()
				out = append(out, d)
			}
			return err
		})
	}
	err := g.Wait()
	slices.SortFunc(out, func(a, b Damage) int { return a.MinTime.Compare(b.MinTime) })
	return out, err
}

func (v *verifier) isNamed(key string) bool {
	for i := range v.manifests {
		if slices.ContainsFunc(v.manifests[i].Objects, func(o Object) bool { return o.Path == key }) {
			return true
		}
	}
	return false
}

// orphan reads what an object says of itself.
func (v *verifier) orphan(ctx context.Context, key string) (d Damage, ok bool, err error) {
	for _, t := range schemas.All() {
		var sha string
		if n, _ := fmt.Sscanf(key, "objects/"+t.Name+"/%64s", &sha); n != 1 || key != objectKey(t.Name, sha) {
			continue
		}
		data, err := v.bucket.Read(ctx, key, 0, -1)
		if err != nil || digest(data) != sha {
			return d, false, err
		}
		defer func() {
			if recover() != nil { // named by its digest, but no Parquet file
				ok = false
			}
		}()
		meta, source, err := describeBytes(t, key, data)
		if err != nil {
			return d, false, nil
		}
		return Damage{Path: fullPath(v.url, key), Source: source, Table: t.Name, Rows: meta.Rows, Sums: meta.Sums,
			MinTime: meta.MinTime, MaxTime: meta.MaxTime, Windows: walletsOf(meta)}, true, nil
	}
	return d, false, nil
}

// walletsOf are the outermost wallets of an object whose manifest is unknown.
func walletsOf(o Object) []WindowRef {
	out := []WindowRef{{WalletID: o.MinWallet}}
	if o.MaxWallet != o.MinWallet {
		out = append(out, WindowRef{WalletID: o.MaxWallet})
	}
	return out
}
