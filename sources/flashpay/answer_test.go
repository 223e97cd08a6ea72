package flashpay_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// signedOnce answers the first request with rows, every later one with none of
// them new. The text goes out as it stands; signer is the text that is signed.
func signedOnce(t *testing.T, text, signer string) http.Handler {
	t.Helper()
	sig, err := flashpay.Sign([]byte(signer), []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return handler(200, strings.TrimSuffix(text, "}")+`,"signature":"`+sig+`"}`)
}

const (
	good = `{"operation_id":"good","operation_created_at":"2026-03-01 12:00:00","operation_type":"sale","operation_status":"success","sum_initial":{"amount":"1","currency":"KGS"}}`
	twin = `{"operation_id":"bad","code":"0","code":"1","sum_initial":{"amount":7,"currency":"KGS"}}`
)

func only(t *testing.T, h http.Handler) (ids []string, rejects []schemas.Reject) {
	t.Helper()
	r := serve(t, h)
	for p, err := range r.up.Operations().Pages(t.Context(), window(), "") {
		if err != nil {
			t.Fatal(err)
		}
		ids, rejects = append(ids, idsOf(p)...), append(rejects, p.Rejects...)
	}
	return ids, rejects
}

// A row that names a key twice is refused; the rows beside it arrive. The
// platform has signed one of the two values.
func TestDuplicateKeyInOneRow(t *testing.T) {
	for _, kept := range []string{`{"operation_id":"bad","code":"1","sum_initial":{"amount":7,"currency":"KGS"}}`,
		`{"operation_id":"bad","code":"0","sum_initial":{"amount":7,"currency":"KGS"}}`} {
		ids, rejects := only(t, signedOnce(t, `{"operations":[`+twin+`,`+good+`]}`, `{"operations":[`+kept+`,`+good+`]}`))
		if !slices.Equal(ids, []string{"good"}) || len(rejects) != 1 || rejects[0].Reason != schemas.ReasonDuplicate ||
			rejects[0].RowID != "bad" || *rejects[0].Amount != 7 || string(rejects[0].Raw) != twin {
			t.Errorf("%v %+v", ids, rejects)
		}
	}
	r := serve(t, signedOnce(t, `{"operations":[`+twin+`,`+good+`]}`, `{"operations":[`+good+`]}`))
	if ids, err := read(t.Context(), r.up.Operations(), window()); !errors.Is(err, sources.ErrShape) || len(ids) > 0 {
		t.Errorf("%v %v", ids, err)
	}
}

// Signed alike, read otherwise: a text that swallowed a row's other fields.
func TestTextThatCouldBeFields(t *testing.T) {
	swallowed := `{"operation_id":"x","message":"a;operations:0:operation_status:success"}`
	body := `{"operations":[` + swallowed + `,` + good + `]}`
	ids, rejects := only(t, signedOnce(t, body, body))
	if !slices.Equal(ids, []string{"good"}) || len(rejects) != 1 || rejects[0].Reason != schemas.ReasonText || rejects[0].RowID != "x" {
		t.Errorf("%v %+v", ids, rejects)
	}
	// Outside the rows nothing of the answer can be trusted.
	outside := `{"operations":[` + good + `],"note":"a;b:c"}`
	r := serve(t, signedOnce(t, outside, outside))
	if ids, err := read(t.Context(), r.up.Operations(), window()); !errors.Is(err, sources.ErrShape) || len(ids) > 0 {
		t.Errorf("%v %v", ids, err)
	}
}

// What is signed must not be changed on the way.
func TestTamperedAnswer(t *testing.T) {
	honest := `{"operations":[` + good + `]}`
	for name, text := range map[string]string{
		"amount":     strings.Replace(honest, `"amount":"1"`, `"amount":"2"`, 1),
		"row added":  strings.Replace(honest, `[`, `[`+strings.Replace(good, "good", "more", 1)+`,`, 1),
		"row lost":   `{"operations":[]}`,
		"nested":     strings.Replace(honest, `"operation_type"`, `"signature":"x","operation_type"`, 1),
		"frame_mode": strings.Replace(honest, `"operation_type"`, `"frame_mode":"x","operation_type"`, 1),
		"in general": strings.Replace(honest, `]}`, `],"general":{"signature":"x"}}`, 1),
	} {
		r := serve(t, signedOnce(t, text, honest))
		if ids, err := read(t.Context(), r.up.Operations(), window()); !errors.Is(err, sources.ErrShape) || len(ids) > 0 {
			t.Errorf("%s: %v %v", name, ids, err)
		}
	}
}

// Callbacks may carry their signature in `general`; answers may not.
func TestAnswerSignedInGeneral(t *testing.T) {
	sig, err := flashpay.Sign([]byte(`{"operations":[`+good+`]}`), []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, handler(200, `{"operations":[`+good+`],"general":{"signature":"`+sig+`"}}`))
	if ids, err := read(t.Context(), r.up.Operations(), window()); !errors.Is(err, sources.ErrShape) || len(ids) > 0 {
		t.Errorf("%v %v", ids, err)
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	asked := make(chan struct{})
	r := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, hr *http.Request) {
		_, _ = io.Copy(io.Discard, hr.Body)
		close(asked)
		<-hr.Context().Done()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := read(ctx, r.up.Operations(), window())
	if !errors.Is(err, context.Canceled) || errors.Is(err, sources.ErrTransient) {
		t.Errorf("%v", err)
	}
}

// What goes out: the words of the Data API, signed at the root.
func TestRequest(t *testing.T) {
	var sent []byte
	fake := fakeOf(rows(3))
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		sent, _ = io.ReadAll(hr.Body)
		hr.Body = io.NopCloser(strings.NewReader(string(sent)))
		if hr.URL.Path != "/flashpay/v1/operations/get" || hr.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s", hr.URL.Path, hr.Header)
		}
		fake.ServeHTTP(w, hr)
	}))
	if _, err := read(t.Context(), r.up.Operations(), window()); err != nil {
		t.Fatal(err)
	}
	if v, err := flashpay.Verify(sent, [][]byte{[]byte(secret)}); err != nil || v != flashpay.VariantNatural {
		t.Errorf("%s %v", v, err)
	}
	var got map[string]any
	if err := json.Unmarshal(sent, &got); err != nil {
		t.Fatal(err)
	}
	keys := []string{"interval", "limit", "offset", "project_id", "signature", "token", "tz"}
	if !slices.Equal(slices.Sorted(maps.Keys(got)), keys) || got["tz"] != "Asia/Bishkek" {
		t.Errorf("%v", got)
	}
	interval := got["interval"].(map[string]any)
	if interval["from"] != "2026-03-02 00:00:00" || interval["to"] != "2026-03-02 23:59:59" {
		t.Errorf("%v", interval)
	}
}

