package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// nfcBundle is what a fleet prefetches. A device compares WorkflowsSHA256 with
// what it has and needs nothing else when they agree.
type nfcBundle struct {
	Bundle          string        `json:"bundle"`
	Format          int           `json:"format"`
	Snapshot        int64         `json:"snapshot"` // manifest of the lake
	SnapshotSHA256  string        `json:"snapshot_sha256"`
	WorkflowsSHA256 string        `json:"workflows_sha256"` // of the bytes of workflows without white space
	Platforms       []nfcPlatform `json:"platforms"`
	Retired         []string      `json:"retired"` // workflows that a device should forget
	Workflows       []nfcWorkflow `json:"workflows"`
}

type nfcPlatform struct {
	Platform  string   `json:"platform"`
	Supported bool     `json:"supported"`
	Reason    string   `json:"reason,omitempty"`
	Workflows []string `json:"workflows"`
}

type nfcWorkflow struct {
	Source       string            `json:"source"`
	WorkflowID   string            `json:"workflow_id"`
	ProviderCode string            `json:"provider_code"`
	ProviderName map[string]string `json:"provider_name"` // by language; absent ones are left out
	Platform     string            `json:"platform"`
	Supported    bool              `json:"supported"`
	CardFamily   string            `json:"card_family"`
	Steps        json.RawMessage   `json:"steps"`
	UpdatedAt    string            `json:"updated_at,omitempty"`
}

const workflowsSQL = `SELECT w.source AS source, w.workflow_id AS workflow_id, w.provider_code AS provider_code, w.platform AS platform, w.supported AS supported,
  w.card_family AS card_family, w.steps AS steps, w.status AS status, toString(w.updated_at) AS updated_at,
  p.name_az AS az, p.name_en AS en, p.name_ru AS ru
FROM nfc_workflows AS w LEFT ANY JOIN providers AS p ON w.source = p.source AND w.provider_code = p.provider_code
ORDER BY source, workflow_id`

// exportWorkflows writes the bundle: bytes are a function of the snapshot.
func exportWorkflows(ctx context.Context, from *shop, out io.Writer) error {
	var rows []struct {
		nfcWorkflow
		Steps      string `json:"steps"`
		Status     string
		Az, En, Ru string
	}
	if err := from.ask(ctx, workflowsSQL, &rows); err != nil {
		return err
	}
	b := nfcBundle{Bundle: "nfc_workflows", Format: 1, Snapshot: from.snapshot, SnapshotSHA256: from.sha256, Retired: []string{}, Workflows: []nfcWorkflow{}}
	for _, r := range rows {
		if r.Status == "retired" {
			b.Retired = append(b.Retired, r.WorkflowID)
			continue
		}
		w := r.nfcWorkflow
		w.Steps, w.UpdatedAt, w.ProviderName = json.RawMessage(r.Steps), plainInstant(w.UpdatedAt), map[string]string{}
		for lang, name := range map[string]string{"az": r.Az, "en": r.En, "ru": r.Ru} {
			if name != "" {
				w.ProviderName[lang] = name
			}
		}
		b.Workflows = append(b.Workflows, w)
	}
	b.Platforms = platformsOf(b.Workflows)
	var workflows bytes.Buffer
	if err := plainJSON(&workflows, b.Workflows, ""); err != nil {
		return err
	}
	sum := sha256.Sum256(bytes.TrimSpace(workflows.Bytes()))
	b.WorkflowsSHA256 = hex.EncodeToString(sum[:])
	return plainJSON(out, b, "  ")
}

func plainJSON(out io.Writer, v any, indent string) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(v)
}

// plainInstant turns the warehouse's spelling into RFC 3339; the epoch, which
// stands for a catalogue that does not say, becomes empty.
func plainInstant(text string) string {
	at, err := time.Parse("2006-01-02 15:04:05.000000", text)
	if err != nil || at.Unix() == 0 {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

// platformsOf lists Android and iOS, whether or not they have workflows, and
// then whatever else came.
func platformsOf(workflows []nfcWorkflow) []nfcPlatform {
	out := []nfcPlatform{
		{Platform: "android", Supported: true, Workflows: []string{}},
		{Platform: "ios", Reason: "iOS does not let an app write these meter cards; no sequence exists", Workflows: []string{}},
	}
	for _, w := range workflows {
		i := slices.IndexFunc(out, func(p nfcPlatform) bool { return p.Platform == w.Platform })
		if i < 0 {
			i = len(out)
			out = append(out, nfcPlatform{Platform: w.Platform, Reason: fmt.Sprintf("no workflow is known to work on %s", w.Platform), Workflows: []string{}})
		}
		out[i].Workflows = append(out[i].Workflows, w.WorkflowID)
	}
	return out
}
