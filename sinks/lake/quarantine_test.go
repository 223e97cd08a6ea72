package lake

import (
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
)

// A lake of an earlier version knows its rejected rows by hashes without a key;
// read again they are not counted again, and new ones have keyed ids.
func TestRejectsOfEarlierVersionsAreKnown(t *testing.T) {
	people, err := schemas.NewPseudonymizer(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	l := openTest(t, fileBucketOf(t), false)
	stream := schemas.Stream{Source: "mpay", Wallet: "wlt_a", Table: schemas.Ledger}
	reject := func(raw string, keyed bool) schemas.Reject {
		r := schemas.Reject{RowID: raw, Reason: schemas.ReasonRange, Amount: ptr(int64(-7)), Currency: "AZN", Raw: []byte(raw)}
		if keyed {
			if err := people.NameReject(&r, stream); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
	offer := func(rejects ...schemas.Reject) int64 {
		p := partOf(t, "wlt_a", days(0, 1), nil, 1)
		p.Stream, p.Rejects = stream, rejects
		return commit(t, l, p).Quarantined
	}
	if n := offer(reject("old", false)); n != 1 {
		t.Fatalf("%d quarantined", n)
	}
	for _, want := range []int64{1, 0} {
		if n := offer(reject("old", true), reject("new", true)); n != want {
			t.Errorf("%d counted, want %d", n, want)
		}
	}
	if r, err := Verify(t.Context(), l.URL(), VerifyOptions{}); err != nil || r.Quarantined != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}
