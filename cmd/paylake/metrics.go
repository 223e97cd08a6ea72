package main

import (
	"context"
	"math/big"
	"strconv"
	"time"

	"github.com/paylake/paylake/cmd/internal/meters"
	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/sinks/lake"
)

// newMeters are the figures of this process, and how everything stands.
func (h *house) newMeters() *meters.Meters {
	m := meters.New(version())
	m.Watch(h.p.now, func(ctx context.Context) ([]meters.Gauge, error) {
		report, err := h.status(ctx)
		if err != nil {
			h.p.log.Warn("state not known for /metrics", "err", err)
			return nil, err
		}
		return append(gaugesOf(report, h.p.now()), h.checked.gauges()...), nil
	})
	return m
}

// metered counts a run that has ended.
func (h *house) metered(r pipeline.Report) {
	if h.meters == nil {
		return
	}
	h.meters.Ran(meters.Run{Pipeline: r.Pipeline, Source: r.Source, Table: r.Table, Code: strconv.Itoa(r.Verdict().Code), Took: r.Took, Windows: r.Windows,
		Read: r.Read.Rows, Inserted: r.Inserted, Retracted: r.Retracted, Duplicates: r.Duplicates, Rejected: r.Read.Rejected, Bytes: r.Bytes, Quarantined: r.Quarantined})
}

// gaugesOf are a status's figures. Pure. A sum of money is in minor units; what
// reads Prometheus reads floats, exact up to 2^53, so books are made from
// `status --json`, never from here.
func gaugesOf(r statusReport, now time.Time) []meters.Gauge {
	var out []meters.Gauge
	add := func(name, help string, value float64, labels ...string) {
		g := meters.Gauge{Name: "paylake_" + name, Help: help, Value: value}
		for i := 0; i < len(labels); i += 2 {
			g.Labels = append(g.Labels, [2]string{labels[i], labels[i+1]})
		}
		out = append(out, g)
	}
	add("lake_manifest", "Number of the newest manifest of the lake.", float64(r.Head))
	for _, s := range r.Pipelines {
		pipelineGauges(add, s, now)
	}
	for _, f := range r.Followers {
		add("follower_manifest", "Newest manifest that a follower has applied.", float64(f.Applied), "follower", f.Name)
		add("follower_lag_manifests", "Manifests that a follower is behind the lake.", float64(f.Lag), "follower", f.Name)
		add("follower_up", "1 when a follower answers.", indicator(f.Error == ""), "follower", f.Name)
	}
	if len(r.Followers) > 0 {
		add("visible_twice_keys", "Keys that the warehouse shows twice; anything but 0 is an alarm.", float64(r.Followers[0].Doubles))
		add("unknown_provider_codes", "Provider codes in no catalogue and no alias.", float64(r.Followers[0].Unknown))
	}
	for _, a := range r.Alarms {
		add("alarm_rows", "Visible rows for which a check does not hold.", float64(a.Rows), "check", a.Check, "source", a.Source, "table", a.Table)
	}
	for _, f := range r.Findings {
		add("findings", "Findings by kind and state.", float64(f.Findings), "kind", f.Kind, "state", f.State)
	}
	deliveryGauges(add, r, now)
	return out
}

type addGauge func(name, help string, value float64, labels ...string)

func pipelineGauges(add addGauge, s pipelineStatus, now time.Time) {
	labels := []string{"pipeline", s.Pipeline, "source", s.Source, "table", s.Table}
	add("pipeline_rows", "Visible rows of a pipeline's streams.", float64(s.Rows), labels...)
	add("pipeline_owed_windows", "Windows that a run would read.", float64(s.Owed), labels...)
	add("pipeline_open_chains", "Windows whose balance chain is open.", float64(s.OpenChains), labels...)
	if s.CompleteThrough != nil {
		add("pipeline_complete_through_timestamp_seconds", "Up to when everything is read, of the stream that is furthest behind.", meters.Seconds(*s.CompleteThrough), labels...)
		add("pipeline_freshness_seconds", "How old the instant is up to which everything is read.", now.Sub(*s.CompleteThrough).Seconds(), labels...)
	}
	if s.LastRun != nil {
		add("pipeline_last_run_timestamp_seconds", "When the last run ended.", meters.Seconds(s.LastRun.Finished), labels...)
		add("pipeline_last_run_code", "Exit code of the last run; 0 is good.", float64(s.LastRun.Code), labels...)
		add("pipeline_last_run_seconds", "How long the last run took.", s.LastRun.Finished.Sub(s.LastRun.Started).Seconds(), labels...)
		add("pipeline_last_run_rows", "Rows that the last run read.", float64(s.LastRun.Rows), labels...)
	}
	add("quarantine_rows", "Rejected rows that wait.", float64(s.Quarantine.Rows), labels...)
	for _, t := range s.Quarantine.Totals {
		add("quarantine_amount_minor", "What the rows that wait would add, in minor units; no currency: the amount could not be read.",
			nearest(t.AmountMinor), append(labels, "currency", t.Currency)...)
	}
	if c := s.Consent; c != nil {
		add("consent_wallets", "Wallets of a pipeline by whether they may be read.", float64(c.Live), append(labels, "state", "live")...)
		add("consent_wallets", "Wallets of a pipeline by whether they may be read.", float64(c.Wallets-c.Live), append(labels, "state", "none")...)
		if c.NextEnd != nil {
			add("consent_next_end_timestamp_seconds", "When the first of the consents that stand ends.", meters.Seconds(*c.NextEnd), labels...)
		}
	}
}

func deliveryGauges(add addGauge, r statusReport, now time.Time) {
	add("inbox_waiting", "Deliveries of upstreams that are not in the lake yet.", float64(r.Inbox.Waiting))
	if r.Inbox.Oldest != nil {
		add("inbox_oldest_seconds", "How long the oldest of them waits.", now.Sub(*r.Inbox.Oldest).Seconds())
	}
	add("webhook_endpoints", "Endpoints of webhooks by state.", float64(r.Webhooks.Endpoints-r.Webhooks.Disabled), "state", "enabled")
	add("webhook_endpoints", "Endpoints of webhooks by state.", float64(r.Webhooks.Disabled), "state", "disabled")
	add("webhook_deliveries", "Webhook deliveries that are not done.", float64(r.Webhooks.Pending), "state", "pending")
	add("webhook_deliveries", "Webhook deliveries that are not done.", float64(r.Webhooks.Dead), "state", "dead")
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// nearest is the nearest float of a sum.
func nearest(a lake.Amount) float64 {
	f, _ := new(big.Float).SetInt(a.Big()).Float64()
	return f
}
