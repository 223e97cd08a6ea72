package chaos

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// platformFaults is what is wrong with a platform at a time.
type platformFaults struct {
	on      map[flashpaytest.Fault]flashpaytest.Plan
	ignores bool           // offsets: every page is the first one
	plans   map[int]string // by request of this run
	asked   int
	first   map[string][]byte // the first page of an interval, as it was answered
}

func (f *platformFaults) begin() {
	f.on, f.plans, f.first = map[flashpaytest.Fault]flashpaytest.Plan{}, map[int]string{}, map[string][]byte{}
}

var platformLasting = []flashpaytest.Fault{flashpaytest.Throttle, flashpaytest.ServerError, flashpaytest.Slow, flashpaytest.DuplicatePage,
	flashpaytest.SkippedRow, flashpaytest.Late, flashpaytest.Error200, flashpaytest.BadSignature}

var platformRequestFaults = []string{"429 without Retry-After", "429 with Retry-After", "error with 200", "connection", "token refused",
	"cut off", "altered", "the first page again", "rows move while they are read", "rows move while they are read", "rows come while they are read"}

// mostRequests is what no run of these histories needs, whatever goes wrong: a
// walk that does not end would be found out by it.
const mostRequests = 20_000

// toggle switches a lasting fault on or off.
func (w *platformWorld) toggle() error {
	i := w.d("fault", len(platformLasting)+1)
	if i == len(platformLasting) {
		w.ignores = w.d("on", 2) == 0
		return nil
	}
	w.count()
	name := platformLasting[i]
	delete(w.on, name)
	if w.d("on", 3) > 0 {
		w.on[name] = w.plan()
	}
	return w.inject()
}

func (w *platformWorld) plan() flashpaytest.Plan {
	return flashpaytest.Plan{First: 1 + w.d("first", 4), Every: 2 + w.d("every", 6)}
}

// inject gives the fake the faults that are on, and no other.
func (w *platformWorld) inject() error {
	w.fake.Heal()
	for name, plan := range w.on {
		if err := w.fake.Inject(name, plan); err != nil {
			return err
		}
	}
	return nil
}

// count keeps what the fake forgets when a fault is injected anew.
func (w *platformWorld) count() {
	for name := range w.on {
		w.seen[string(name)] += w.fake.Fired(name)
	}
}

func (w *platformWorld) heal() {
	w.count()
	w.fake.Heal()
	clear(w.on)
	clear(w.plans)
	w.ignores = false
}

// planRequests draws what happens to single requests of the next run.
func (w *platformWorld) planRequests() {
	clear(w.plans)
	w.asked = 0
	for range w.d("faults", 6) {
		w.plans[1+w.d("request", 40)] = platformRequestFaults[w.d("kind", len(platformRequestFaults))]
	}
}

// question is what a request asks for.
type question struct {
	Interval struct{ From, To string }
	TZ       string
	Offset   int
}

func (q question) span() (from, to time.Time) {
	zone, err := time.LoadLocation(q.TZ)
	if err != nil {
		return from, to
	}
	from, _ = time.ParseInLocation(time.DateTime, q.Interval.From, zone)
	to, _ = time.ParseInLocation(time.DateTime, q.Interval.To, zone)
	return from, to
}

func questionOf(r *http.Request) (q question, err error) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err == nil {
		err = json.Unmarshal(body, &q)
	}
	return q, err
}

// before is what happens to single requests.
func (w *platformWorld) before(r *http.Request) (*http.Response, error) {
	if w.asked++; w.asked > mostRequests {
		return answer(http.StatusUnauthorized, http.Header{}, `{}`), nil
	}
	q, err := questionOf(r)
	if err != nil {
		return nil, err
	}
	if w.ignores && q.Offset > 0 {
		if body := w.first[q.Interval.From+q.Interval.To]; body != nil {
			w.seen["offset ignored"]++
			return answer(http.StatusOK, http.Header{}, string(body)), nil
		}
	}
	plan := w.plans[w.asked]
	i := w.asked % 4
	switch plan {
	case "429 without Retry-After":
		w.seen[plan]++
		return answer(http.StatusTooManyRequests, http.Header{}, `{}`), nil
	case "429 with Retry-After":
		w.seen[plan]++
		return answer(http.StatusTooManyRequests, http.Header{"Retry-After": {[]string{"0", "7", "3600", "soon"}[i]}}, `{}`), nil
	case "error with 200":
		w.seen[plan]++
		return answer(http.StatusOK, http.Header{}, []string{`{"name":"Error","message":"busy","code":1}`, `{"operations":null,"message":"busy"}`, `<html>`, ``}[i]), nil
	case "connection":
		w.seen[plan]++
		return nil, io.ErrUnexpectedEOF
	case "token refused":
		w.seen[plan]++
		return answer(http.StatusUnauthorized, http.Header{}, `{"name":"Unauthorized","message":"Invalid token","code":1001}`), nil
	case "the first page again":
		if body := w.first[q.Interval.From+q.Interval.To]; body != nil && q.Offset > 0 {
			w.seen[plan]++
			return answer(http.StatusOK, http.Header{}, string(body)), nil
		}
	case "rows move while they are read":
		w.shift(q)
	case "rows come while they are read":
		if q.Offset > 0 {
			w.seen[plan]++
			w.post()
		}
	}
	return nil, nil
}

// shift updates rows that are being read: what lies behind them in the list
// moves to lower offsets.
func (w *platformWorld) shift(q question) {
	from, to := q.span()
	listed := w.book.within(from, to, w.clock.Now())
	if q.Offset == 0 || len(listed) == 0 {
		return
	}
	w.clock.move(2 * time.Second)
	for range 1 + w.d("moved", 5) {
		if w.update(listed[w.d("which", len(listed))]) {
			w.seen["rows move while they are read"]++
		}
	}
}

// after sees every answer of the fake.
func (w *platformWorld) after(r *http.Request, body []byte) []byte {
	q, err := questionOf(r)
	if err != nil || !bytes.HasPrefix(body, []byte(`{"operations":[`)) {
		return body
	}
	switch plan := w.plans[w.asked]; {
	case plan == "cut off":
		w.seen[plan]++
		return body[:len(body)/2]
	case plan == "altered" && bytes.Contains(body, []byte(`"amount":`)):
		w.seen[plan]++
		return bytes.Replace(body, []byte(`"amount":`), []byte(`"amount":7`), 1)
	}
	if q.Offset == 0 {
		w.first[q.Interval.From+q.Interval.To] = bytes.Clone(body)
	}
	return body
}
