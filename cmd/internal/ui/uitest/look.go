//go:build browser

package uitest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// Violation is a rule of accessibility that does not hold.
type Violation struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Where  []string `json:"where"`
}

// Axe fails for every serious or critical violation on the page as it stands.
func (b *Browser) Axe(where string) {
	b.t.Helper()
	for _, v := range b.violations() {
		if v.Impact == "serious" || v.Impact == "critical" {
			b.t.Errorf("%s: %s (%s): %s\n%v", where, v.ID, v.Impact, v.Help, v.Where[:min(3, len(v.Where))])
		}
	}
}

func (b *Browser) violations() (all []Violation) {
	b.t.Helper()
	file := os.Getenv("PAYLAKE_TEST_AXE")
	if file == "" {
		b.t.Fatal("PAYLAKE_TEST_AXE is not set; make test-browser does it")
	}
	if !Eval[bool](b, "typeof axe === 'object'") {
		script, err := os.ReadFile(file)
		if err != nil {
			b.t.Fatal(err)
		}
		Eval[chromedp.Void](b, string(script))
	}
	said := Eval[string](b, `axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(
		r.violations.map((v) => ({id: v.id, impact: v.impact, help: v.help, where: v.nodes.map((n) => n.html.slice(0, 200) + ' ' + (n.any[0]?.message ?? ''))}))))`)
	if err := json.Unmarshal([]byte(said), &all); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// MustFindFaults fails unless axe sees what is planted: rules that see nothing
// would let everything through.
func (b *Browser) MustFindFaults() {
	b.t.Helper()
	Eval[bool](b, "(document.querySelector('main').append(Object.assign(document.createElement('img'), {id: 'planted', src: 'data:,'})), true)")
	if !slices.ContainsFunc(b.violations(), func(v Violation) bool { return v.ID == "image-alt" && v.Impact == "critical" }) {
		b.t.Error("a picture without words is not found")
	}
	Eval[bool](b, "(document.getElementById('planted').remove(), true)")
}

// NoSideways fails when the page is wider than its window.
func (b *Browser) NoSideways(where string) {
	b.t.Helper()
	over := Eval[string](b, `(() => {
		const wide = document.documentElement.scrollWidth - innerWidth;
		if (wide <= 0) return '';
		const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'));
		return wide + ' px: ' + out.slice(0, 5).map((e) => e.tagName + '.' + e.className + '#' + e.id).join(', ');
	})()`)
	if over != "" {
		b.t.Errorf("%s scrolls sideways by %s", where, over)
	}
}

// Picture writes the window as a small PNG.
func (b *Browser) Picture(t testing.TB, file string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	body, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	small, err := shrink(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, small, 0o600); err != nil {
		t.Fatal(err)
	}
}

const (
	colours = 96
	apart   = 12 // sum of the differences of red, green and blue
)

// shrink keeps the most frequent colours of a picture that can be told apart:
// pages have few, and the rest is the edges of letters.
func shrink(body []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	seen := map[color.RGBA]int{}
	bounds := img.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			seen[rgba(img, x, y)]++
		}
	}
	var palette color.Palette
	for _, c := range byFrequency(seen) {
		if len(palette) < colours && !near(palette, c) {
			palette = append(palette, c)
		}
	}
	out := image.NewPaletted(bounds, palette)
	index := map[color.RGBA]uint8{}
	for c := range seen {
		index[c] = uint8(palette.Index(c)) //nolint:gosec // fewer than 256 colours
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			out.SetColorIndex(x, y, index[rgba(img, x, y)])
		}
	}
	var w bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&w, out)
	return w.Bytes(), err
}

func near(palette color.Palette, c color.RGBA) bool {
	return slices.ContainsFunc(palette, func(other color.Color) bool {
		o, _ := other.(color.RGBA)
		return abs(o.R, c.R)+abs(o.G, c.G)+abs(o.B, c.B) < apart
	})
}

func abs(a, b uint8) int { return max(int(a), int(b)) - min(int(a), int(b)) }

func rgba(img image.Image, x, y int) color.RGBA {
	c, _ := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
	return c
}

func byFrequency(seen map[color.RGBA]int) []color.RGBA {
	all := make([]color.RGBA, 0, len(seen))
	for c := range seen {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	return all
}
