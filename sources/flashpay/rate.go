package flashpay

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// maxRateDigits keeps a rate's digits inside int64.
const maxRateDigits = 18

// decimal reads a rate exactly: a plain positive decimal without an exponent,
// as a number or as a text. scaled is its digits as an integer, scale how many
// of them follow the point. It is never a float.
func decimal(v []byte) (text []byte, scaled, scale int64, p *problem) {
	if k := jsontext.Value(v).Kind(); k != jsontext.KindNumber && k != jsontext.KindString {
		return nil, 0, 0, &problem{reason: schemas.ReasonType}
	}
	text = bytes.Trim(v, `"`)
	whole, frac, point := bytes.Cut(text, []byte("."))
	if len(whole) == 0 || point && len(frac) == 0 || len(whole) > 1 && whole[0] == '0' {
		return nil, 0, 0, &problem{reason: schemas.ReasonAmount}
	}
	if len(whole)+len(frac) > maxRateDigits {
		return nil, 0, 0, &problem{reason: schemas.ReasonRange}
	}
	for _, part := range [][]byte{whole, frac} {
		for _, c := range part {
			if !isDigit(c) {
				return nil, 0, 0, &problem{reason: schemas.ReasonAmount}
			}
			scaled = scaled*10 + int64(c-'0')
		}
	}
	if scaled == 0 {
		return nil, 0, 0, &problem{reason: schemas.ReasonRange}
	}
	return text, scaled, int64(len(frac)), nil
}
