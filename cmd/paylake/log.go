package main

import (
	"fmt"
	"log/slog"
	"regexp"
)

// logKeys are the keys that may stand in a log. What is logged under another
// one is left out: a log is read, copied and kept by people who may not see
// what a value that nobody thought about could hold.
var logKeys = map[string]bool{
	slog.TimeKey: true, slog.LevelKey: true, slog.MessageKey: true, "source": true,
	"table": true, "wallet": true, "window": true, "pipeline": true, "batch": true, "snapshot": true, "follower": true,
	"rows": true, "inserted": true, "retracted": true, "duplicates": true, "quarantined": true, "bytes": true,
	"took": true, "code": true, "err": true, "event": true, "role": true, "object": true, "detail": true,
	"data_dir": true, "pid": true, "addr": true, "load": true, "manifest": true, "attempt": true, "after": true, "by": true, "part": true,
	"endpoint": true, "tries": true, "payment": true, "status": true, "job": true, "drafts": true, "findings": true,
	"request": true,
}

// longNumber is a telephone number written in full.
var longNumber = regexp.MustCompile(`\+[0-9]{9,15}`)

// logged is what becomes of an attribute on its way into the log.
func logged(_ []string, a slog.Attr) slog.Attr {
	if !logKeys[a.Key] {
		return slog.String(a.Key, "(left out)")
	}
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(longNumber.ReplaceAllString(v, "+•••"))
	case error:
		a.Value = slog.StringValue(longNumber.ReplaceAllString(v.Error(), "+•••"))
	case fmt.Stringer:
		a.Value = slog.StringValue(longNumber.ReplaceAllString(v.String(), "+•••"))
	}
	return a
}
