package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sources/flashpay"
	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// Every example is a world of its own, so 25 are drawn, or PAYLAKE_TEST_CASES.
func TestMain(m *testing.M) {
	checks := cmp.Or(os.Getenv("PAYLAKE_TEST_CASES"), "25")
	if err := flag.Set("rapid.checks", checks); err != nil {
		fmt.Println("PAYLAKE_TEST_CASES:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// client talks to a sandbox over real HTTP.
type client struct {
	t      *testing.T
	origin string
	http   *http.Client
}

func serve(t *testing.T, w *World, o HandlerOptions) client {
	t.Helper()
	h, err := Handler(w, o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return client{t, s.URL, s.Client()}
}

// do sends a request and decodes the answer into out, if it is JSON.
func (c client) do(method, path, bearer string, body []byte, out any) (int, string) {
	c.t.Helper()
	r, err := http.NewRequest(method, c.origin+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	if out != nil && answer.StatusCode < 300 {
		if err := json.Unmarshal(text, out); err != nil {
			c.t.Fatalf("%s: %v", path, err)
		}
	}
	return answer.StatusCode, string(text)
}

// login walks the OTP chain of a wallet and returns an access token.
func (c client) login(msisdn string) string {
	c.t.Helper()
	var challenge struct {
		ID string `json:"challenge_id"`
	}
	if status, text := c.do("POST", mpaytest.Prefix+"/auth/otp/start", "", fmt.Appendf(nil, `{"msisdn":%q}`, msisdn), &challenge); status != 201 {
		c.t.Fatalf("start: %d %s", status, text)
	}
	_, otp := c.do("GET", "/sandbox/otp?challenge_id="+challenge.ID, "", nil, nil)
	var verified struct {
		Session struct {
			Token string `json:"access_token"`
		} `json:"session"`
	}
	body := fmt.Appendf(nil, `{"challenge_id":%q,"otp":%q}`, challenge.ID, strings.TrimSpace(otp))
	if status, text := c.do("POST", mpaytest.Prefix+"/auth/otp/verify", ServerKey, body, &verified); status != 200 {
		c.t.Fatalf("verify: %d %s", status, text)
	}
	return verified.Session.Token
}

type statement struct {
	Rows []struct {
		Amount json.Number `json:"amount"`
	} `json:"rows"`
	Next string `json:"next_cursor"`
}

func TestWhatIsServedIsTheTruth(t *testing.T) {
	w := newWorld(t, Options{Seed: 11, Rows: 3000})
	c := serve(t, w, HandlerOptions{PageSize: 100})
	var truth Truth
	if status, text := c.do("GET", "/sandbox/truth?until="+noon.UTC().Format(time.RFC3339), "", nil, &truth); status != 200 {
		t.Fatal(status, text)
	}
	for i, wallet := range w.Wallets() {
		token, rows, sum := c.login(wallet.MSISDN), int64(0), new(big.Rat)
		query := "/wallet/statement?from=" + truth.Start + "&to=" + noon.Format(time.DateOnly) + "&cursor="
		for next := ""; ; {
			var page statement
			if status, text := c.do("GET", mpaytest.Prefix+query+next, token, nil, &page); status != 200 {
				t.Fatal(status, text)
			}
			for _, r := range page.Rows {
				amount, _ := new(big.Rat).SetString(r.Amount.String())
				sum.Add(sum, amount)
				rows++
			}
			if next = page.Next; next == "" {
				break
			}
		}
		want := truth.Rows[i]
		if rows != want.Rows || sum.Mul(sum, big.NewRat(100, 1)).Cmp(big.NewRat(want.AmountMinor, 1)) != 0 {
			t.Errorf("%s: %d rows, %s; truth has %+v", wallet.ID, rows, sum, want)
		}
	}
	if n, sum := c.operations(w); n != truth.Rows[6].Rows || sum != truth.Rows[6].AmountMinor {
		t.Errorf("%d operations of %d, truth has %+v", n, sum, truth.Rows[6])
	}
}

// operations reads the whole list by signed requests.
func (c client) operations(w *World) (n, sum int64) {
	c.t.Helper()
	for {
		status, text, page := c.ask(w, n)
		if status != 200 {
			c.t.Fatal(status, text)
		}
		for _, o := range page.Operations {
			sum += o.Sum.Amount
			n++
		}
		if len(page.Operations) < 200 {
			return n, sum
		}
	}
}

type list struct {
	Operations []struct {
		Sum struct {
			Amount int64 `json:"amount"`
		} `json:"sum_initial"`
	} `json:"operations"`
}

func (c client) ask(w *World, offset int64) (status int, text string, page list) {
	c.t.Helper()
	ask := fmt.Sprintf(`{"token":%q,"project_id":[%d],"interval":{"from":%q,"to":%q},"tz":"Asia/Bishkek","limit":200,"offset":%d`,
		FlashpayToken, ProjectID, w.Start().Format(time.DateTime), w.Now().AddDate(0, 0, 1).Format(time.DateTime), offset)
	signature, err := flashpay.Sign([]byte(ask+"}"), []byte(FlashpayTokenSecret))
	if err != nil {
		c.t.Fatal(err)
	}
	status, text = c.do("POST", "/flashpay/v1/operations/get", "", fmt.Appendf(nil, `%s,"signature":%q}`, ask, signature), &page)
	return status, text, page
}

// Every name does something at every upstream where it is said to strike. A
// loop of cursors hides what lies behind it, so it is met alone.
func TestEveryChaosFires(t *testing.T) {
	others := slices.DeleteFunc(ChaosNames(), func(name string) bool { return name == "cursor-loop" })
	for _, names := range [][]string{others, {"cursor-loop"}} {
		w := newWorld(t, Options{Seed: 11, Rows: 20_000, Chaos: names})
		c := serve(t, w, HandlerOptions{Cooldown: -1})
		c.browse("+994552345678")
		for i := range int64(30) {
			c.ask(w, i%2*200)
		}
		var counts []FaultCount
		c.do("GET", "/sandbox/faults", "", nil, &counts)
		if len(counts) < len(names) {
			t.Errorf("%d counters for %v", len(counts), names)
		}
		for _, n := range counts {
			if n.Fired == 0 {
				t.Errorf("%s never fired at %s", n.Fault, n.Source)
			}
		}
	}
}

// browse asks for statement pages of the last days whatever the answers are.
func (c client) browse(msisdn string) {
	query := mpaytest.Prefix + "/wallet/statement?from=" + noon.AddDate(0, 0, -4).Format(time.DateOnly) +
		"&to=" + noon.Format(time.DateOnly) + "&cursor="
	token, next := "", ""
	for range 90 {
		var page statement
		switch status, _ := c.do("GET", query+next, token, nil, &page); {
		case status == 401:
			for token = ""; token == ""; {
				token = c.tryLogin(msisdn)
			}
		case status == 200 && page.Rows != nil:
			next = page.Next
		}
	}
}

// tryLogin is login that may be throttled: empty then.
func (c client) tryLogin(msisdn string) string {
	var challenge struct {
		ID string `json:"challenge_id"`
	}
	if status, _ := c.do("POST", mpaytest.Prefix+"/auth/otp/start", "", fmt.Appendf(nil, `{"msisdn":%q}`, msisdn), &challenge); status != 201 {
		return ""
	}
	_, otp := c.do("GET", "/sandbox/otp?challenge_id="+challenge.ID, "", nil, nil)
	var verified struct {
		Session struct {
			Token string `json:"access_token"`
		} `json:"session"`
	}
	c.do("POST", mpaytest.Prefix+"/auth/otp/verify", ServerKey,
		fmt.Appendf(nil, `{"challenge_id":%q,"otp":%q}`, challenge.ID, strings.TrimSpace(otp)), &verified)
	return verified.Session.Token
}

func TestEveryNameIsKnownToItsFake(t *testing.T) {
	s := flashpaytest.New(newWorld(t, Options{}), flashpaytest.Options{})
	for name, plan := range flashpayFaults {
		if err := s.Inject(name, plan); err != nil {
			t.Error(err)
		}
	}
	m := mpaytest.New(newWorld(t, Options{}), mpaytest.Options{})
	for _, name := range mpayFaults {
		if err := m.SetFault(name, true); err != nil {
			t.Error(err)
		}
	}
}

func TestOwnPages(t *testing.T) {
	c := serve(t, newWorld(t, Options{Seed: 3}), HandlerOptions{})
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/":                            {200, "/sandbox/paylake.yaml"},
		"/nowhere":                     {404, ""},
		"/sandbox/truth":               {200, `"spend_by_provider"`},
		"/sandbox/truth?until=noon":    {400, "until is not an instant"},
		"/sandbox/otp?challenge_id=ch": {404, "challenge_unknown"},
		"/sandbox/faults":              {200, "[]"},
	} {
		if status, text := c.do("GET", path, "", nil, nil); status != want.status || !strings.Contains(text, want.text) {
			t.Errorf("%s: %d %.200s", path, status, text)
		}
	}
	if status, _ := c.do("POST", "/sandbox/truth", "", nil, nil); status != 405 {
		t.Errorf("POST: %d", status)
	}
}

func TestTheConfigurationLoads(t *testing.T) {
	w := newWorld(t, Options{Seed: 3})
	c := serve(t, w, HandlerOptions{Config: ConfigOptions{Exe: "/opt/pay lake/paylake"}})
	_, text := c.do("GET", "/sandbox/paylake.yaml", "", nil, nil)
	if text != w.Config(c.origin, ConfigOptions{Exe: "/opt/pay lake/paylake"}) {
		t.Error("the page and the function differ")
	}
	env := map[string]string{}
	for _, k := range Credentials() {
		env[k.Env] = k.Value
		if !strings.Contains(k.Value, "sandbox") || !strings.Contains(text, k.Env+"="+k.Value) {
			t.Errorf("%s does not say that it is a sandbox's, or is not listed", k.Env)
		}
	}
	cfg := load(t, t.TempDir(), text, func(name string) string { return env[name] })
	mpay, _ := cfg.SourceNamed(SourceMPAY)
	if len(mpay.Wallets) != 6 || strings.TrimSuffix(mpay.URL, "/") != c.origin {
		t.Errorf("%+v", mpay)
	}
	if want := []string{"/opt/pay lake/paylake", "otp-from-sandbox", c.origin}; !reflect.DeepEqual(mpay.Wallets[0].OTP.Exec, want) {
		t.Errorf("otp by %q", mpay.Wallets[0].OTP.Exec)
	}
	names := cfg.PipelineNames()
	for _, want := range []string{"ledger", "providers", "operations", "balances", "funding", "assurance", "templates", "nfc", "fees", "chargebacks", "psp_balances", "rates"} {
		if !slices.Contains(names, want) {
			t.Errorf("no pipeline %s among %s", want, names)
		}
	}
	if !cfg.Pipelines[0].Start.In(w.cal.zone).Equal(w.Start()) {
		t.Errorf("starts on %s, the world on %s", cfg.Pipelines[0].Start, w.Start())
	}
}

func TestTheConfigurationWithKeyFilesLoads(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, k := range Credentials() {
		if err := os.WriteFile(filepath.Join(dir, "keys", k.File), []byte(k.Value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := newWorld(t, Options{}).Config("http://127.0.0.1:9/", ConfigOptions{KeysDir: "keys", DataDir: filepath.Join(dir, "data")})
	load(t, dir, text, func(string) string { return "" })
}

func load(t *testing.T, dir, text string, getenv func(string) string) *config.Config {
	t.Helper()
	file := filepath.Join(dir, "paylake.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, getenv)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return cfg
}
