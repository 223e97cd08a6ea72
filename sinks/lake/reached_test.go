package lake

import (
	"testing"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// The look-back counts from the last reading that the plan had owed. A notice
// about a newer time, a newer day that somebody asked for and a row that came in
// after all say nothing about the days before, whatever they hold.
func TestReachedIsOfThePlan(t *testing.T) {
	for name, change := range map[string]func(*sinks.Part){
		"a notice":                         func(p *sinks.Part) { p.Hint, p.Final = true, false },
		"a day that was asked for":         func(p *sinks.Part) { p.Asked = true },
		"a row that came in after all":     func(p *sinks.Part) { p.Resolves = []string{"x"} },
		"the plan's next window (control)": func(*sinks.Part) {},
	} {
		t.Run(name, func(t *testing.T) {
			now := testNow()
			b := cloudBucket{b: memblob.OpenBucket(nil)}
			l := openTest(t, b, false)
			l.opts.Now = func() time.Time { return now }
			rows := ledgerRows(ledgerSpec{rows: 4, step: 12 * time.Hour})
			p := partOf(t, "wlt_1", days(0, 1), within(rows, days(0, 1)), 5)
			p.Rejects = []schemas.Reject{{RowID: "x", Reason: schemas.ReasonScale}}
			commit(t, l, p)
			read := now
			now = now.Add(48 * time.Hour)
			next := partOf(t, "wlt_1", days(1, 2), within(rows, days(1, 2)), 5)
			change(&next)
			if len(next.Resolves) > 0 {
				next.Resolves = []string{p.Rejects[0].ID(p.Stream)}
			}
			commit(t, l, next)
			want := read
			if name == "the plan's next window (control)" {
				want = now
			}
			for _, lake := range []*Lake{l, openTest(t, b, false)} { // as it was told, and as it is read from the manifests
				d, err := lake.Done(t.Context(), schemas.Stream{Source: "mpay", Wallet: "wlt_1", Table: schemas.Ledger})
				if err != nil || !d.Reached.Equal(want) {
					t.Errorf("reached %s, want %s (%v)", d.Reached, want, err)
				}
			}
		})
	}
}
