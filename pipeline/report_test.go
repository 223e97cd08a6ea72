package pipeline

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

func TestVerdict(t *testing.T) {
	opening := StreamReport{Name: "s", Chains: []sinks.Chain{{State: sinks.ChainBroken, Breaks: []sinks.Break{{Before: "e2", From: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Missing: 7}}}}}
	broken := StreamReport{Name: "s", Chains: []sinks.Chain{{State: sinks.ChainBroken, Breaks: []sinks.Break{{After: "e1", Before: "e2", Missing: -250}}}}}
	open := StreamReport{Name: "s", Chains: []sinks.Chain{{State: sinks.ChainOpen}}}
	login := StreamReport{Err: sources.ErrAuth}
	shape := StreamReport{Err: sources.ErrShape}
	stopped := StreamReport{Err: fmt.Errorf("read: %w", context.Canceled)}
	down := []FollowerReport{{Name: "warehouse", Err: sinks.ErrUnavailable}}
	for _, c := range []struct {
		name string
		r    Report
		code int
		why  string
	}{
		{"nothing", Report{}, 0, ""},
		{"open chain", Report{Streams: []StreamReport{open}}, 0, ""},
		{"broken at its opening", Report{Streams: []StreamReport{opening}}, 3, `in 1 places, first between the balance of 2026-03-01T08:00:00Z and "e2": rows of 7`},
		{"broken chain", Report{Streams: []StreamReport{broken}}, 3, `in 1 places, first between "e1" and "e2": rows of -250`},
		{"quarantine", Report{Pipeline: "p", Quarantined: 2}, 3, "2 new rows"},
		{"person before finding", Report{Streams: []StreamReport{broken, login}}, 4, "a person must act"},
		{"failure before person", Report{Streams: []StreamReport{login, shape}}, 1, "unreadable"},
		{"follower", Report{Sequence: 7, Followers: down, Quarantined: 1}, 1, "committed up to 7; warehouse catches up"},
		{"follower, no commit", Report{Followers: down}, 1, "nothing new to commit; warehouse catches up"},
		{"busy", Report{Err: sinks.ErrBusy}, 5, "somebody else"},
		{"signal", Report{Err: context.Canceled, Streams: []StreamReport{stopped, shape}, Followers: down}, 130, "unreadable"},
		{"stopped by nobody", Report{Streams: []StreamReport{stopped}}, 1, "read"},
	} {
		v := c.r.Verdict()
		if v.Code != c.code || !strings.Contains(strings.Join(v.Why, "\n"), c.why) || (c.code == 0) != (len(v.Why) == 0) {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	if v := (Verdict{3, []string{"a"}}).And(Verdict{4, []string{"b"}}); v.Code != 4 || len(v.Why) != 2 {
		t.Errorf("%+v", v)
	}
}

func TestMoneyDoesNotWrapAround(t *testing.T) {
	var tally Tally
	for _, minor := range []int64{math.MaxInt64, 1, 5} {
		tally.addMoney("AZN", Money{1, minor})
	}
	if m := tally.Money["AZN"]; m.Minor != math.MaxInt64 || m.Rows != 3 {
		t.Errorf("%+v", m)
	}
}
