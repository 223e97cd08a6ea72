package main

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/paylake/paylake/cmd/internal/chains"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// wholeUnits writes minor units that are a text as people do: 12.50 AZN.
func wholeUnits(minor, currency string) string {
	n, ok := new(big.Int).SetString(minor, 10)
	if !ok {
		return minor
	}
	return bigDecimal(n, currency)
}

func orUnknown(text string) string {
	if text == "" {
		return "?"
	}
	return text
}

// showChains lists broken chains and platforms' balances, and says how many.
func (p *program) showChains(r chainReport, of string) {
	p.showBreaks(r.Chains)
	p.showReadings(r.Platform)
	if open := len(r.Chains); open == 0 {
		fmt.Fprintf(p.stdout, "every balance chain of %s closes\n", of)
	} else {
		fmt.Fprintf(p.stdout, "%d places where a balance does not follow from the one before; to read exactly their windows again, type: paylake reconcile --repair\n", open)
	}
}

func (p *program) showBreaks(list []chains.Break) {
	var rows [][]string
	for _, b := range list {
		windows := make([]string, 0, len(b.Windows))
		for _, w := range b.Windows {
			windows = append(windows, instant(w.From)+" to "+instant(w.To))
		}
		if len(windows) == 0 {
			windows = append(windows, "no pipeline reads it")
		}
		state := b.Chain
		if b.State != "open" {
			state += ", " + b.State
		}
		rows = append(rows, []string{b.ID, b.Wallet, state, fmt.Sprintf("%s at %s", orUnknown(b.Before), instant(b.BeforeAt)), wholeUnits(b.BalanceBefore, b.Currency),
			fmt.Sprintf("%s at %s", orUnknown(b.After), instant(b.AfterAt)), wholeUnits(b.Amount, b.Currency), wholeUnits(b.BalanceAfter, b.Currency),
			wholeUnits(b.Missing, b.Currency), strings.Join(windows, ", ")})
	}
	if len(rows) > 0 {
		p.grid([]string{"finding", "wallet", "chain", "row before", "balance", "row after", "amount", "balance", "missing", "read again"}, rows)
	}
}

// showReadings lists the readings that do not follow from the one before.
func (p *program) showReadings(list []clickhouse.Reading) {
	if len(list) == 0 {
		return
	}
	var rows [][]string
	for _, r := range list {
		if !r.Agrees {
			rows = append(rows, []string{r.Source, instant(r.Before), wholeUnits(r.OpeningMinor, r.Currency), wholeUnits(r.PositionsMinor, r.Currency), instant(r.At), wholeUnits(r.ClosingMinor, r.Currency), wholeUnits(r.DifferenceMinor, r.Currency)})
		}
	}
	if len(rows) > 0 {
		p.grid([]string{"platform", "read at", "opening", "positions", "read at", "closing", "difference"}, rows)
	}
	fmt.Fprintf(p.stdout, "platform balances: %d readings compared with the one before, %d do not follow from operations, fees and chargebacks\n", len(list), len(rows))
}

// showRepair says what was read again and whether that has helped.
func (p *program) showRepair(r repairReport) {
	if len(r.Again) == 0 && len(r.Chains) == 0 {
		p.showReadings(r.Platform)
		fmt.Fprintln(p.stdout, "every balance chain closes; nothing had to be read again")
		return
	}
	fmt.Fprintf(p.stdout, "read again: %d windows\n", len(r.Again))
	for _, b := range r.Closed {
		fmt.Fprintf(p.stdout, "closed: wallet %s, between %s and %s, %s had been missing\n", b.Wallet, orUnknown(b.Before), orUnknown(b.After), wholeUnits(b.Missing, b.Currency))
	}
	p.showBreaks(r.Chains)
	p.showReadings(r.Platform)
	if len(r.Chains) == 0 {
		fmt.Fprintln(p.stdout, "every balance chain closes now")
		return
	}
	fmt.Fprintf(p.stdout, "%d places are still broken: the upstream's own rows do not add up there, or it still leaves some out\n", len(r.Chains))
}
