package main

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// testRetention compares what `status` calls due with what the warehouse says of
// the same months: nothing was revised, and an object is a month, or a part of
// one when the machine was so slow that the run made several commits.
func testRetention(t *testing.T, g *playground) {
	months := g.rows(t, "SELECT count(), toUnixTimestamp64Micro(min(posted_at)), toUnixTimestamp64Micro(max(posted_at)) FROM ledger GROUP BY toYYYYMM(business_date) ORDER BY 2")
	if len(months) < 2 {
		t.Fatalf("months: %q", months)
	}
	oneCommit := g.rows(t, "SELECT uniqExact(sequence) FROM snapshots WHERE `table` = 'ledger' AND inserted > 0")[0] == "1"
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	oldest := time.UnixMicro(number(strings.Split(months[0], "|")[1])).UTC()
	kinds := map[string]bool{}
	days := int(time.Since(oldest).Hours()/24) + 2
	for _, period := range []int{1, days / 3, days / 2, days} {
		var want retentionStatus
		before := time.Now().AddDate(0, 0, -period)
		for _, m := range months {
			f := strings.Split(m, "|")
			switch {
			case time.UnixMicro(number(f[2])).Before(before):
				want.Objects++
				want.Rows += number(f[0])
			case time.UnixMicro(number(f[1])).Before(before):
				want.Partly++
			}
		}
		text := "retention: {ledger: " + strconv.Itoa(period) + "d, operations: 10y}\n"
		g.edit(t, "\npipelines:\n", "\n"+text+"pipelines:\n")
		var s statusReport
		g.paylake(t, "status", "--json").want(t, 0).json(t, &s)
		if len(s.Retention) != 2 || s.Retention[0].Table != "ledger" || s.Retention[1].Objects+s.Retention[1].Partly != 0 {
			t.Fatalf("%+v", s.Retention)
		}
		got := s.Retention[0]
		exact := got.Objects == want.Objects && got.Rows == want.Rows && got.Partly == want.Partly
		if !oneCommit { // whole months are due in any case, and nothing that is not older
			older := number(g.rows(t, "SELECT count() FROM ledger WHERE posted_at < fromUnixTimestamp64Micro(toInt64("+strconv.FormatInt(before.UnixMicro(), 10)+"))")[0])
			exact = got.Objects >= want.Objects && got.Rows >= want.Rows && got.Rows <= older && (got.Objects+got.Partly > 0) == (older > 0)
		}
		if !exact || !got.OldestRow.Equal(oldest) ||
			got.Objects > 0 != (got.Bytes > 0) || got.Before.Sub(before).Abs() > time.Minute {
			t.Errorf("%d days: %+v, want %+v; the oldest row is of %s", period, got, want, oldest)
		}
		kinds[map[bool]string{true: "due", false: "none due"}[want.Objects > 0]], kinds[map[bool]string{true: "partly", false: "none partly"}[want.Partly > 0]] = true, true
		g.edit(t, text, "")
	}
	if len(kinds) != 4 && oneCommit {
		t.Errorf("only %v were met", kinds)
	}
	g.paylake(t, "status").want(t, 0)
}
