package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

type rawValue = json.RawMessage

// Lake is what proves what was committed. Answers are what the commands print.
type Lake interface {
	// Manifest returns one manifest; a Refusal with 404 where there is none.
	Manifest(ctx context.Context, n int64) (any, error)
	Proof(ctx context.Context, n int64) ([]byte, error)
	Verify(ctx context.Context) (any, error)
}

// Works is what runs here.
type Works interface {
	Status(ctx context.Context) (any, error)
	Webhooks(ctx context.Context) (any, error)
	// Redrive queues quarantined rows to be tried again, all that wait when ids is empty.
	Redrive(ctx context.Context, ids []string, by string) (queued int, err error)
}

// Grant is a consent that somebody records.
type Grant struct {
	WalletID string   `json:"wallet_id" minLength:"1" maxLength:"256"`
	Source   string   `json:"source,omitempty" maxLength:"256" doc:"where two sources have a wallet of that id"`
	Purposes []string `json:"purposes,omitempty" maxItems:"20" doc:"analytics when absent"`
	From     string   `json:"from,omitempty" format:"date" doc:"first day of the data; all history when absent"`
	Until    string   `json:"until,omitempty" format:"date" doc:"first day on which it is over; 90 days from now when absent"`
}

// Consents is the registry of who allows what.
type Consents interface {
	List(ctx context.Context) (any, error)
	Grant(ctx context.Context, g Grant, by string) (any, error)
	Revoke(ctx context.Context, source, wallet, by, reason string) (any, error)
}

// Refusal is an error whose words are for who asked.
type Refusal struct {
	Status int
	Detail string
}

func (r *Refusal) Error() string { return r.Detail }

type anyAnswer struct{ Body any }

type nothing struct{}

// plainly registers an operation whose answer is a value as it is.
func plainly[I any](a *API, op huma.Operation, scopes []string, do func(context.Context, *I) (any, error)) {
	op.Errors = append(op.Errors, 401, 403, 404, 422, 429, 503)
	huma.Register(a.huma, secured(op, scopes...), func(ctx context.Context, in *I) (*anyAnswer, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.answered(ctx, err)
		}
		return &anyAnswer{out}, nil
	})
}

type snapshotInput struct {
	N int64 `path:"n" minimum:"1" doc:"number of the manifest"`
}

type fileAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// unbound refuses what is about everybody to keys of some wallets.
func unbound(ctx context.Context) error {
	if callerOf(ctx).bound() {
		return huma.Error403Forbidden("the key is bound to wallets, and this is about all")
	}
	return nil
}

// proving registers what the lake says.
func (a *API) proving() {
	plainly(a, huma.Operation{OperationID: "snapshot", Method: http.MethodGet, Path: "/v1/snapshots/{n}", Summary: "One manifest, with its parts", Tags: []string{"proof"}}, []string{ScopeRead, ScopeAudit},
		func(ctx context.Context, in *snapshotInput) (any, error) {
			if err := unbound(ctx); err != nil {
				return nil, err
			}
			return a.Lake.Manifest(ctx, in.N)
		})
	huma.Register(a.huma, secured(huma.Operation{OperationID: "snapshot-proof", Method: http.MethodGet, Path: "/v1/snapshots/{n}/proof", Summary: "That a manifest is in the log: a tlog-proof", Tags: []string{"proof"},
		Errors: []int{401, 403, 404, 422, 429, 503}}, ScopeAudit), func(ctx context.Context, in *snapshotInput) (*fileAnswer, error) {
		proof, err := a.Lake.Proof(ctx, in.N)
		if err != nil {
			return nil, a.answered(ctx, err)
		}
		return &fileAnswer{"text/plain; charset=utf-8", `attachment; filename="manifest.tlog-proof"`, proof}, nil
	})
	plainly(a, huma.Operation{OperationID: "verify", Method: http.MethodPost, Path: "/v1/verify", Summary: "Verify the lake now: what verify --json prints", Tags: []string{"proof"}}, []string{ScopeAudit},
		func(ctx context.Context, _ *nothing) (any, error) {
			if !a.verifying.TryLock() {
				return nil, huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("the lake is being verified already; wait for that answer"), http.Header{"Retry-After": {"10"}})
			}
			defer a.verifying.Unlock()
			return a.Lake.Verify(ctx)
		})
}

