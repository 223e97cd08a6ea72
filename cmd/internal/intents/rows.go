package intents

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/pipeline"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/flashpay"
)

// region is where national telephone numbers in texts are read.
const region = "KG"

// Reader turns the lines of one source into rows.
type Reader struct {
	Source string
	Zone   *time.Location // whose days business_date counts
	People *schemas.Pseudonymizer
}

// Tell reads deliveries of kind Kind, in their order; nothing for none. The
// first one that cannot be read fails all of them.
func (r Reader) Tell(deliveries []pipeline.Notice) ([]pipeline.Told, error) {
	lines := make([]Line, len(deliveries))
	for i, d := range deliveries {
		var err error
		if lines[i], err = Read(d.Body); err != nil {
			return nil, fmt.Errorf("delivery %d: %w", d.ID, err)
		}
	}
	if len(lines) == 0 {
		return nil, nil
	}
	stream := sources.Stream{Source: r.Source, Table: schemas.PaymentIntents}
	return []pipeline.Told{{Stream: stream, Page: sources.Page{Rows: r.rows(lines)}}}, nil
}

func (r Reader) rows(lines []Line) arrow.Record {
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schemas.PaymentIntents.ArrowSchema())
	defer b.Release()
	zone := schemas.NewZone(r.Zone)
	for _, l := range lines {
		for i, f := range schemas.PaymentIntents.Fields {
			switch b := b.Field(i).(type) {
			case *array.StringBuilder:
				b.Append(r.text(f.Name, l))
			case *array.Int64Builder:
				b.Append(l.numbers[f.Name])
			case *array.Date32Builder:
				b.Append(arrow.Date32(zone.BusinessDate(l.numbers["changed_at"])))
			case *array.TimestampBuilder:
				if at, ok := l.numbers[f.Name]; ok {
					b.Append(arrow.Timestamp(at))
				} else {
					b.AppendNull()
				}
			}
		}
	}
	return b.NewRecord()
}

// text is what is stored of a text. The customer is called what the operations
// of the platform call him, so that the two meet; whole numbers of people that
// stand in sentences are masked; and somebody who was erased while the line
// waited is erased.
func (r Reader) text(column string, l Line) string {
	text := l.texts[column]
	switch column {
	case "source":
		return r.Source
	case "account", "account_masked":
		if r.People.Gone(l.texts["account"]) {
			return schemas.Erased
		}
	case "customer_id":
		return flashpay.CustomerID(text, r.People)
	case "key":
		return schemas.MaskReference(text, region)
	case "reason", "finding", "told", "code_message":
		return schemas.MaskNumbers(text, region)
	}
	return text
}
