package flashpay

import (
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// The platform sends notices of chargebacks unsigned, and once. What they say
// is a hint: something to look for in /chargeback/list, and no more.

// maxHintID is the longest id that a hint may name: anybody can send one.
const maxHintID = 64

// hint is what an unsigned notice of a chargeback names.
type hint struct {
	project            int64
	payment, operation string
}

// Hinted is a stored hint.
type Hinted struct {
	At   time.Time // when it was received
	Body []byte
}

// Hint reports whether a body is an unsigned notice of a chargeback of the
// project. Errors wrap ErrGrammar or ErrContent; a signed body is ErrContent
// here, it has to be accepted or refused as what it is.
func (n *Notices) Hint(body []byte) error {
	_, err := n.hint(body)
	if err != nil {
		return fmt.Errorf("flashpay: unsigned notice: %w", err)
	}
	return nil
}

func (n *Notices) hint(body []byte) (h hint, err error) {
	if len(body) > MaxCallback {
		return h, fmt.Errorf("more than %d bytes: %w", MaxCallback, ErrGrammar)
	}
	f, err := flatten(body, strict, doublesRefused)
	if err != nil {
		return h, err
	}
	if f.signature != nil {
		return h, fmt.Errorf("it is signed: %w", ErrContent)
	}
	objects, err := objectsOf(body)
	if err != nil {
		return h, err
	}
	if len(objects[""]["chargeback"]) == 0 {
		return h, fmt.Errorf("no signature: %w", ErrSignature)
	}
	project, err1 := plainID(objects[""]["project_id"])
	payment, err2 := plainID(objects["payment"]["id"])
	operation, err3 := plainID(objects["operation"]["id"])
	if err := errors.Join(err1, err2, err3); err != nil || payment == "" {
		return h, fmt.Errorf("it names no payment: %w", ErrContent)
	}
	h = hint{payment: payment, operation: operation}
	if h.project, err = schemas.ParseMinorInteger([]byte(project)); err != nil || h.project != n.cfg.ProjectID {
		return h, fmt.Errorf("project_id is another project's: %w", ErrContent)
	}
	return h, nil
}

// plainID reads an id that is a text of plain characters or an integer.
func plainID(v []byte) (string, error) {
	if absent(v) {
		return "", nil
	}
	text := string(v)
	if v[0] == '"' {
		text = string(v[1 : len(v)-1])
	}
	for _, c := range []byte(text) {
		if !isDigit(c) && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return "", ErrContent
		}
	}
	if len(text) > maxHintID {
		return "", ErrContent
	}
	return text, nil
}

// HintStream names where hints go.
func (n *Notices) HintStream() sources.Stream {
	return sources.Stream{Source: n.cfg.Name, Table: schemas.ChargebackHints}
}

// Hints reads stored hints.
func (n *Notices) Hints(list []Hinted) (sources.Page, error) {
	b := array.NewRecordBuilder(n.mem, schemas.ChargebackHints.ArrowSchema())
	defer b.Release()
	zone := schemas.NewZone(n.cfg.Zone)
	for _, one := range list {
		h, err := n.hint(one.Body)
		if err != nil {
			return sources.Page{}, err
		}
		at := one.At.UnixMicro()
		b.Field(0).(*array.StringBuilder).Append(n.cfg.Name)
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(at))
		b.Field(2).(*array.Date32Builder).Append(arrow.Date32(zone.BusinessDate(at)))
		b.Field(3).(*array.Int64Builder).Append(h.project)
		b.Field(4).(*array.StringBuilder).Append(schemas.MaskLong(h.payment))
		b.Field(5).(*array.StringBuilder).Append(h.operation)
	}
	return sources.Page{Rows: b.NewRecord()}, nil
}
