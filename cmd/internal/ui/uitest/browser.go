//go:build browser

package uitest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	patience = 30 * time.Second // for one step; two cores may be busy
	starting = 60 * time.Second
)

// Browser is a tab. What a page says is wrong (an exception, an error in the
// console, a broken policy) fails the test, whatever else the test looks at.
type Browser struct {
	t      testing.TB
	ctx    context.Context
	origin string

	mu     sync.Mutex
	faults []string
}

// Open starts a Chromium of its own that knows nobody.
func Open(t testing.TB, origin string) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing; apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("lang", "en"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to sandbox for root
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	b := &Browser{t: t, ctx: ctx, origin: origin}
	t.Cleanup(func() {
		for _, fault := range b.Faults() {
			t.Errorf("the page says: %s", fault)
		}
		closeTab()
		stop()
	})
	b.do(starting, chromedp.EmulateViewport(1280, 800))
	go b.listen(chromedp.Console(ctx))
	return b
}

// In lets a subtest answer for what the browser does until it calls back.
func (b *Browser) In(t testing.TB) (back func()) {
	was := b.t
	b.t = t
	return func() { b.t = was }
}

func (b *Browser) listen(messages func(func(chromedp.ConsoleMessage, error) bool)) {
	for m, err := range messages {
		if err != nil {
			return // the tab was closed
		}
		// That a request was refused is no fault of the page: it shows it.
		if m.Source == "network" || m.Type != chromedp.ConsoleError && !m.IsException() {
			continue
		}
		b.mu.Lock()
		b.faults = append(b.faults, fmt.Sprintf("%s %s (%s:%d)", m.Type, m.Text, m.URL, m.Line))
		b.mu.Unlock()
	}
}

// Faults are what pages have said so far, once: asking again gives the rest.
func (b *Browser) Faults() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.faults
	b.faults = nil
	return all
}

func (b *Browser) do(limit time.Duration, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := b.ctx, context.CancelFunc(func() {})
	if limit != starting { // the first context starts the browser, and would end it
		ctx, cancel = context.WithTimeout(b.ctx, limit)
	}
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v\non the page: %s", err, b.Text("body"))
	}
}

// Eval asks the page for a value.
func Eval[T any](b *Browser, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// Text is what can be read in the first element that matches; empty: none does.
func (b *Browser) Text(selector string) string {
	return Eval[string](b, fmt.Sprintf("document.querySelector(%s)?.innerText ?? ''", strconv.Quote(selector)))
}

// Go opens an address of the dashboard and waits until it stands still.
func (b *Browser) Go(address string) {
	b.t.Helper()
	b.do(patience, chromedp.Navigate(b.origin+"/"+address))
	b.Still()
}

// Move changes the address within the page, like a link does.
func (b *Browser) Move(hash string) {
	b.t.Helper()
	Eval[bool](b, fmt.Sprintf("(location.hash = %s, true)", strconv.Quote(hash)))
	b.Still()
}

// Still waits until nothing loads any more.
func (b *Browser) Still() {
	b.t.Helper()
	b.Until(`document.readyState === 'complete' && document.querySelector('h1') && !document.querySelector('[aria-busy], .loading')`)
	// Charts are drawn in the next frame.
	Eval[bool](b, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
}

// Until waits for an expression to be true.
func (b *Browser) Until(script string) {
	b.t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if Eval[bool](b, "Boolean("+script+")") {
			return
		}
		if time.Since(began) > patience {
			b.t.Fatalf("never true: %s\non the page: %s\nfaults: %v", script, b.Text("body"), b.Faults())
		}
	}
}

// Click clicks the first visible element that matches and has the text.
func (b *Browser) Click(selector, text string) {
	b.t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll(%s)].find((e) => e.innerText.includes(%s) && e.checkVisibility())", strconv.Quote(selector), strconv.Quote(text))
	b.Until(find)
	Eval[bool](b, "("+find+".click(), true)")
}

// Choose sets a control as a person does: with its events.
func (b *Browser) Choose(selector, value string) {
	b.t.Helper()
	b.Until(fmt.Sprintf("document.querySelector(%s)", strconv.Quote(selector)))
	Eval[bool](b, fmt.Sprintf(`(() => {
		const e = document.querySelector(%s);
		e.focus(); e.value = %s;
		e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true}));
		return true;
	})()`, strconv.Quote(selector), strconv.Quote(value)))
}

// Attach puts a file with a name and a text into a file input.
func (b *Browser) Attach(selector, name, text string) {
	b.t.Helper()
	Eval[bool](b, fmt.Sprintf(`(() => {
		const all = new DataTransfer();
		all.items.add(new File([%s], %s));
		document.querySelector(%s).files = all.files;
		return true;
	})()`, strconv.Quote(text), strconv.Quote(name), strconv.Quote(selector)))
}

// SignIn types a key and waits for the first page.
func (b *Browser) SignIn(key string) {
	b.t.Helper()
	b.Go("")
	b.Choose("#key", key)
	b.Click("button[type=submit]", "")
	b.Until("document.querySelector('nav')")
	b.Still()
}

// Size makes the window another one.
func (b *Browser) Size(width, height int64) {
	b.t.Helper()
	b.do(patience, chromedp.EmulateViewport(width, height))
	b.Still()
}

// Keys presses keys where the focus is.
func (b *Browser) Keys(keys string) {
	b.t.Helper()
	b.do(patience, chromedp.KeyEvent(keys))
}

// Back goes back in the tab's history.
func (b *Browser) Back() {
	b.t.Helper()
	Eval[bool](b, "(history.back(), true)")
	time.Sleep(100 * time.Millisecond) // until the address has changed
	b.Still()
}

// Says fails unless the page shows every text.
func (b *Browser) Says(selector string, texts ...string) {
	b.t.Helper()
	all := strings.ReplaceAll(b.Text(selector), "\u00a0", " ")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			b.t.Errorf("%s does not say %q but\n%s", selector, text, all)
		}
	}
}
