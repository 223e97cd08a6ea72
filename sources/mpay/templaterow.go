package mpay

import (
	"time"

	"github.com/paylake/paylake/schemas"
)

// Fields of a favourite.
const (
	tID = iota
	tName
	tProvider
	tSubscriber
	tStatus
	tUpdated
)

var templateFields = []field{
	{name: "id"}, {name: "name"}, {name: "provider_code"}, {name: "subscriber_ref", also: "0"}, {name: "status"}, {name: "updated_at"},
}

// templateRows reads a wallet's favourites.
type templateRows struct {
	fieldSet
	shelf
}

func newTemplateRows(c *columns, source, wallet string, zone *time.Location, p *people) *templateRows {
	return &templateRows{fieldSet: newFieldSet(templateFields), shelf: newShelf(schemas.Templates, c, source, wallet, zone, p)}
}

func (t *templateRows) end(d *decoder) (outside bool) {
	t.required(d, tID)
	m := t.updated(d, t.text(tUpdated))
	if d.row.reason != "" {
		return false
	}
	t.cols["source"].string(t.source)
	t.cols["wallet_id"].string(t.wallet)
	t.cols["template_id"].text(t.text(tID))
	t.cols["name"].string(schemas.MaskNumbers(string(t.text(tName)), region)) // a person chose it: it may hold anybody's number
	t.cols["provider_code"].text(t.text(tProvider))
	t.people.reference(t.cols["subscriber_ref"], t.text(tSubscriber))
	t.status(d, t.text(tStatus))
	t.cols["updated_at"].int64(m.at)
	return false
}

func (t *templateRows) about(_ *decoder, r *schemas.Reject) { r.RowID = rowID(t.text(tID)) }
