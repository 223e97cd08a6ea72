package schemas_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestParseInstant(t *testing.T) {
	z := schemas.NewZone(zone(t, "Asia/Baku"))
	cases := []struct {
		text, want string
		offset     int32
		zoned      bool
	}{
		{"2026-03-18T11:02:11+04:00", "2026-03-18T07:02:11Z", 14400, true},
		{"2025-01-27T08:15:24+0000", "2025-01-27T08:15:24Z", 0, true},
		{"2025-01-27T08:15:24+06", "2025-01-27T02:15:24Z", 21600, true},
		{"2026-04-17T05:23:00Z", "2026-04-17T05:23:00Z", 0, true},
		{"2026-03-18T11:02:11", "2026-03-18T07:02:11Z", 14400, false},
		{"2026-03-18 11:02:11", "2026-03-18T07:02:11Z", 14400, false},
		{"2010-07-01T12:00:00", "2010-07-01T07:00:00Z", 18000, false}, // summer time, until 2015
		{"2026-03-18T11:02:11.123456789+04:00", "2026-03-18T07:02:11.123456Z", 14400, true},
		{"2024-02-29T00:00:00-03:30", "2024-02-29T03:30:00Z", -12600, true},
	}
	for _, c := range cases {
		micros, off, zoned, err := z.Parse([]byte(c.text))
		got := time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
		if err != nil || got != c.want || off != c.offset || zoned != c.zoned {
			t.Errorf("Parse(%q) = %s, %d, %t, %v; want %s, %d, %t", c.text, got, off, zoned, err, c.want, c.offset, c.zoned)
		}
	}
	for _, bad := range []string{
		"", "2026-03-18", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-03-18T24:00:00Z", "2026-03-18T11:60:00Z", "2026-03-18T11:02:60Z", "2026-03-18T11:02:11+4", "2026-03-18T11:02:11.Z",
		"18.03.2026 11:02:11", "2026-03-18T11:02:11+04:0x", "2026-03-18T11:02:11 ", "0000-01-01T00:00:00Z", "2026-03-18T11:02:11+24:00",
	} {
		if _, _, _, err := z.Parse([]byte(bad)); err == nil {
			t.Errorf("Parse(%q) was accepted", bad)
		}
	}
}

// The standard library is the oracle for calendars, zones and offsets.
func TestInstantsAgreeWithTheStandardLibrary(t *testing.T) {
	names := []string{"Asia/Baku", "Asia/Bishkek", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"}
	zones := map[string]*schemas.Zone{}
	for _, n := range names {
		zones[n] = schemas.NewZone(zone(t, n)) // shared between cases, so that what it remembers is tested too
	}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(names).Draw(rt, "zone")
		sec := rapid.Int64Range(-2e9, 4e9).Draw(rt, "unix")
		want := time.Unix(sec, 0).In(zone(t, name))
		micros, off, zoned, err := zones[name].Parse([]byte(want.Format("2006-01-02T15:04:05-07:00")))
		_, wantOff := want.Zone()
		if wantOff%60 != 0 {
			return // offsets with seconds (before 1930) have no such spelling
		}
		if err != nil || !zoned || micros != sec*1e6 || int(off) != wantOff {
			rt.Fatalf("%s: %d, %d, %v", want, micros, off, err)
		}
		y, m, d := want.Date()
		day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
		if got := zones[name].BusinessDate(micros); int64(got) != day {
			rt.Fatalf("BusinessDate(%s) = %d, want %d", want, got, day)
		}
	})
}

// A local time that exists once means the same to us and to time.Date.
func TestLocalTimeWithoutOffset(t *testing.T) {
	loc := zone(t, "Asia/Baku")
	z := schemas.NewZone(loc)
	for at := time.Date(2015, 1, 1, 0, 30, 0, 0, time.UTC); at.Year() < 2017; at = at.Add(7 * time.Hour) {
		local := at.In(loc).Format("2006-01-02T15:04:05")
		want := time.Date(at.In(loc).Year(), at.In(loc).Month(), at.In(loc).Day(), at.In(loc).Hour(), 30, 0, 0, loc)
		micros, _, zoned, err := z.Parse([]byte(local))
		if err != nil || zoned || micros != want.UnixMicro() {
			t.Fatalf("%s: got %s, want %s (%v)", local, time.UnixMicro(micros).UTC(), want.UTC(), err)
		}
	}
}
