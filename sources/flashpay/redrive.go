package flashpay

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paylake/paylake/sources"
)

var _ sources.Redriver = (*windowed)(nil)

// Redrive implements sources.Redriver. What is observed (balances, rates) has no
// such thing: its instant was that of the answer.
func (s *windowed) Redrive(_ context.Context, rows []sources.Refused) []sources.Decoded {
	dec := s.decoder()
	defer dec.release()
	out := make([]sources.Decoded, len(rows))
	for i, row := range rows {
		// The answer's signature held when the row came; whether a text of it could be
		// taken for further fields is looked at again.
		body := append(append([]byte(`{"`+s.of.lists[0]+`":[`), row.Raw...), `]}`...)
		cut, err := s.of.split(body)
		var doubtful map[int]bool
		if err == nil && len(cut) == 1 {
			var f *flat
			if f, err = flattenRows(body, s.of, doublesRefused); err == nil {
				doubtful = f.doubtful
			}
		}
		if len(cut) != 1 || err != nil && !errors.Is(err, jsontext.ErrDuplicateName) { // a key named twice is the decoder's to refuse
			out[i].Err = sources.Errorf(sources.ErrShape, "its raw text is not one row")
			continue
		}
		out[i].Page = dec.decode(cut, []int{0}, doubtful)
		out[i].Page.Next = sources.End
	}
	return out
}
