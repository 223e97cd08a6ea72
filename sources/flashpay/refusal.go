package flashpay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/sources"
)

// refused turns a status other than 200 into an error that a caller can act on.
func (u *Upstream) refused(status int, header http.Header, body []byte) error {
	said := u.report(body)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusBadRequest && aboutKeys(said):
		return sources.Errorf(sources.ErrAuth, "HTTP %d%s: the platform refuses data_token or the signature made with data_secret, "+
			"or the token may not see project %d; correct source %s and type paylake check", status, said, u.cfg.ProjectID, u.cfg.Name)
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return &sources.Transient{After: retryAfter(header), Err: fmt.Errorf("HTTP %d%s", status, said)}
	case status == http.StatusNotFound, status/100 == 3:
		return sources.Errorf(sources.ErrShape, "HTTP %d%s: there is no Data API at data_url; it must end with /v1 and redirects are not followed",
			status, said)
	}
	return sources.Errorf(sources.ErrShape, "HTTP %d%s", status, said)
}

// report is what an error body {name, message, code, status} says, fit to be
// shown: no secret, no long number, not long. Empty for any other body.
func (u *Upstream) report(body []byte) string {
	var e struct {
		Name, Message string
		Code          any
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	var said []string
	for _, s := range []string{e.Name, e.Message} {
		if s = u.scrub(s); s != "" {
			said = append(said, s)
		}
	}
	if c, ok := e.Code.(float64); ok {
		said = append(said, "code "+strconv.Itoa(int(c)))
	}
	if len(said) == 0 {
		return ""
	}
	return " (the platform says: " + strings.Join(said, "; ") + ")"
}

var longNumber = regexp.MustCompile(`\d(?:[ -]?\d){6,}`)

func (u *Upstream) scrub(s string) string {
	s = strings.NewReplacer(u.cfg.Token, "***", u.cfg.TokenSecret, "***").Replace(s)
	s = longNumber.ReplaceAllString(s, "***")
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return r == ' ' || control(r) }), " ")
	if r := []rune(s); len(r) > 160 {
		s = string(r[:160]) + "…"
	}
	return s
}

func aboutKeys(said string) bool {
	said = strings.ToLower(said)
	for _, w := range []string{"token", "signature", "unauthor", "credential", "access", "permission"} {
		if strings.Contains(said, w) {
			return true
		}
	}
	return false
}

// retryAfter reads Retry-After in seconds or as a date, the latter against the
// answer's own Date: clocks need not agree.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	at, err1 := http.ParseTime(v)
	sent, err2 := http.ParseTime(h.Get("Date"))
	if err1 != nil || err2 != nil || at.Before(sent) {
		return 0
	}
	return at.Sub(sent)
}
