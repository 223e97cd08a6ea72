package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Currency is a currency and how its amounts are written.
type Currency struct {
	Code   string `json:"code"`
	Digits int    `json:"digits" doc:"after the decimal point: amount = minor / 10^digits"`
}

type currenciesAnswer struct {
	Body struct {
		Data []Currency `json:"data"`
	}
}

func (a *API) currencies() {
	huma.Register(a.huma, secured(huma.Operation{OperationID: "currencies", Method: http.MethodGet, Path: "/v1/currencies", Summary: "Currencies and the digits of their minor units", Tags: []string{"figures"}}),
		func(context.Context, *nothing) (*currenciesAnswer, error) {
			out := &currenciesAnswer{}
			out.Body.Data = a.Currencies
			return out, nil
		})
}
