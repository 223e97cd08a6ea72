package api

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paylake/paylake/cmd/internal/problem"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// refuse answers with a problem outside of an operation.
func refuse(w http.ResponseWriter, status int, detail string) { problem.Write(w, status, detail) }

// withoutValues takes from problems what was sent: a key that was mistyped should
// not stand in a log of answers.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	if e, ok := v.(*huma.ErrorModel); ok {
		e.Type = "about:blank"
		for _, d := range e.Errors {
			d.Value = nil
		}
	}
	return v, nil
}

// Words for what cannot be answered.
const (
	tooHeavy = "the question was stopped: it takes more time or memory than one request may; ask for less, such as a shorter period, fewer wallets or a smaller limit"
	notNow   = "this cannot be answered at the moment; try again"
	oneUser  = "the warehouse is a server with one user, who sees everything: only keys with the scope audit are answered from it"
	broken   = "something went wrong here; the log says what, under the request's id"
)

// answered makes an error fit to be seen: what the caller can act on is said, and
// everything else is logged and left out.
func (a *API) answered(ctx context.Context, err error) error {
	var se huma.StatusError
	var refused *Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return huma.NewError(refused.Status, refused.Detail)
	case errors.As(err, &se):
		return err
	case errors.Is(err, clickhouse.ErrHeavy), errors.Is(err, context.DeadlineExceeded):
		return huma.Error422UnprocessableEntity(tooHeavy)
	case ctx.Err() != nil: // nobody listens
		return huma.Error503ServiceUnavailable(notNow)
	case errors.Is(err, sinks.ErrUnavailable), errors.Is(err, sinks.ErrBusy):
		a.Log.Warn("request not answered", "request", requestID(ctx), "err", err)
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(notNow), http.Header{"Retry-After": {"2"}})
	}
	a.Log.Error("request failed", "request", requestID(ctx), "err", err)
	return huma.Error500InternalServerError(broken)
}

// problem is answered where an operation writes its own answer.
func (a *API) problem(w huma.Context, err error) {
	var se huma.StatusError
	if errors.As(a.answered(w.Context(), err), &se) {
		_ = huma.WriteErr(a.huma, w, se.GetStatus(), se.Error())
	}
}

// fail is answered outside of an operation.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	var se huma.StatusError
	if errors.As(a.answered(r.Context(), err), &se) {
		refuse(w, se.GetStatus(), se.Error())
	}
}

// surviving answers for a handler that panics.
func (a *API) surviving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == http.ErrAbortHandler { //nolint:errorlint // it is the value itself
				panic(p) // the connection is to be cut: what was sent is not whole
			}
			if p != nil {
				a.Log.Error("request failed", "request", requestID(r.Context()), "detail", p, "err", string(debug.Stack()))
				refuse(w, http.StatusInternalServerError, broken)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
