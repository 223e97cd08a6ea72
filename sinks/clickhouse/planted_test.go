package clickhouse

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// plantedKinds are what can be made wrong.
var (
	plantedBefore = []string{"duplicate by reference", "double click", "velocity", "scale of the history"}
	plantedAfter  = []string{"missing row", "wrong amount", "scale of a statement", "no step-up", "scale of a payment", "scale of a conversion", "scale of a fee list", "platform balance", "payment"}
)

// TestPlantedDiscrepancies: everything that was made wrong is found, each with
// exactly its rows and once; and nothing is found where nothing is wrong.
// PAYLAKE_PLANTED is how many are planted.
func TestPlantedDiscrepancies(t *testing.T) {
	n := len(plantedBefore) + len(plantedAfter)
	if text := os.Getenv("PAYLAKE_PLANTED"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	days := max(14, 40*n/1000)
	for _, wrong := range []int{0, n} {
		p := newPlanted(uint64(n), max(6, n/5), days)
		kinds := append(append([]string{}, plantedBefore...), plantedAfter...)
		var after []string
		readings := 0
		for i := range wrong {
			kind := kinds[i%len(kinds)]
			if kind == "platform balance" {
				if readings++; readings > days/2 { // there is one reading a day
					kind = "missing row"
				}
			}
			if i%len(kinds) < len(plantedBefore) {
				p.beforeBalances(kind)
			} else {
				after = append(after, kind)
			}
		}
		p.settle()
		for _, kind := range after {
			p.afterBalances(kind)
		}
		p.compare(t, wrong)
	}
}

func (p *planted) compare(t *testing.T, wrong int) {
	t.Helper()
	c := newClock()
	w := open(t, newLake(t, c), c, false)
	rows := 0
	for _, list := range p.parts() {
		commit(t, w.lake, list...)
	}
	for _, list := range p.wallets {
		rows += len(list)
	}
	follow(t, w)
	began := time.Now()
	got := map[string]int{}
	ids := map[string]bool{}
	for _, r := range ask(t, w, "SELECT kind, arrayStringConcat(row_ids, ','), finding_id, evidence FROM "+w.db+".findings") {
		got[r[0]+" "+r[1]]++
		if ids[r[2]] {
			t.Errorf("two findings are called %s", r[2])
		}
		ids[r[2]] = true
		if p.want[r[0]+" "+r[1]] == 0 {
			t.Errorf("nobody planted %s %s: %s", r[0], r[1], r[3])
		}
	}
	took := time.Since(began)
	for name, times := range p.want {
		if got[name] != times {
			t.Errorf("%s: found %d times, planted %d times", name, got[name], times)
		}
	}
	kinds := map[string]int{}
	for name := range got {
		kind, _, _ := strings.Cut(name, " ")
		kinds[kind]++
	}
	t.Logf("%d planted, %d ledger rows, %d operations: %d findings %v in %s", wrong, rows, len(p.ops), len(got), kinds, took.Round(time.Millisecond))
}
