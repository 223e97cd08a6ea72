package schemas

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Pseudonymizer turns telephone numbers into keyed pseudonyms. The same number
// gives the same pseudonym in every source, so that transfers can be joined;
// without the key a pseudonym says nothing. Safe for concurrent use.
//
// Keys have versions. New pseudonyms are made with the newest key; for numbers
// that it has seen it also knows what they were called before, so that a row
// that was stored under an older key is not taken for a changed one.
type Pseudonymizer struct {
	keys  []pseudonymKey // ascending by version; the last one is in use
	epoch atomic.Uint64

	mu         sync.Mutex
	suppressed map[string]bool               // first pseudonyms of the erased
	seen       map[string]string             // first pseudonym → number, since the last Seen; nil: nobody asks
	former     map[[16]byte]map[int][16]byte // newest pseudonym → older ones by version
}

type pseudonymKey struct {
	version int
	key     []byte
}

// MinPseudonymKey is the least length of a pseudonym key in bytes.
const MinPseudonymKey = 32

// Erased stands for a person who was erased, in place of every pseudonym and
// every mask.
const Erased = "erased"

// NewPseudonymizer returns a Pseudonymizer under version v of the key.
func NewPseudonymizer(v int, key []byte) (*Pseudonymizer, error) {
	p := &Pseudonymizer{former: map[[16]byte]map[int][16]byte{}}
	return p, p.add(v, key)
}

// Rotate puts a newer key in use; the older ones still compare. It must come
// before the first pseudonym.
func (p *Pseudonymizer) Rotate(v int, key []byte) error {
	if last := p.Version(); v <= last {
		return fmt.Errorf("pseudonym key %d is not newer than %d", v, last)
	}
	return p.add(v, key)
}

func (p *Pseudonymizer) add(v int, key []byte) error {
	if len(key) < MinPseudonymKey {
		return fmt.Errorf("pseudonym key has %d bytes, at least %d are needed", len(key), MinPseudonymKey)
	}
	p.keys = append(p.keys, pseudonymKey{v, append([]byte(nil), key...)})
	return nil
}

// Version is the version of the key in use.
func (p *Pseudonymizer) Version() int { return p.keys[len(p.keys)-1].version }

// Of returns the pseudonym of a normalised number: p, the key's version, an
// underscore and 32 hexadecimal digits of HMAC-SHA-256; Erased for somebody who
// was erased.
func (p *Pseudonymizer) Of(e164 string) string {
	if e164 == "" {
		return ""
	}
	first := p.keys[0].of(e164)
	newest := first
	var before map[int][16]byte
	if n := len(p.keys) - 1; n > 0 {
		newest = p.keys[n].of(e164)
		before = map[int][16]byte{p.keys[0].version: first}
		for _, k := range p.keys[1:n] {
			before[k.version] = k.of(e164)
		}
	}
	name := pseudonymText(p.keys[0].version, first)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.suppressed[name] {
		return Erased
	}
	if p.seen != nil {
		p.seen[name] = e164
	}
	if before != nil {
		p.former[newest] = before
	}
	return pseudonymText(p.Version(), newest)
}

// Subject returns what a person is called wherever one name for good is needed:
// the pseudonym under the first key, also of somebody who was erased.
func (p *Pseudonymizer) Subject(e164 string) string {
	return pseudonymText(p.keys[0].version, p.keys[0].of(e164))
}

// Names are a number's pseudonyms under every key, the newest last.
func (p *Pseudonymizer) Names(e164 string) []string {
	var out []string
	for _, k := range p.keys {
		out = append(out, pseudonymText(k.version, k.of(e164)))
	}
	return out
}

// Person returns the pseudonym and the masked form of a normalised number.
func (p *Pseudonymizer) Person(e164 string) (pseudonym, masked string) {
	if pseudonym = p.Of(e164); pseudonym == Erased {
		return Erased, Erased
	}
	return pseudonym, MaskPhone(e164)
}

// Former returns what the person behind a pseudonym was called under an older
// key; ok is false when that is not known.
func (p *Pseudonymizer) Former(pseudonym string, version int) (former string, ok bool) {
	sum, v, ok := parsePseudonym(pseudonym)
	if !ok || v != p.Version() {
		return "", false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before, ok := p.former[sum][version]
	return pseudonymText(version, before), ok
}

// Suppress names the erased by their first pseudonyms; who is not among them is
// not suppressed any more.
func (p *Pseudonymizer) Suppress(subjects map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if maps.Equal(p.suppressed, subjects) {
		return
	}
	p.suppressed = maps.Clone(subjects)
	p.epoch.Add(1)
}

// Gone reports whether the person behind a pseudonym that was made earlier is
// known to have been erased since. Only a name under the first key tells that by
// itself; of one under a later key it is known where the number was met again.
func (p *Pseudonymizer) Gone(pseudonym string) bool {
	sum, version, ok := parsePseudonym(pseudonym)
	if !ok {
		return false
	}
	first := p.keys[0].version
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, met := p.former[sum][first]; met && version == p.Version() {
		pseudonym = pseudonymText(first, before)
	}
	return p.suppressed[pseudonym]
}

// Epoch changes when remembered pseudonyms are no longer right.
func (p *Pseudonymizer) Epoch() uint64 { return p.epoch.Load() }

// Seen returns the numbers that got a pseudonym since the last call, by their
// first pseudonym, and forgets them. Nothing is collected before the first call.
func (p *Pseudonymizer) Seen() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = map[string]string{}
	return seen
}

func (k pseudonymKey) of(e164 string) (sum [16]byte) {
	m := hmac.New(sha256.New, k.key)
	m.Write([]byte(e164))
	copy(sum[:], m.Sum(nil))
	return sum
}

func pseudonymText(version int, sum [16]byte) string {
	return "p" + strconv.Itoa(version) + "_" + hex.EncodeToString(sum[:])
}

// parsePseudonym reads what pseudonymText writes.
func parsePseudonym(text string) (sum [16]byte, version int, ok bool) {
	head, digits, found := strings.Cut(text, "_")
	if !found || len(digits) != 32 || len(head) < 2 || head[0] != 'p' {
		return sum, 0, false
	}
	version, err := strconv.Atoi(head[1:])
	if err != nil || version < 1 {
		return sum, 0, false
	}
	_, err = hex.Decode(sum[:], []byte(digits))
	return sum, version, err == nil
}

// IsPseudonym reports whether text has the form of a pseudonym, and under which
// version of the key.
func IsPseudonym(text string) (version int, ok bool) {
	_, version, ok = parsePseudonym(text)
	return version, ok
}
