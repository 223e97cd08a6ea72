package flashpay

import (
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// ahead is how far in the future an operation may have been created: clocks
// differ by hours, not by days.
const ahead = 24 * time.Hour

// NoticesConfig is what is needed to read the callbacks of one project.
type NoticesConfig struct {
	Name       string // of the source
	ProjectID  int64
	Secrets    [][]byte // every live one: several while rotating
	Zone       *time.Location
	Keep       []string // of the pipeline that reads the operations
	Pseudonyms *schemas.Pseudonymizer
	Now        func() time.Time
}

// Notices reads the callbacks of one project. Safe for concurrent use.
type Notices struct {
	cfg   NoticesConfig
	table *schemas.Table
	mem   memory.Allocator
}

// NewNotices returns a reader of callbacks. It sends nothing.
func NewNotices(cfg NoticesConfig) (*Notices, error) {
	if len(cfg.Secrets) == 0 {
		return nil, fmt.Errorf("flashpay %s: no secret: callbacks cannot be verified", cfg.Name)
	}
	if err := errors.Join(checkZone(cfg.Zone)); err != nil {
		return nil, fmt.Errorf("flashpay %s: %w", cfg.Name, err)
	}
	return &Notices{cfg: cfg, table: schemas.Operations.Keep(cfg.Keep...), mem: memory.NewGoAllocator()}, nil
}

// Stream names what the notices are about.
func (n *Notices) Stream() sources.Stream {
	return sources.Stream{Source: n.cfg.Name, Table: n.table}
}

// Accept judges a callback: grammar and signature, then whether every value of
// the operation that it tells about can be read, belongs to the project and
// lies in time. A callback that tells when its operation was created has a Row
// that Page reads; one without has to wait for the Data API, and its Row is nil.
// Errors wrap ErrGrammar, ErrSignature or ErrContent and quote no value.
func (n *Notices) Accept(body []byte) (Callback, error) {
	c, err := ReadCallback(body, n.cfg.Secrets)
	if err == nil {
		err = n.ours(body)
	}
	if err != nil || c.Row == nil {
		return c, err
	}
	page := n.Page([][]byte{c.Row})
	defer page.Rows.Release()
	if len(page.Rejects) == 0 {
		return c, n.inTime(page)
	}
	r := page.Rejects[0]
	if undated(r) {
		return Callback{Variant: c.Variant}, nil
	}
	return Callback{}, fmt.Errorf("flashpay: callback: %s, %s: %w", r.Field, r.Reason, ErrContent)
}

// Row is what a callback tells about its operation, nil when that does not say
// enough to be a row: a notice without an operation, or without the time of its
// creation. The signature was judged when the callback came.
func (n *Notices) Row(body []byte) ([]byte, error) {
	row, err := operationOf(body)
	if err != nil || row == nil {
		return nil, err
	}
	page := n.Page([][]byte{row})
	defer page.Rows.Release()
	if len(page.Rejects) > 0 && undated(page.Rejects[0]) {
		return nil, nil
	}
	return row, nil
}

func undated(r schemas.Reject) bool {
	return r.Reason == schemas.ReasonMissing && r.Field == labels[fieldCreated]
}

// ours refuses a callback that names another project. One without an operation
// is no row, and still says how a payment stands.
func (n *Notices) ours(body []byte) error {
	objects, err := objectsOf(body)
	if err != nil {
		return fmt.Errorf("flashpay: callback: %w", err)
	}
	v := objects[""]["project_id"]
	if absent(v) {
		return nil
	}
	text, err := plainID(v)
	if id, bad := schemas.ParseMinorInteger([]byte(text)); err != nil || bad != nil || id != n.cfg.ProjectID {
		return fmt.Errorf("flashpay: callback: project_id is not this source's: %w", ErrContent)
	}
	return nil
}

// inTime refuses operations that were created, or completed, days from now.
func (n *Notices) inTime(page sources.Page) error {
	for column, name := range map[string]string{"created_at": "created_date", "completed_at": "date"} {
		at := page.Rows.Column(n.table.Index(column)).(*array.Timestamp)
		if at.IsValid(0) && time.UnixMicro(int64(at.Value(0))).After(n.cfg.Now().Add(ahead)) {
			return fmt.Errorf("flashpay: callback: operation.%s lies more than %s in the future: %w", name, ahead, ErrContent)
		}
	}
	return nil
}

// Page reads the rows of accepted callbacks.
func (n *Notices) Page(rows [][]byte) sources.Page {
	d := newDecoder(n.cfg.Name, n.cfg.ProjectID, n.table, n.cfg.Zone, n.cfg.Pseudonyms, n.mem)
	defer d.release()
	all := make([]int, len(rows))
	for i := range all {
		all[i] = i
	}
	return d.decode(rows, all, nil)
}
