package flashpay

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/schemas"
)

// MaxCallback is the most bytes that a callback may have. The platform's own
// samples have under 2,000.
const MaxCallback = 256 << 10

// ErrContent is returned for a callback that is signed and cannot be used all
// the same: a field is missing, of another type, or about another project.
var ErrContent = errors.New("a signed callback that cannot be used")

// Callback is a signed notice about one operation.
type Callback struct {
	Variant Variant
	// Row is the operation in the words of the Data API, with the values as they
	// came; nil for a notice that names no operation.
	Row []byte
}

// ReadCallback checks grammar and signature of a callback, in this order, and
// says what it tells. Errors wrap ErrGrammar, ErrSignature or, for a body whose
// signature holds, ErrContent; they quote nothing of the body.
func ReadCallback(body []byte, secrets [][]byte) (Callback, error) {
	if len(body) > MaxCallback {
		return Callback{}, fmt.Errorf("flashpay: callback of more than %d bytes: %w", MaxCallback, ErrGrammar)
	}
	v, err := Verify(body, secrets)
	if err != nil {
		return Callback{}, err
	}
	row, err := operationOf(body)
	if err != nil {
		return Callback{}, fmt.Errorf("flashpay: callback: %w", err)
	}
	return Callback{Variant: v, Row: row}, nil
}

// words are the Data API's names of what a callback tells, and where.
var words = []struct{ object, member, name string }{
	{"", "project_id", "project_id"},
	{"operation", "id", "operation_id"},
	{"operation", "type", "operation_type"},
	{"operation", "status", "operation_status"},
	{"operation", "created_date", "operation_created_at"},
	{"operation", "date", "operation_completed_at"},
	{"operation", "sum_initial", "sum_initial"},
	{"operation", "sum_converted", "sum_converted"},
	{"operation", "code", "code"},
	{"operation", "message", "message"},
	{"payment", "id", "payment_id"},
	{"payment", "method", "payment_method"},
	{"payment", "sum", "payment_sum"},
	{"customer", "id", "customer_id"},
	{"account", "number", "account_number"},
}

// operationOf says in the Data API's words what a callback tells about its
// operation, so that one decoder reads both and both end as the same row. The
// date of an operation that is under way is not when it completed.
func operationOf(body []byte) ([]byte, error) {
	objects, err := objectsOf(body)
	if err != nil {
		return nil, err
	}
	if len(objects["operation"]) == 0 {
		return nil, nil
	}
	var status string
	if v := objects["operation"]["status"]; len(v) > 0 {
		if err := json.Unmarshal(v, &status); err != nil {
			return nil, fmt.Errorf("operation.status is not a text: %w", ErrContent)
		}
	}
	row := []byte{'{'}
	for _, w := range words {
		v := objects[w.object][w.member]
		if v == nil || w.name == "operation_completed_at" && !schemas.OperationFinal(status) {
			continue
		}
		if len(row) > 1 {
			row = append(row, ',')
		}
		row = append(append(append(append(row, '"'), w.name...), `":`...), v...)
	}
	return append(row, '}'), nil
}

// objectsOf takes the members of the objects that words names out of a body.
// An empty list stands for an empty object: the platform is written in PHP.
func objectsOf(body []byte) (map[string]map[string]jsontext.Value, error) {
	var root map[string]jsontext.Value
	if err := json.Unmarshal(body, &root); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", ErrContent)
	}
	out := map[string]map[string]jsontext.Value{"": root}
	for _, name := range []string{"operation", "payment", "customer", "account"} {
		v := root[name]
		var members map[string]jsontext.Value
		if len(v) == 0 || v.Kind() == jsontext.KindNull || v.Kind() == jsontext.KindBeginArray && bytes.Equal(bytes.Join(bytes.Fields(v), nil), []byte("[]")) {
			continue
		}
		if v.Kind() != jsontext.KindBeginObject || json.Unmarshal(v, &members) != nil {
			return nil, fmt.Errorf("%s is not an object: %w", name, ErrContent)
		}
		out[name] = members
	}
	return out, nil
}
