package config

import (
	"strings"
	"testing"
	"time"
)

// lake_lock is S3's, and whole.
func TestLakeLock(t *testing.T) {
	c := parsed1(t, "/etc/p", "lake: s3://b\nlake_lock: {mode: compliance, for: 1y6mo}\n")
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if c.LakeLock == nil || c.LakeLock.Mode != "compliance" || !c.LakeLock.For.After(at).Equal(at.AddDate(1, 6, 0)) {
		t.Errorf("%+v", c.LakeLock)
	}
	for text, says := range map[string]string{
		"lake: file:///x\nlake_lock: {mode: compliance, for: 1y}": "asked of S3 alone",
		"lake: s3://b\nlake_lock: {mode: compliance}":             "needs mode and for",
		"lake: s3://b\nlake_lock: {mode: forever, for: 1y}":       "is no mode",
		"lake: s3://b\nlake_lock: {mode: governance, for: 10}":    "is not a period",
		"lake: s3://b\nlake_lock: {mode: governance, days: 10}":   "days",
	} {
		c, err := parse("paylake.yaml", "/etc/p", []byte(text+"\n"), none)
		if err == nil {
			err = c.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
