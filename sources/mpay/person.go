package mpay

import (
	"bytes"

	"github.com/paylake/paylake/schemas"
)

// region is where numbers without a country code belong.
const region = "AZ"

// maxPeople bounds each of a decoder's caches; a full one starts again.
const maxPeople = 1 << 15

type person struct {
	pseudonym, masked string
	valid             bool
}

// people turns numbers into what may leave the process, and remembers the
// result: a pseudonym costs a number's parsing and an HMAC. Not for concurrent
// use: every decoder owns one.
type people struct {
	pseudonyms *schemas.Pseudonymizer
	epoch      uint64
	numbers    map[string]person
	references map[string]string
}

func newPeople(p *schemas.Pseudonymizer) *people {
	return &people{pseudonyms: p, numbers: map[string]person{}, references: map[string]string{}}
}

// number returns the pseudonym and the masked form of a telephone number; ok
// is false for text that is no possible number. One that the upstream has
// masked stands for many people and gets no pseudonym.
func (p *people) number(text []byte) (person, bool) {
	if len(text) == 0 {
		return person{}, true
	}
	if epoch := p.pseudonyms.Epoch(); epoch != p.epoch { // somebody was erased
		clear(p.numbers)
		p.epoch = epoch
	}
	if who, ok := p.numbers[string(text)]; ok {
		return who, who.valid
	}
	var who person
	if bytes.ContainsAny(text, "*•") {
		who = person{masked: string(text), valid: true}
	} else {
		e164, ok := schemas.E164(string(text), region)
		who.pseudonym, who.masked = p.pseudonyms.Person(e164)
		who.valid = ok
	}
	if len(p.numbers) >= maxPeople {
		clear(p.numbers)
	}
	p.numbers[string(text)] = who
	return who, who.valid
}

// reference appends a free reference, masked if it is somebody's number. Text
// without a row of digits cannot be one and is not remembered.
func (p *people) reference(c *column, text []byte) {
	if len(text) < 7 || len(text) > 24 || bytes.IndexByte(text, '*') >= 0 {
		c.text(text)
		return
	}
	s, ok := p.references[string(text)]
	if !ok {
		s = schemas.MaskReference(string(text), region)
		if len(p.references) >= maxPeople {
			clear(p.references)
		}
		p.references[string(text)] = s
	}
	c.string(s)
}
