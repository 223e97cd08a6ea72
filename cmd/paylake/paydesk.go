package main

// Payments, wired: the register, the platforms, and who may do what.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sources/flashpay"
)

// payDesk is what commands and `up` need to initiate payments.
type payDesk struct {
	h        *house
	payments state.Payments
	register payRegister
	key      []byte // of fingerprints
	told     bool   // something happened that the lake is to be told of

	followers *pipeline.Followers // of the lake; nil until it is open
}

// openPayments opens the register. What somebody does with it is checked where
// it is done: the kill switch must work whatever else is wrong.
func (p *program) openPayments(ctx context.Context) (*payDesk, error) {
	h, err := p.open()
	if err != nil {
		return nil, err
	}
	if err := h.openState(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	d, err := h.payDesk(ctx)
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return d, nil
}

// payDesk needs the state to be open.
func (h *house) payDesk(ctx context.Context) (*payDesk, error) {
	if h.pseudo == nil {
		if err := h.openPseudonyms(ctx); err != nil {
			return nil, err
		}
	}
	d := &payDesk{h: h, payments: h.state.Payments()}
	d.register = payRegister{payments: d.payments, person: h.pseudo.Person}
	var err error
	d.key, err = d.payments.Key(ctx)
	return d, err
}

func (d *payDesk) fingerprint(o gate.Order) string { return o.Fingerprint(d.key) }

// sender moves intents on.
func (d *payDesk) sender() *gate.Sender {
	return &gate.Sender{Register: d.register, Platform: d.platform, Approvers: d.h.cfg.Payments.Approvers, Limits: d.limits, Fingerprint: d.fingerprint,
		Day: d.day, Halted: d.halted, Now: d.h.p.now}
}

// platform is the Gate of a source.
func (d *payDesk) platform(source string) (gate.Platform, error) {
	s, signer, err := d.signer(source)
	if err != nil {
		return nil, err
	}
	if s.GateURL == "" {
		return nil, misconfigured(fmt.Errorf("source %s has no gate_url in %s", source, d.h.cfg.File))
	}
	return gate.NewClient(s.GateURL, s.ProjectID, signer, d.h.p.now), nil
}

// signer signs and verifies with the secrets of a source: the first one signs.
func (d *payDesk) signer(source string) (s config.Source, _ gate.Signer, err error) {
	s, ok := d.h.cfg.SourceNamed(source)
	if !ok || s.Type != config.Flashpay || len(s.Secret) == 0 {
		return s, nil, misconfigured(fmt.Errorf("%s has no source %q of type flashpay with a secret", d.h.cfg.File, source))
	}
	secrets, err := config.Values(context.Background(), s.Secret)
	if err != nil {
		return s, nil, misconfigured(err)
	}
	return s, platformSigner(secrets), nil
}

// platformSigner implements gate.Signer.
type platformSigner [][]byte

// Sign implements gate.Signer.
func (s platformSigner) Sign(body []byte) (string, error) { return flashpay.Sign(body, s[0]) }

// Verify implements gate.Signer.
func (s platformSigner) Verify(body []byte) error {
	_, err := flashpay.Verify(body, s)
	return err
}

// limits are those of a job. What it sets for its own payments holds in place of
// the common limit; what it sets for all jobs together can only be less.
func (d *payDesk) limits(job string) gate.Limits {
	common := d.h.cfg.Payments.Limits
	l := gate.Limits(common)
	for _, j := range d.h.cfg.Payments.Jobs {
		if j.Name != job || j.Limits == nil {
			continue
		}
		own := *j.Limits
		if len(own.Payment) > 0 {
			l.Payment = own.Payment
		}
		if len(own.Day) > 0 {
			l.Day = own.Day
		}
		l.Beneficiary, l.Tenant = lower(l.Beneficiary, own.Beneficiary), lower(l.Tenant, own.Tenant)
	}
	return l
}

// lower is a limit with the lesser amount where another one names a currency.
func lower(common, own map[string]int64) map[string]int64 {
	out := maps.Clone(common)
	for currency, minor := range own {
		if minor < common[currency] {
			out[currency] = minor
		}
	}
	return out
}

// day is when the day of an instant began in the zone of a source.
func (d *payDesk) day(source string, now time.Time) time.Time {
	zone := time.UTC
	if s, ok := d.h.cfg.SourceNamed(source); ok && s.Zone != nil {
		zone = s.Zone
	}
	y, m, day := now.In(zone).Date()
	return time.Date(y, m, day, 0, 0, 0, 0, zone)
}

// killedFile stops payments on this machine, also when the state database
// cannot be reached.
func (d *payDesk) killedFile() string { return filepath.Join(d.h.cfg.DataDir, "payments.killed") }

// halted reports whether the file is there; what cannot be seen is there.
func (d *payDesk) halted() bool {
	_, err := os.Stat(d.killedFile())
	return !errors.Is(err, fs.ErrNotExist)
}

// live says whether the configuration lets payments be sent.
func (d *payDesk) live() error {
	if !d.h.cfg.Payments.Live {
		return misconfigured(fmt.Errorf("payments.live is not true in %s: nothing is sent", d.h.cfg.File))
	}
	return nil
}

// close tells the lake what happened, as far as nobody else does, and closes
// everything.
func (d *payDesk) close(ctx context.Context) error {
	if d.told {
		if err := d.tellLake(ctx); err != nil && !errors.Is(err, sinks.ErrBusy) {
			d.h.p.log.Warn("the steps of payments are stored and not in the lake yet; paylake up or the next paylake pay brings them there", "err", err)
		}
	}
	return d.h.close()
}

// openLake opens the lake and what follows it, once. That makes the pseudonyms
// anew, so the register goes by the new ones.
func (d *payDesk) openLake(ctx context.Context) (err error) {
	if d.followers != nil {
		return nil
	}
	_, d.followers, err = d.h.openJobs(ctx, nil, span{})
	d.register.person = d.h.pseudo.Person
	return err
}

// tellLake carries the register's steps out of the inbox into the lake and
// what follows it. A running `up` does the same by itself.
func (d *payDesk) tellLake(ctx context.Context) error {
	if err := d.openLake(ctx); err != nil {
		return err
	}
	r, err := d.h.openCallbacks(ctx, d.followers)
	if err != nil || r == nil {
		return err
	}
	for {
		n, err := r.drain.Once(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	for _, f := range d.followers.Wait(ctx) {
		if f.Err != nil {
			return f.Err
		}
	}
	return ctx.Err()
}

var _ pipeline.NoticeReader = (*hearing)(nil)

// hearing lets the register hear what callbacks say, before they go into the
// lake. Hearing twice changes nothing, so a crash in between does no harm.
type hearing struct {
	pipeline.NoticeReader
	sender *gate.Sender
}

// Read implements pipeline.NoticeReader.
func (r *hearing) Read(ctx context.Context, notices []pipeline.Notice) ([]pipeline.Told, error) {
	for _, n := range notices {
		if n.Kind != kindOperation {
			continue
		}
		id, e, ok := gate.ReadCallback(n.Body, n.At)
		if !ok {
			continue
		}
		if err := r.sender.Hear(ctx, n.Source, id, e); err != nil {
			return nil, fmt.Errorf("delivery %d: %w", n.ID, err)
		}
	}
	return r.NoticeReader.Read(ctx, notices)
}