// Where a clock is set back the interval is widened until its ends mean one
// instant each.
func TestIntervalAtAClockChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	back := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC) // 03:00 becomes 02:00
	var from, to time.Time
	r := serve(t, fakeOf(bookFunc(func(_ int64, f, u, _ time.Time, _, _ int) []flashpaytest.Operation {
		from, to = f, u
		return nil
	})), func(c *flashpay.Config) { c.Zone = berlin })
	for _, d := range []time.Duration{-90 * time.Minute, -30 * time.Minute, 0, 30 * time.Minute, 59 * time.Minute, 2 * time.Hour} {
		w := sources.Window{From: back.Add(d), To: back.Add(d + 10*time.Minute)}
		if _, err := read(t.Context(), r.up.Operations(), w); err != nil {
			t.Fatal(err)
		}
		if from.After(w.From) || to.Before(w.To.Add(-time.Second)) {
			t.Errorf("%s was asked as %s to %s", w, from.UTC(), to.UTC())
		}
		for _, end := range []time.Time{from, to} {
			for _, d := range []time.Duration{-time.Hour, time.Hour} {
				if end.Add(d).In(berlin).Format(time.DateTime) == end.In(berlin).Format(time.DateTime) {
					t.Errorf("%s: %s means two instants", w, end)
				}
			}
		}
	}
}
