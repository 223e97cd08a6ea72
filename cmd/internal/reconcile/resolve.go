package reconcile

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// ErrExpectations is wrapped by what is wrong with an expectation file.
var ErrExpectations = errors.New("the expectations cannot be used")

// Known is what expectations can be about: what the catalogue lists, what is
// configured, and what rows of the period have.
type Known struct {
	Providers, Categories, Wallets map[string]bool
	Currencies                     map[string]map[string]bool // by wallet; "" stands for all of them
}

// NewKnown makes an empty one.
func NewKnown() Known {
	return Known{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]map[string]bool{"": {}}}
}

// rows adds what rows have.
func (k Known) rows(sums map[Key]*Sums) {
	for key := range sums {
		k.Providers[key.Provider], k.Categories[key.Category], k.Wallets[key.Wallet] = true, true, true
		if k.Currencies[key.Wallet] == nil {
			k.Currencies[key.Wallet] = map[string]bool{}
		}
		k.Currencies[key.Wallet][key.Currency], k.Currencies[""][key.Currency] = true, true
	}
}

// Expectation is a line that can be compared.
type Expectation struct {
	Line  Line // its currency is filled in
	Minor int64
	about pattern
}

// home is the currency of an expectation that names none, where no row says
// another: the totals of a wallet's sign-off are in it.
const home = "AZN"

// resolve turns lines into expectations. The error wraps ErrExpectations and
// names every line that is wrong.
func resolve(file string, lines []Line, known Known) ([]Expectation, error) {
	f := &expectFile{name: file}
	first := map[pattern]map[What]int{}
	var out []Expectation
	for _, l := range lines {
		before := len(f.wrong) + f.more
		f.names(l, known)
		minor := int64(0)
		if l.Currency = f.currency(l, known); l.Currency != "" {
			minor = f.minor(l)
		}
		if len(f.wrong)+f.more > before {
			continue
		}
		e := Expectation{Line: l, Minor: minor, about: patternOf(l)}
		if first[e.about] == nil {
			first[e.about] = map[What]int{}
		}
		if at := first[e.about][l.What]; at > 0 {
			f.bad(l.At, "it says again what line %d says; keep one of the two", at)
			continue
		}
		first[e.about][l.What] = l.At
		out = append(out, e)
	}
	if err := f.err(); err != nil {
		return nil, &badFile{err}
	}
	return out, nil
}

// badFile says nothing but what is wrong.
type badFile struct{ error }

func (b *badFile) Unwrap() []error { return []error{b.error, ErrExpectations} }

// names checks that what a line is about exists: a misspelt code would expect
// money where there can be none.
func (f *expectFile) names(l Line, known Known) {
	if l.Provider != "" && l.Provider != None && !known.Providers[l.Provider] {
		f.bad(l.At, "provider_code %s is not in the catalogue, and no row of the period has it", l.Provider)
	}
	if l.Category != "" && l.Category != None && !known.Categories[l.Category] {
		f.bad(l.At, "category %s is none of the catalogue's, and no row of the period has it", l.Category)
	}
	if l.Wallet != "" && !known.Wallets[l.Wallet] {
		f.bad(l.At, "wallet %s is not configured, and no row of the period is of it", l.Wallet)
	}
}

// currency is that of a line: as written, or that of all rows that it can be
// about; empty where that cannot be told.
func (f *expectFile) currency(l Line, known Known) string {
	whose, have := "the rows of the period are", known.Currencies[""]
	if l.Wallet != "" {
		whose, have = "wallet "+l.Wallet+" is", known.Currencies[l.Wallet]
	}
	names := slices.Sorted(maps.Keys(have))
	switch {
	case l.Currency == "" && len(names) > 1:
		f.bad(l.At, "which currency? There are rows in %s; name one of them", strings.Join(names, ", "))
	case l.Currency == "" && len(names) == 1:
		return names[0]
	case l.Currency == "":
		return home
	case len(names) > 0 && !have[l.Currency]:
		f.bad(l.At, "currency %s: %s in %s", l.Currency, whose, strings.Join(names, ", "))
	}
	return l.Currency
}

var floatForm = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+$`)

// minor reads the amount of a line exactly.
func (f *expectFile) minor(l Line) int64 {
	exponent, err := schemas.Exponent(l.Currency)
	if err != nil {
		f.bad(l.At, "%q is not a currency of ISO 4217", l.Currency)
		return 0
	}
	minor := int64(0)
	if text := l.AmountMinor; text != "" {
		if minor, err = strconv.ParseInt(text, 10, 64); err != nil || strconv.FormatInt(minor, 10) != text {
			f.bad(l.At, "amount_minor %q is not a whole number of minor units, such as 131020", text)
			return 0
		}
	} else {
		minor, err = schemas.ParseMinor([]byte(l.Amount), exponent)
		switch {
		case floatForm.MatchString(l.Amount):
			f.bad(l.At, "amount %s is in float notation, which is not exact; write its digits out, such as 1310.20", l.Amount)
			return 0
		case errors.Is(err, schemas.ErrAmountScale):
			f.bad(l.At, "amount %s has more decimals than %s, which has %d", l.Amount, l.Currency, exponent)
			return 0
		case errors.Is(err, schemas.ErrAmountRange):
			f.bad(l.At, "amount %s is out of range", l.Amount)
			return 0
		case err != nil:
			f.bad(l.At, "amount %q is not an exact decimal; write digits and a point, such as 1310.20", l.Amount)
			return 0
		}
	}
	if minor < 0 && l.What != Net {
		f.bad(l.At, "%s %s %s: only net can be below zero; write how much it is, without a sign", l.What, l.Amount+l.AmountMinor, l.Currency)
	}
	return minor
}

// String says what an expectation is about.
func (e Expectation) String() string {
	text := string(e.Line.What)
	for _, part := range [][2]string{{"of wallet", e.Line.Wallet}, {"for", e.Line.Provider}, {"in category", e.Line.Category}} {
		switch part[1] {
		case "":
		case None:
			text += fmt.Sprintf(" %s none", part[0])
		default:
			text += fmt.Sprintf(" %s %s", part[0], part[1])
		}
	}
	return text
}
