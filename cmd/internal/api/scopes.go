package api

import "slices"

// Scope is what a key may be allowed to do.
type Scope struct{ Name, Doc string }

// The scopes of API keys.
const (
	ScopeRead    = "read"
	ScopeExport  = "export"
	ScopeAudit   = "audit"
	ScopeOperate = "operate"
	ScopePay     = "pay"
	ScopeApprove = "approve"
)

// Scopes lists all scopes. None implies another.
func Scopes() []Scope {
	return []Scope{
		{ScopeRead, "figures and rows, without what stands for persons"},
		{ScopeExport, "exports, and rows of periods that are held back"},
		{ScopeAudit, "rows with pseudonyms, also of wallets whose consent was withdrawn; proofs, consents"},
		{ScopeOperate, "consents, webhooks, quarantine"},
		{ScopePay, "payments that wait, are under way or done"},
		{ScopeApprove, "approve payments"},
	}
}

// ScopeNames are the names of all scopes.
func ScopeNames() (names []string) {
	for _, s := range Scopes() {
		names = append(names, s.Name)
	}
	return names
}

// reader is the warehouse's user who asks for a key: the one that sees most of
// what its scopes open. Views decide by it what they show.
func reader(scopes []string) string {
	switch {
	case slices.Contains(scopes, ScopeAudit):
		return "auditor"
	case slices.Contains(scopes, ScopeExport):
		return "accountant"
	}
	return "analyst"
}
