package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/gate"
	"github.com/paylake/paylake/sinks/gate/gatetest"
)

const tight, wide = "{payment: 5000.00 KGS, beneficiary: 5000.00 KGS, day: 9000.00 KGS, tenant: 9000.00 KGS}", "{payment: 5000.00 KGS, beneficiary: 500000.00 KGS, day: 900000.00 KGS, tenant: 900000.00 KGS}"

// paying lets the playground's project initiate payments: aysel approves.
func (g *playground) paying(t testing.TB, limits string) {
	t.Helper()
	verifier := strings.TrimSpace(g.paylake(t, "pay", "key", "aysel", "-o", g.keyOf("aysel")).want(t, 0).stdout)
	g.edit(t, "  tenant: sandbox\n", "  tenant: acme\n  approvers: {aysel: \""+verifier+"\"}\n")
	g.edit(t, "limits: {payment: 5000.00 KGS, beneficiary: 20000.00 KGS, day: 20000.00 KGS, tenant: 50000.00 KGS}", "limits: "+limits)
}

func (g *playground) keyOf(name string) string { return filepath.Join(g.dir, name+".key") }

// drafted stores drafts of job bills as a plan would, and names their batch.
func (g *playground) drafted(t testing.TB, maker string, minor map[string]int64) (batch string, ids map[string]string) {
	t.Helper()
	p := &program{getenv: os.Getenv, stdin: newLines(strings.NewReader("")), stdout: io.Discard, stderr: io.Discard, now: time.Now, configFile: g.config, logFormat: "text"}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	d, err := p.openPayments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.h.close() }()
	plan := gate.Planning{Tenant: "acme", Job: "bills", By: maker, Fingerprint: d.fingerprint}
	ids = map[string]string{}
	b := state.PaymentBatch{Job: "bills", Maker: maker, At: time.Now()}
	for key, amount := range minor {
		o := gate.Order{Tenant: "acme", Job: "bills", Key: key, Source: "psp", ProjectID: sandbox.ProjectID, Method: "mbank", Operation: "sale", ProviderCode: "AZERSU_RES",
			AmountMinor: amount, Currency: "KGS", CustomerID: "c-17", CustomerIP: "192.0.2.7", Account: "996555123456"}
		plan.Orders = append(plan.Orders, o)
		ids[key] = o.PaymentID()
		b.IDs = append(b.IDs, o.PaymentID())
	}
	err = d.register.Decide(t.Context(), gate.Ask{IDs: b.IDs}, func(v gate.View) ([]gate.Change, error) {
		planned, changes, err := plan.Against(v, time.Now())
		if err != nil {
			return nil, err
		}
		whole, err := gate.BatchOf(gate.Drafts(planned))
		b.ID = whole.ID
		return changes, err
	})
	if err == nil {
		err = d.payments.PutBatch(t.Context(), b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.ID, ids
}

// gateOf changes how the sandbox's Gate behaves.
func (g *playground) gateOf(t testing.TB, o sandbox.GateOptions) {
	t.Helper()
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, g.server.URL+"/sandbox/gate", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := g.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatal(res.Status)
	}
}

// paid is what the platform knows of a payment.
func (g *playground) paid(t testing.TB, id string) gatetest.Payment {
	t.Helper()
	for _, p := range askJSON[[]gatetest.Payment](t, g, "/sandbox/gate") {
		if p.ID == id {
			return p
		}
	}
	return gatetest.Payment{}
}

func askJSON[T any](t testing.TB, g *playground, path string) (v T) {
	t.Helper()
	res, err := g.server.Client().Get(g.server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// stands is a payment as `pay status` tells it.
func (g *playground) stands(t testing.TB, id string, args ...string) payIntent {
	t.Helper()
	var s payStatus
	g.paylake(t, append([]string{"pay", "status", id, "--json"}, args...)...).json(t, &s)
	if len(s.Payments) != 1 {
		t.Fatalf("%+v", s)
	}
	return s.Payments[0]
}

func (g *playground) approved(t testing.TB, batch string) {
	t.Helper()
	g.paylake(t, "pay", "approve", batch, "--by", "aysel", "--key", g.keyOf("aysel"), "--yes").want(t, 0)
}

func (g *playground) confirm(t testing.TB, id, code string) result {
	t.Helper()
	return invoke(t.Context(), strings.NewReader(code+"\n"), "-c", g.config, "pay", "confirm", id)
}

// nothingTelling looks for texts in everything that lies in the folder.
func (g *playground) nothingTelling(t testing.TB, words ...string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(g.dir, func(path string, d os.DirEntry, err error) error {
		var text []byte
		if err == nil && d.Type().IsRegular() {
			text, err = os.ReadFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) { // ClickHouse removes files meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		files++
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) {
				t.Errorf("%s holds %s", path, w)
			}
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Errorf("%d files, %v", files, err)
	}
}
