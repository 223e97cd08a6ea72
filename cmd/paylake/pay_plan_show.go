package main

// Plans of payments, as people and programs see them.

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/paylake/paylake/cmd/internal/payplan"
	"github.com/paylake/paylake/sinks/gate"
)

// payPlan is one plan of `pay plan --json`. It holds no telephone number.
type payPlan struct {
	Job      string            `json:"job"`
	Source   string            `json:"source"`
	AsOf     string            `json:"as_of"`
	By       string            `json:"by"`
	DryRun   bool              `json:"dry_run"`
	Batch    string            `json:"batch,omitempty"`  // of the drafts; absent: nothing waits for an approval
	Count    int               `json:"count"`            // of the drafts
	Totals   map[string]int64  `json:"totals,omitempty"` // of the drafts, minor units by currency
	Payments []plannedPayment  `json:"payments"`
	Findings []payplan.Finding `json:"findings"`

	total string
	above string // which of the drafts could not be sent as limits stand
}

// plannedPayment is a payment, and what the plan did to it.
type plannedPayment struct {
	payIntent
	Outcome gate.Outcome `json:"outcome"`
}

// showPlan writes a plan for people, and what to type next.
func (p *program) showPlan(plan payPlan) {
	rows, count := make([][]string, 0, len(plan.Payments)), map[gate.Outcome]int{}
	for _, i := range plan.Payments {
		count[i.Outcome]++
		rows = append(rows, []string{i.PaymentID, i.Key, i.ProviderCode, gate.FormatAmount(i.AmountMinor, i.Currency), i.CustomerID, i.Account, i.Status, string(i.Outcome)})
	}
	if len(rows) > 0 {
		p.grid([]string{"payment", "key", "provider", "amount", "customer", "account", "state", "plan"}, rows)
	}
	for _, f := range plan.Findings {
		drafted := "not drafted"
		if f.Drafted {
			drafted = "drafted"
		}
		fmt.Fprintf(p.stdout, "finding: %s: %s (%s)\n", cmp.Or(f.Key, plan.Job), f.Text, drafted)
	}
	var said []string
	for _, o := range []gate.Outcome{gate.New, gate.Same, gate.Edited, gate.Conflict, gate.Dropped} {
		said = append(said, fmt.Sprintf("%d %s", count[o], o))
	}
	fmt.Fprintf(p.stdout, "%s for %s: %s, %d findings\n", plan.Job, plan.AsOf, strings.Join(said, ", "), len(plan.Findings))
	switch {
	case plan.Batch == "":
		fmt.Fprintln(p.stdout, "nothing waits for an approval")
	case plan.DryRun:
		fmt.Fprintf(p.stdout, "it would be %s, %d payments, %s\n", plan.Batch, plan.Count, plan.total)
		fmt.Fprintf(p.stderr, "nothing was stored; now: paylake pay plan %s --as-of %s\n", plan.Job, plan.AsOf)
	default:
		fmt.Fprintf(p.stdout, "%s, %d payments, %s\n", plan.Batch, plan.Count, plan.total)
		fmt.Fprintf(p.stderr, "now somebody else than %s: paylake pay approve %s --by NAME --key FILE\n", plan.By, plan.Batch)
	}
}
