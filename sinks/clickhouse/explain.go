package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/paylake/paylake/sinks"
)

// Codes of ClickHouse.
const (
	accessDenied         = 497
	authenticationFailed = 516
)

// explain says what went wrong: an answer of the server is an error of the
// statement, anything else means that the server is out of reach.
func (w *Warehouse) explain(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("warehouse: %s: %w", what, ctx.Err())
	}
	at := w.where()
	e, answered := errors.AsType[*driver.Exception](err)
	switch {
	case answered && e.Code == authenticationFailed && w.embedded == nil:
		return fmt.Errorf("warehouse: ClickHouse (%s) does not let the user %q in: no such user, or another password; correct warehouse and warehouse_password, then: paylake check: %w",
			at.addr, at.owner, sinks.ErrUnavailable)
	case answered && e.Code == accessDenied && w.embedded == nil:
		return fmt.Errorf("warehouse: %s: %w; paylake check prints what an administrator has to grant", what, err)
	case answered && (full(e) || w.embedded != nil && !passing(e.Code) && noRoom(w.embedded.DataDir())):
		return fmt.Errorf("warehouse: %s: the disk of %s is full; make room there and run again, the lake is not touched by it: %w", what, w.disk(), err)
	case answered && !passing(e.Code):
		return fmt.Errorf("warehouse: %s: %w", what, err)
	}
	return fmt.Errorf("warehouse: %s: ClickHouse (%s) cannot be reached: %w%s; the lake goes on without it, and what is missing is loaded when it is back: %w",
		what, at.addr, err, tlsAdvice(err), sinks.ErrUnavailable)
}

// tlsAdvice is what to do where TLS itself is the trouble.
func tlsAdvice(err error) string {
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return "; nothing was sent to it: let this machine trust its certificate (SSL_CERT_FILE=ca.pem paylake …)"
	}
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain {
		return "; it does not speak TLS there: name the secure port (usually 9440), or leave out secure=true"
	}
	return ""
}

// passing are server errors that are about the server's moment, not the
// statement: shutting down, too many queries, network, read-only.
func passing(code int32) bool {
	switch code {
	case 202, 209, 210, 236, 242, 279, 394, 439, authenticationFailed, 999:
		return true
	}
	return false
}

// full reports whether the server has no room left: NOT_ENOUGH_SPACE, or the
// system's own words in another error. (On a full disk the engine may also read
// back a description of a table that it could not write, and call that an empty
// query.)
func full(e *driver.Exception) bool {
	return e.Code == 243 || strings.Contains(e.Message, "No space left on device")
}

// disk names the disk that the warehouse fills.
func (w *Warehouse) disk() string {
	if w.embedded != nil {
		return "data_dir " + w.embedded.DataDir()
	}
	return "the ClickHouse server " + w.where().addr
}
