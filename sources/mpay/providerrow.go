package mpay

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// Fields of a catalogue row.
const (
	pCode = iota
	pName
	pCategory
	pService
	pStatus
	pUpdated
	pFields
)

var providerNames = [pFields]string{
	"provider_code", "display_name", "category", "service_code", "status", "updated_at",
}

// providerRows reads rows of the bill catalogue.
type providerRows struct {
	source string
	zone   *schemas.Zone
	col    func(name string) *column

	values [pFields]value
	has    uint
	names  [3]string // az, en, ru
}

func newProviderRows(t *schemas.Table, c *columns, source string, zone *time.Location) *providerRows {
	return &providerRows{source: source, zone: schemas.NewZone(zone),
		col: func(name string) *column { return &c.cols[t.Index(name)] }}
}

func (p *providerRows) begin() { p.has, p.names = 0, [3]string{} }

func (p *providerRows) set(d *decoder, name []byte, v value) bool {
	for f, n := range providerNames {
		if n != string(name) {
			continue
		}
		if p.has&(1<<f) != 0 {
			d.bad(schemas.ReasonDuplicate, n)
			return true
		}
		p.has |= 1 << f
		p.values[f] = v
		if len(v.text) > maxText {
			d.bad(schemas.ReasonTooLong, n)
		} else if v.kind != '"' && v.kind != 'n' && (f != pName || v.kind != '{') {
			d.bad(schemas.ReasonType, n)
		}
		return true
	}
	return false
}

func (p *providerRows) text(f int) []byte {
	if p.has&(1<<f) == 0 || p.values[f].kind != '"' {
		return nil
	}
	return p.values[f].text
}

func (p *providerRows) end(d *decoder) (outside bool) {
	if len(p.text(pCode)) == 0 {
		d.bad(schemas.ReasonMissing, "provider_code")
	}
	p.displayName(d)
	at, _, zoned, err := p.zone.Parse(p.text(pUpdated))
	if len(p.text(pUpdated)) == 0 {
		at, zoned, err = 0, true, nil // the catalogue need not say when
	}
	if err != nil {
		d.bad(schemas.ReasonTime, "updated_at")
	}
	if d.row.reason != "" {
		return false
	}
	if !zoned {
		d.counts.add("time_without_offset", nil)
	}
	p.append(at)
	p.count(d)
	return false
}

func (p *providerRows) append(at int64) {
	p.col("source").string(p.source)
	p.col("provider_code").text(p.text(pCode))
	for i, lang := range [...]string{"name_az", "name_en", "name_ru"} {
		p.col(lang).string(p.names[i])
	}
	p.col("category").text(p.text(pCategory))
	p.col("service_code").text(p.text(pService))
	status := p.text(pStatus)
	if len(status) == 0 {
		status = []byte("active")
	}
	p.col("status").text(status)
	p.col("updated_at").int64(at)
}

func (p *providerRows) count(d *decoder) {
	if c := p.text(pCategory); !knownCategory(c) {
		d.counts.add("category:", c)
	}
	switch s := p.text(pStatus); string(s) {
	case "", "active", "retired":
	default:
		d.counts.add("status:", s)
	}
}

// displayName reads {az, en, ru}, or one plain text for all three.
func (p *providerRows) displayName(d *decoder) {
	if s := p.text(pName); len(s) > 0 {
		p.names = [3]string{string(s), string(s), string(s)}
		return
	}
	if p.has&(1<<pName) == 0 || p.values[pName].kind != '{' {
		return
	}
	// A second decoder, strict by default: a language twice is refused.
	dec := jsontext.NewDecoder(bytes.NewReader(p.values[pName].text))
	_, _ = dec.ReadToken()
	for dec.PeekKind() != '}' {
		lang, err := dec.ReadToken()
		if err != nil {
			d.bad(schemas.ReasonDuplicate, "display_name")
			return
		}
		if !p.language(d, dec, lang.String()) {
			return
		}
	}
}

func (p *providerRows) language(d *decoder, dec *jsontext.Decoder, lang string) bool {
	v, err := dec.ReadValue()
	if err != nil {
		d.bad(schemas.ReasonText, "display_name")
		return false
	}
	i := map[string]int{"az": 1, "en": 2, "ru": 3}[lang] - 1
	if i < 0 {
		d.counts.add("field:", []byte("display_name."+lang))
		return true
	}
	if v.Kind() == 'n' {
		return true
	}
	s, err := unquote(nil, v)
	if v.Kind() != '"' || err != nil {
		d.bad(schemas.ReasonType, "display_name")
		return false
	}
	p.names[i] = string(s)
	return true
}

func (p *providerRows) about(_ *decoder, r *schemas.Reject) { r.RowID = rowID(p.text(pCode)) }
