package mpay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// Fields of an NFC workflow.
const (
	wID = iota
	wProvider
	wPlatform
	wFamily
	wSteps
	wStatus
	wUpdated
)

var workflowFields = []field{
	{name: "workflow_id"}, {name: "provider_code"}, {name: "platform"}, {name: "card_family"}, {name: "steps", also: "["},
	{name: "status"}, {name: "updated_at"},
}

// Caps of a workflow.
const (
	maxSteps     = 1000
	maxStepBytes = 64 << 10
)

// workflowRows reads the catalogue of NFC workflows.
type workflowRows struct {
	fieldSet
	shelf
}

func newWorkflowRows(c *columns, source string, zone *time.Location) *workflowRows {
	return &workflowRows{fieldSet: newFieldSet(workflowFields), shelf: newShelf(schemas.NFCWorkflows, c, source, "", zone, nil)}
}

func (w *workflowRows) end(d *decoder) (outside bool) {
	w.required(d, wID, wPlatform)
	steps := w.steps(d)
	m := w.updated(d, w.text(wUpdated))
	if d.row.reason != "" {
		return false
	}
	w.known(d, "platform:", w.text(wPlatform), "android", "ios")
	w.cols["source"].string(w.source)
	w.cols["workflow_id"].text(w.text(wID))
	w.cols["provider_code"].text(w.text(wProvider))
	w.cols["platform"].text(w.text(wPlatform))
	w.cols["card_family"].text(w.text(wFamily))
	w.cols["steps"].text(steps)
	w.status(d, w.text(wStatus))
	w.cols["updated_at"].int64(m.at)
	return false
}

// step is one step of a workflow; its JSON is the canonical form of the column.
type step struct {
	Seq  int64  `json:"seq"`
	Name string `json:"name"`
}

// steps reads [{seq, name}] and returns it in the order of seq. A number that
// comes twice, or a step without name, would leave the order open: the row is
// refused.
func (w *workflowRows) steps(d *decoder) []byte {
	const name = "steps"
	list := []step{}
	if w.has&(1<<wSteps) != 0 && w.values[wSteps].kind == '[' {
		raw := w.values[wSteps].text
		if len(raw) > maxStepBytes {
			d.bad(schemas.ReasonTooLong, name)
			return nil
		}
		dec := jsontext.NewDecoder(bytes.NewReader(raw)) // strict by default: a field twice is refused
		_, _ = dec.ReadToken()
		for dec.PeekKind() != ']' {
			s, ok := readStep(d, dec)
			if !ok || len(list) >= maxSteps {
				d.bad(schemas.ReasonTooLong, name)
				return nil
			}
			list = append(list, s)
		}
	} else if len(w.text(wSteps)) > 0 {
		d.bad(schemas.ReasonType, name)
	}
	slices.SortStableFunc(list, func(a, b step) int { return cmp.Compare(a.Seq, b.Seq) })
	for i := range list {
		if i > 0 && list[i].Seq == list[i-1].Seq {
			d.bad(schemas.ReasonConflict, "steps.seq")
		}
	}
	return canonical(list)
}

// canonical spells the steps as JSON without spaces and HTML escapes.
func canonical(list []step) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(list) // numbers and UTF-8 always marshal
	return bytes.TrimSpace(b.Bytes())
}

// readStep reads one element; what is wrong with it is noted in d.
func readStep(d *decoder, dec *jsontext.Decoder) (s step, ok bool) {
	if dec.PeekKind() != '{' {
		d.bad(schemas.ReasonType, "steps")
		return s, false
	}
	_, _ = dec.ReadToken()
	numbered := false
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			d.bad(schemas.ReasonDuplicate, "steps")
			return s, false
		}
		field := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			d.bad(schemas.ReasonDuplicate, "steps")
			return s, false
		}
		switch field {
		case "seq":
			s.Seq, numbered = stepNumber(d, v), true
		case "name":
			s.Name = stepName(d, v)
		default:
			d.counts.add("field:", []byte("steps."+field))
		}
	}
	_, _ = dec.ReadToken()
	if !numbered {
		d.bad(schemas.ReasonMissing, "steps.seq")
	}
	if s.Name == "" {
		d.bad(schemas.ReasonMissing, "steps.name")
	}
	return s, d.row.reason == ""
}

func stepNumber(d *decoder, v jsontext.Value) int64 {
	text := []byte(v)
	if v.Kind() == '"' {
		text, _ = unquote(nil, v)
	}
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil || n < 0 {
		d.bad(schemas.ReasonType, "steps.seq")
	}
	return n
}

func stepName(d *decoder, v jsontext.Value) string {
	if v.Kind() != '"' {
		d.bad(schemas.ReasonType, "steps.name")
		return ""
	}
	s, err := unquote(nil, v)
	if err != nil || len(s) > maxText || bytes.ContainsFunc(s, unicode.IsControl) {
		d.bad(schemas.ReasonText, "steps.name")
	}
	return string(s)
}

func (w *workflowRows) about(_ *decoder, r *schemas.Reject) { r.RowID = rowID(w.text(wID)) }
