package flashpay

import (
	"bytes"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// How a sheet reads one value. Each method takes the column that the value is
// for; the column's words say where it may stand.

// find returns the value of a column and the word under which it came; nil when
// it is absent. Money under two words with different values is refused: nobody
// can say which is right.
func (s *sheet) find(column string) (v []byte, word string, p *problem) {
	money := s.table.Fields[s.at[column]].Kind == schemas.Minor
	for _, w := range s.list.words[column] {
		found := s.cut.values[w]
		switch {
		case absent(found) || string(found) == `""`:
		case v == nil:
			v, word = found, w
		case money && !bytes.Equal(bytes.Trim(v, `"`), bytes.Trim(found, `"`)):
			return nil, w, &problem{schemas.ReasonConflict, w}
		}
	}
	return v, word, nil
}

// missing names a column by the platform's first word for it.
func (s *sheet) missing(column string) *problem {
	return &problem{schemas.ReasonMissing, s.list.words[column][0]}
}

// word reads a text; number says that an integer is one too. Absent is "".
func (s *sheet) word(column string, number bool) (text []byte, word string, p *problem) {
	v, word, p := s.find(column)
	if v == nil {
		return nil, word, p
	}
	text, p = unquoted(v, number)
	if p != nil {
		p.field = word
	}
	return text, word, p
}

// unquoted is the text of a JSON string, or of an integer.
func unquoted(v []byte, number bool) ([]byte, *problem) {
	text := v
	switch k := jsontext.Value(v).Kind(); {
	case k == jsontext.KindString:
		var err error
		if text, err = jsontext.AppendUnquote(nil, v); err != nil {
			return nil, &problem{reason: schemas.ReasonText}
		}
	case k != jsontext.KindNumber || !number || bytes.ContainsAny(v, ".eE"):
		return nil, &problem{reason: schemas.ReasonType}
	}
	return text, judgeText(text)
}

// texts fills columns with what came.
func (s *sheet) texts(columns ...string) *problem {
	for _, c := range columns {
		v, _, p := s.word(c, true)
		if p != nil {
			return p
		}
		s.cell(c).text = v
	}
	return nil
}

// identify fills the source, the project and the row's id.
func (s *sheet) identify(id string) *problem {
	s.cell("source").text = []byte(s.cfg.Name)
	s.cell("project_id").n = s.cfg.ProjectID // only our project was asked for
	v, word, p := s.word("project_id", true)
	if p != nil {
		return p
	}
	if len(v) > 0 {
		n, err := schemas.ParseMinorInteger(v)
		if err != nil {
			return &problem{schemas.ReasonType, word}
		}
		if n != s.cfg.ProjectID {
			return &problem{schemas.ReasonForeign, word}
		}
	}
	if p := s.texts(id); p != nil {
		return p
	}
	if len(s.cell(id).text) == 0 {
		return s.missing(id)
	}
	return nil
}

// integer reads minor units, as a number or as a text.
func (s *sheet) integer(column string, signed bool) (n int64, present bool, p *problem) {
	v, word, p := s.find(column)
	if v == nil {
		return 0, false, p
	}
	n, p = minor(v, signed)
	if p != nil {
		p.field = word
	}
	return n, true, p
}

// minor reads an integer in minor units: digits, no point, no exponent.
func minor(v []byte, signed bool) (int64, *problem) {
	if k := jsontext.Value(v).Kind(); k != jsontext.KindNumber && k != jsontext.KindString {
		return 0, &problem{reason: schemas.ReasonType}
	}
	lit := bytes.Trim(v, `"`)
	if len(lit) > maxField {
		return 0, &problem{reason: schemas.ReasonTooLong}
	}
	digits, negative := bytes.CutPrefix(lit, []byte("-"))
	if negative && !signed {
		return 0, &problem{reason: schemas.ReasonAmount}
	}
	n, err := schemas.ParseMinorInteger(digits)
	if err != nil {
		return 0, &problem{reason: schemas.AmountReason(err)}
	}
	if negative {
		n = -n
	}
	return n, nil
}

// sum fills an amount and its currency; both are needed.
func (s *sheet) sum(amount, currency string, signed bool) *problem {
	n, present, p := s.integer(amount, signed)
	switch {
	case p != nil:
		return p
	case !present:
		return s.missing(amount)
	}
	s.cell(amount).n = n
	return s.currency(currency)
}

// currency fills an ISO 4217 code.
func (s *sheet) currency(column string) *problem {
	code, word, p := s.word(column, false)
	switch {
	case p != nil:
		return p
	case len(code) == 0:
		return s.missing(column)
	}
	if _, err := schemas.Exponent(string(code)); err != nil {
		return &problem{schemas.ReasonCurrency, word}
	}
	s.cell(column).text = code
	return nil
}

// instant fills a time; a day alone is its midnight where the column may be
// empty, since only such columns are days by nature.
func (s *sheet) instant(column string) *problem {
	nullable := s.table.Fields[s.at[column]].Nullable
	v, word, p := s.word(column, false)
	switch {
	case p != nil:
		return p
	case len(v) == 0 && nullable:
		s.cell(column).null = true
		return nil
	case len(v) == 0:
		return s.missing(column)
	}
	day := len(v) == len("2006-01-02") && nullable
	if day {
		v = append(bytes.Clone(v), " 00:00:00"...)
	}
	micros, _, zoned, err := s.zone.Parse(v)
	if err != nil {
		return &problem{schemas.ReasonTime, word}
	}
	if !zoned && !day {
		s.count("time_without_offset")
	}
	s.cell(column).n = micros
	return nil
}

// dated fills the business date of the row's time.
func (s *sheet) dated() {
	s.cell("business_date").n = int64(s.zone.BusinessDate(s.cell(s.table.Time).n))
}

// method fills the payment method and the source's own provider code, which it
// is.
func (s *sheet) method() *problem {
	p := s.texts("method")
	s.cell("provider_code").text = s.cell("method").text
	return p
}

// people fills the customer, as a pseudonym where it is a telephone number, and
// the masked account.
func (s *sheet) people() *problem {
	if p := s.texts("customer_id", "account_masked"); p != nil {
		return p
	}
	id, account := s.cell("customer_id"), s.cell("account_masked")
	id.text = []byte(aliasOf(id.text, s.cfg.Pseudonyms, s.aliases))
	account.text = []byte(schemas.MaskAccount(string(account.text)))
	return nil
}

// aliasOf is what is stored of a customer id: a telephone number becomes its
// pseudonym, every other id stays as it came.
func aliasOf(id []byte, people *schemas.Pseudonymizer, seen map[string]string) string {
	digits := 0
	for _, c := range string(id) {
		if unicode.IsDigit(c) {
			digits++
		}
	}
	if digits < 7 {
		return string(id)
	}
	if a, ok := seen[string(id)]; ok {
		return a
	}
	a := string(id)
	if e164, ok := schemas.E164(a, region); ok {
		a = people.Of(e164)
	}
	seen[string(id)] = a
	return a
}

// kept reads the fields that the pipeline wants as columns. Objects and lists
// stay out: their text could carry anything. Numbers of people are masked.
func (s *sheet) kept() *problem {
	for i, f := range s.table.Fields {
		v := s.cut.values[f.Name]
		if !f.Kept || absent(v) {
			continue
		}
		if v[0] == '[' || v[0] == '{' {
			s.count("field:" + plain(f.Name))
			continue
		}
		text := v
		if v[0] == '"' {
			var err error
			if text, err = jsontext.AppendUnquote(nil, v); err != nil {
				return &problem{schemas.ReasonText, plain(f.Name)}
			}
		}
		if p := judgeText(text); p != nil {
			p.field = plain(f.Name)
			return p
		}
		s.cells[i].text = []byte(schemas.MaskReference(string(text), region))
	}
	return nil
}