type consentInput struct{ Body Grant }

type withdrawInput struct {
	Wallet string `path:"wallet_id" maxLength:"256" doc:"id of the wallet, or of the consent"`
	Source string `query:"source" maxLength:"256" doc:"where two sources have a wallet of that id"`
	Reason string `query:"reason" maxLength:"1024" doc:"for the receipt"`
}

type redriveInput struct {
	Body struct {
		IDs []string `json:"ids,omitempty" maxItems:"1000" doc:"ids of quarantined rows; all that wait when absent"`
	}
}

// Queued is how many rows are to be tried again.
type Queued struct {
	Queued int `json:"queued"`
}

// operating registers what runs and what persons allow.
func (a *API) operating() {
	plainly(a, huma.Operation{OperationID: "status", Method: http.MethodGet, Path: "/v1/status", Summary: "How far every pipeline is: what status --json prints", Tags: []string{"operation"}}, []string{ScopeRead, ScopeAudit, ScopeOperate},
		func(ctx context.Context, _ *nothing) (any, error) {
			if err := unbound(ctx); err != nil {
				return nil, err
			}
			return a.status.get(a.Now(), func() (any, error) { return a.Works.Status(ctx) })
		})
	plainly(a, huma.Operation{OperationID: "webhooks", Method: http.MethodGet, Path: "/v1/webhooks", Summary: "Who is told what happens: what webhook list --json prints", Tags: []string{"operation"}}, []string{ScopeOperate},
		func(ctx context.Context, _ *nothing) (any, error) { return a.Works.Webhooks(ctx) })
	plainly(a, huma.Operation{OperationID: "redrive", Method: http.MethodPost, Path: "/v1/quarantine/redrive", Summary: "Try quarantined rows again", Tags: []string{"operation"}, DefaultStatus: http.StatusAccepted}, []string{ScopeOperate},
		func(ctx context.Context, in *redriveInput) (any, error) {
			if err := unbound(ctx); err != nil {
				return nil, err
			}
			n, err := a.Works.Redrive(ctx, in.Body.IDs, callerOf(ctx).Name)
			return Queued{n}, err
		})
	plainly(a, huma.Operation{OperationID: "consents", Method: http.MethodGet, Path: "/v1/consents", Summary: "Who allows what: what consent list --json prints", Tags: []string{"operation"}}, []string{ScopeAudit},
		func(ctx context.Context, _ *nothing) (any, error) {
			if err := unbound(ctx); err != nil {
				return nil, err
			}
			return a.Consents.List(ctx)
		})
	plainly(a, huma.Operation{OperationID: "grant-consent", Method: http.MethodPost, Path: "/v1/consents", Summary: "Record that the owner of a wallet consents", Tags: []string{"operation"}, DefaultStatus: http.StatusCreated}, []string{ScopeOperate},
		func(ctx context.Context, in *consentInput) (any, error) {
			if err := unbound(ctx); err != nil {
				return nil, err
			}
			return a.Consents.Grant(ctx, in.Body, byKey(ctx))
		})
	plainly(a, huma.Operation{OperationID: "revoke-consent", Method: http.MethodDelete, Path: "/v1/consents/{wallet_id}", Summary: "End a consent", Tags: []string{"operation"}}, []string{ScopeOperate},
		func(ctx context.Context, in *withdrawInput) (any, error) {
			if err := unbound(ctx); err != nil {
				return nil, err
			}
			return a.Consents.Revoke(ctx, in.Source, in.Wallet, byKey(ctx), in.Reason)
		})
}

// byKey names a caller in receipts: not like a person.
func byKey(ctx context.Context) string { return "api key " + callerOf(ctx).Name }

// statusEvery is how long a status is told again: it reads the lake and counts
// in the warehouse, and every open dashboard asks for it.
const statusEvery = 2 * time.Second
