package flashpaytest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func start(t *testing.T) (*flashpaytest.Server, func(body string) (int, string)) {
	t.Helper()
	var book flashpaytest.Rows
	for i := range 5 {
		book = append(book, flashpaytest.Operation{ID: fmt.Sprint("op", i), ProjectID: 210, AmountMinor: 5000, Currency: "KGS",
			CreatedAt: at, UpdatedAt: at.Add(time.Duration(i)*time.Second + 400*time.Millisecond)})
	}
	fake := flashpaytest.New(book, flashpaytest.Options{Projects: []int64{210}, Token: "tok", Secret: "sec", Now: func() time.Time { return at }})
	web := httptest.NewServer(fake)
	t.Cleanup(web.Close)
	return fake, func(body string) (int, string) {
		resp, err := web.Client().Post(web.URL+"/any/mount/v1/operations/get", "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
}

// ask signs a body that misses only its signature.
func ask(t *testing.T, body string) string {
	t.Helper()
	sig, err := flashpay.Sign([]byte(body), []byte("sec"))
	if err != nil {
		t.Fatal(err)
	}
	return body[:len(body)-1] + `,"signature":"` + sig + `"}`
}

const body = `{"token":"tok","project_id":[210],"interval":{"from":"2026-03-01 06:00:01","to":"2026-03-01 06:00:03"},"tz":"Asia/Bishkek","limit":2,"offset":1}`

func TestServesASignedPage(t *testing.T) {
	_, post := start(t)
	status, text := post(ask(t, body))
	if status != http.StatusOK {
		t.Fatal(status, text)
	}
	if _, err := flashpay.Verify([]byte(text), [][]byte{[]byte("sec")}); err != nil {
		t.Error(err)
	}
	var got struct {
		Operations []struct {
			ID string `json:"operation_id"`
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	// Both ends belong to the interval, to the second; the first row is left out.
	if fmt.Sprint(got.Operations) != "[{op2} {op3}]" {
		t.Errorf("%v", got.Operations)
	}
}

func TestRefusesWhoMayNot(t *testing.T) {
	fake, post := start(t)
	for want, bodies := range map[int][]string{
		401: {ask(t, `{"token":"other"}`), `{}`},
		403: {body, ask(t, `{"token":"tok","project_id":[1]}`)},
		400: {`nonsense`, ask(t, `{"token":"tok","project_id":[210],"interval":{"from":"x","to":"y"},"tz":"UTC"}`),
			ask(t, `{"token":"tok","project_id":[210],"interval":{"from":"2026-03-01 00:00:00","to":"2026-03-01 00:00:00"}}`),
			ask(t, `{"token":"tok","project_id":[210],"interval":{"from":"2026-03-01 00:00:00","to":"2026-03-01 00:00:00"},"tz":"UTC","limit":1001}`)},
	} {
		for _, b := range bodies {
			if status, text := post(b); status != want {
				t.Errorf("%s: %d %s, want %d", b, status, text, want)
			}
		}
	}
	if fake.Requests() != 8 || fake.InFlight() != 0 {
		t.Errorf("%d requests, %d in flight", fake.Requests(), fake.InFlight())
	}
}

func TestFaultsFireAsPlanned(t *testing.T) {
	fake, post := start(t)
	if err := fake.Inject("no such", flashpaytest.Plan{}); err == nil {
		t.Error("an unknown fault was accepted")
	}
	if err := fake.Inject(flashpaytest.ServerError, flashpaytest.Plan{First: 2, Every: 2, Times: 2}); err != nil {
		t.Fatal(err)
	}
	var got []int
	for range 7 {
		status, _ := post(ask(t, body))
		got = append(got, status)
	}
	if fmt.Sprint(got) != "[200 503 200 503 200 200 200]" || fake.Fired(flashpaytest.ServerError) != 2 {
		t.Errorf("%v, fired %d", got, fake.Fired(flashpaytest.ServerError))
	}
}
