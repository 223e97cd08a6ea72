package config

import (
	"errors"
	"strings"
	"time"
)

// Lock is the retention that is asked of S3 with every file of the lake.
type Lock struct {
	Mode string // governance or compliance
	For  Period
}

// After is the instant a period after another.
func (p Period) After(t time.Time) time.Time { return t.AddDate(p.Years, p.Months, p.Days) }

func (r *reader) lock(m *mapping) *Lock {
	n, path := m.take("lake_lock")
	if n == nil {
		return nil
	}
	l := r.mapping(path, n)
	defer l.done()
	return &Lock{Mode: parsed(l, "mode", lockMode), For: parsed(l, "for", ParsePeriod)}
}

func lockMode(text string) (string, error) {
	if text != "governance" && text != "compliance" {
		return "", errors.New("is no mode; write governance (who has the right may shorten it) or compliance (nobody may)")
	}
	return text, nil
}

func (c *Config) validateLock(p *problems) {
	switch {
	case c.LakeLock == nil:
	case c.LakeLock.Mode == "" || c.LakeLock.For == Period{}:
		p.at("lake_lock", "lake_lock needs mode and for: lake_lock: {mode: compliance, for: 10y}")
	case !strings.HasPrefix(c.Lake, "s3:"):
		p.at("lake_lock", "lake_lock is asked of S3 alone, and the lake is %s; remove it", c.Lake)
	}
}
