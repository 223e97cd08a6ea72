package schemas

import "regexp"

// InitiatedPrefix begins the id of every payment that a paylake initiates.
const InitiatedPrefix = "pl_"

// shortNumber is whatever could be a payer's approval code, or have it in it.
var shortNumber = regexp.MustCompile(`\p{Nd}(?:[ -]?\p{Nd}){3,}`)

// HideCodes takes out of a text for people every number of four digits and more:
// any of them could be the code with which a payer approves.
func HideCodes(text string) string { return shortNumber.ReplaceAllString(text, "***") }
