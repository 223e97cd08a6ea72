package api

// register registers everything beside sessions and lists.
func (a *API) register() {
	a.entries()
	a.spending()
	a.figuring()
	a.currencies()
	if a.Lake != nil {
		a.proving()
	}
	if a.Exports != nil {
		a.exporting()
	}
	if a.Works != nil && a.Consents != nil {
		a.operating()
	}
	if a.Payments != nil {
		a.paying()
	}
}
