package api

// more is what operations beside the lists need.
type more struct{}

// register registers everything beside sessions and lists.
func (a *API) register() {}
