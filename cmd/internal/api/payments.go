package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Approval is an approver's signed word on payments. Who approves is who has
// signed, never who holds the API key; the key only lets them come here.
type Approval struct {
	By    string `json:"by" minLength:"1" maxLength:"64" doc:"one of payments.approvers, whose key has signed"`
	Batch string `json:"batch" pattern:"^b_[0-9a-f]{16}$" doc:"fingerprint of what is approved: here a batch of this one payment"`
	Note  string `json:"note" minLength:"1" maxLength:"65536" doc:"the signed note: what is approved, line by line, and an Ed25519 signature of it"`
}

// Payments are the payments that are initiated from here.
type Payments interface {
	// Approve takes an approval as the command does, with every rule it has: a
	// Refusal says which one does not hold.
	Approve(ctx context.Context, paymentID string, a Approval) error
}

type approveInput struct {
	ID   string `path:"id" maxLength:"128" doc:"the payment"`
	Body Approval
}

// paying registers what persons decide about payments.
func (a *API) paying() {
	plainly(a, huma.Operation{OperationID: "approve-payment", Method: http.MethodPost, Path: "/v1/intents/{id}/approve", Summary: "Approve a payment that somebody else has planned", Tags: []string{"payments"}}, []string{ScopeApprove},
		func(ctx context.Context, in *approveInput) (any, error) {
			if err := unbound(ctx); err != nil {
				return nil, err
			}
			if err := a.Payments.Approve(ctx, in.ID, in.Body); err != nil {
				return nil, err
			}
			return map[string]string{"payment_id": in.ID, "status": "approved", "checker": in.Body.By}, nil
		})
}
