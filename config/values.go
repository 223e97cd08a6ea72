package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Date is a calendar day without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads YYYY-MM-DD.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1970 {
		return Date{}, errors.New("is not a day of the calendar; write YYYY-MM-DD, such as 2026-01-31")
	}
	return Date{t.Year(), t.Month(), t.Day()}, nil
}

// IsZero reports whether the date is absent.
func (d Date) IsZero() bool { return d == Date{} }

// In returns midnight of the day in a zone.
func (d Date) In(loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Rate is a number of requests per span of time.
type Rate struct {
	Count int
	Per   time.Duration
}

// IsZero reports whether there is no limit.
func (r Rate) IsZero() bool { return r.Count == 0 }

// PerSecond is the rate as requests per second.
func (r Rate) PerSecond() float64 { return float64(r.Count) / r.Per.Seconds() }

var rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour}

// parseRate reads 10/s, 600/m or 1000/h.
func parseRate(text string) (Rate, error) {
	count, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per, ok := rateUnits[strings.TrimSpace(unit)]
	if err != nil || !ok || n < 1 {
		return Rate{}, errors.New("is not a rate; write requests per second, minute or hour, such as 10/s or 600/m")
	}
	return Rate{n, per}, nil
}

// parseDuration reads Go's durations and whole days: 24h, 90m, 11d.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("is not a duration; write hours or days, such as 24h or 11d")
	}
	return d, nil
}

// fileURL returns scheme:///path of an absolute path.
func fileURL(scheme, path string) string {
	u := url.URL{Scheme: scheme, Path: filepath.ToSlash(path)}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	return scheme + "://" + u.EscapedPath()
}

// absolute makes a path count from the configuration's folder.
func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// absoluteURL makes the path of a URL of the given scheme count from the
// configuration's folder: file://./lake, file://lake and file:lake are relative,
// file:///lake is not. Queries stay. Other URLs are returned as they came.
func absoluteURL(dir, scheme, text string) string {
	rest, ok := strings.CutPrefix(text, scheme+":")
	if !ok {
		return text
	}
	path, query, hasQuery := strings.Cut(strings.TrimPrefix(rest, "//"), "?")
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	out := fileURL(scheme, absolute(dir, path))
	if hasQuery {
		out += "?" + query
	}
	return out
}

// LakeURL reads a lake's URL as a person types it in a folder: relative forms
// count from there, and a plain path is one too.
func LakeURL(dir, text string) (string, error) {
	if !strings.Contains(text, ":") {
		text = "file:" + text
	}
	p := newProblems("")
	u := absoluteURL(dir, "file", text)
	checkURL(p, "lake", u, "file", "s3", "gs", "azblob")
	if len(p.list) > 0 {
		return "", errors.New(p.list[0].Text)
	}
	return u, nil
}
