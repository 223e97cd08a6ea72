package decisions

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/paylake/paylake/schemas"
)

// ErrDecision is wrapped by what is wrong with a decision.
var ErrDecision = errors.New("this cannot be decided")

// maxText is how long a name or a reason may be, in bytes.
const maxText = 2000

// CheckWords refuses names and reasons that would say nothing, or that hold what
// must not stay in a lake for ever. flag names are those of the command line.
func CheckWords(by, reason string) error {
	for _, text := range []struct{ flag, of, value string }{{"--by", "NAME", by}, {"--reason", "TEXT", reason}} {
		switch {
		case strings.TrimSpace(text.value) == "":
			return fmt.Errorf("%s %s is missing: a decision is kept with who took it and why", text.flag, text.of)
		case len(text.value) > maxText:
			return fmt.Errorf("%s is longer than %d bytes; name a document that says more", text.flag, maxText)
		case strings.ContainsFunc(text.value, unicode.IsControl) || !validText(text.value):
			return fmt.Errorf("%s has to be one line of plain text", text.flag)
		case schemas.MaskNumbers(text.value, "AZ") != text.value:
			return fmt.Errorf("%s holds what may be a telephone or card number, and a decision stays for ever: name a case or a document instead", text.flag)
		}
	}
	return nil
}

func validText(s string) bool { return strings.ToValidUTF8(s, "") == s }

// check refuses what no command may commit.
func (d *Decision) check() error {
	if classes[d.Kind] == "" {
		return fmt.Errorf("%q is no kind of a decision: %w", d.Kind, ErrDecision)
	}
	if err := CheckWords(d.By, d.Reason); err != nil {
		return fmt.Errorf("%w: %w", err, ErrDecision)
	}
	if d.Period != "" {
		if _, err := ParseSpan(d.Period); err != nil {
			return fmt.Errorf("%w: %w", err, ErrDecision)
		}
	}
	money := d.Amount != nil || d.Expected != nil || d.Lake != nil || d.Warehouse != nil
	if _, err := schemas.Exponent(d.Currency); money && err != nil {
		return fmt.Errorf("amounts in %q: %w: %w", d.Currency, err, ErrDecision)
	}
	return nil
}
