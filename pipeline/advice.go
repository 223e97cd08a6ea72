package pipeline

import (
	"errors"

	"github.com/paylake/paylake/sources"
)

// advice says what a person can do about a stream that stopped. Errors for
// which somebody must act (sources.ErrAuth, sources.ErrConsent) say it
// themselves: only their source knows which command it takes.
func advice(pipeline string, err error) string {
	const owed = "; nothing of this window was committed and it stays owed: "
	switch {
	case errors.Is(err, sources.ErrAuth), errors.Is(err, sources.ErrConsent), errors.Is(err, errPanic):
		return ""
	case errors.Is(err, sources.ErrShape):
		return owed + "show this to whoever runs the upstream, then type: paylake run " + pipeline
	case errors.Is(err, sources.ErrTransient):
		return owed + "type: paylake check, and when the upstream answers: paylake run " + pipeline
	}
	return ""
}
