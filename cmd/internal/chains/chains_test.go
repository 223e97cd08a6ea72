package chains

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/sinks/clickhouse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func at(wallet string, from, to int) Break {
	return Break{Source: "mpay", Wallet: wallet, BeforeAt: noon.Add(time.Duration(from) * time.Hour), AfterAt: noon.Add(time.Duration(to) * time.Hour)}
}

func TestFromFinding(t *testing.T) {
	evidence := `{"chain":"broken","row_before":"a","before_at":"2026-03-10 12:00:00.000001","balance_before_minor":"900","row_after":"c","after_at":"2026-03-10 14:00:00.000000","balance_after_minor":"600","amount_minor":"-50","missing_minor":"-250"}`
	b, err := FromFinding(clickhouse.Finding{ID: "fnd_1", Source: "mpay", Wallet: "w", Currency: "AZN", State: "explained", Evidence: json.RawMessage(evidence)})
	if err != nil {
		t.Fatal(err)
	}
	if b.Before != "a" || b.After != "c" || b.BalanceBefore != "900" || b.BalanceAfter != "600" || b.Amount != "-50" || b.Missing != "-250" || b.Chain != "broken" || !b.Explained() {
		t.Errorf("%+v", b)
	}
	if s := b.Span(); s.From != noon.Add(time.Microsecond) || !s.Contains(noon.Add(2*time.Hour)) || s.Contains(noon.Add(2*time.Hour+time.Microsecond)) {
		t.Errorf("the span %v does not hold exactly both rows and what lies between", s)
	}
	for _, bad := range []string{`[]`, `{"before_at":"yesterday","after_at":"2026-03-10 14:00:00.000000"}`} {
		if _, err := FromFinding(clickhouse.Finding{Evidence: json.RawMessage(bad)}); err == nil {
			t.Errorf("%s is read as evidence", bad)
		}
	}
}

// A break between two months is a matter of both; days are those of the zone.
func TestWithin(t *testing.T) {
	baku := time.FixedZone("+04", 4*3600)
	list := []Break{at("within", 0, 1), at("over midnight", 7, 9), at("after", 9, 10), at("around", -400, 400)}
	days := func(from, to int) (names []string) {
		for _, b := range Within(list, time.Date(2026, 3, from, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, to, 0, 0, 0, 0, time.UTC), func(string) *time.Location { return baku }) {
			names = append(names, b.Wallet)
		}
		return names
	}
	for _, c := range []struct {
		from, to int
		want     []string
	}{{10, 11, []string{"within", "over midnight", "around"}}, {11, 12, []string{"over midnight", "after", "around"}}, {12, 13, []string{"around"}}} {
		if got := days(c.from, c.to); !slices.Equal(got, c.want) {
			t.Errorf("days from %d to %d: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	closed, still, fresh := Compare([]Break{at("a", 0, 1), at("a", 5, 9), at("b", 0, 1)}, []Break{at("a", 6, 7), at("c", 0, 1)})
	if len(closed) != 2 || closed[0].Wallet != "a" || closed[1].Wallet != "b" {
		t.Errorf("closed: %+v", closed)
	}
	if len(still) != 1 || still[0].Wallet != "a" || len(fresh) != 1 || fresh[0].Wallet != "c" {
		t.Errorf("still %+v, fresh %+v", still, fresh)
	}
}

func TestAgain(t *testing.T) {
	got := Again([]Break{at("a", 0, 1), at("b", 0, 1), at("a", 5, 9)})
	if len(got) != 2 || len(got[[2]string{"mpay", "a"}]) != 2 || got[[2]string{"mpay", "b"}][0] != at("b", 0, 1).Span() {
		t.Errorf("%v", got)
	}
}
