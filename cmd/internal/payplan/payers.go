package payplan

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Payer is who pays, and by which number.
type Payer struct {
	CustomerID string // as the platform knows it
	Account    string // digits alone
	IP         string // may be empty
}

// Payers finds payers by what a query calls them: the customer_id or, where that
// is a telephone number, the pseudonym that the warehouse has in its place.
type Payers map[string]Payer

var payerColumns = []string{"customer_id", "account", "ip"}

// ReadPayers reads a CSV file customer_id,account,ip (RFC 4180). pseudonyms are
// all those of a number. The error names every line that is wrong, and quotes no
// telephone number.
func ReadPayers(file string, text []byte, pseudonyms func(e164 string) []string) (Payers, error) {
	p := payerFile{file: file, out: Payers{}, lines: map[string]int{}, pseudonyms: pseudonyms}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if err != nil || !slices.Equal(header, payerColumns) {
		return nil, fmt.Errorf("%s:1: the header must be %s", file, strings.Join(payerColumns, ","))
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return p.out, errors.Join(p.wrong...)
		}
		if e, ok := errors.AsType[*csv.ParseError](err); ok {
			p.bad(e.Line, "not CSV: %v", e.Err)
			return nil, errors.Join(p.wrong...)
		}
		line, _ := in.FieldPos(0)
		p.add(line, record)
	}
}

// payerFile is a file of payers that is being read.
type payerFile struct {
	file       string
	pseudonyms func(string) []string
	out        Payers
	lines      map[string]int // where each name stands
	wrong      []error
}

func (p *payerFile) bad(line int, format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Errorf("%s:%d: %s", p.file, line, fmt.Sprintf(format, args...)))
}

func (p *payerFile) add(line int, record []string) {
	if len(record) != len(payerColumns) {
		p.bad(line, "it has %d columns, not %d: %s", len(record), len(payerColumns), strings.Join(payerColumns, ","))
		return
	}
	for i := range record {
		record[i] = strings.TrimSpace(record[i])
	}
	account, _, ok := Number(record[1])
	if !ok {
		p.bad(line, "account is not a telephone number; write it in international form, such as 996700123456")
	}
	if ip, err := netip.ParseAddr(record[2]); record[2] != "" && (err != nil || ip.Zone() != "") {
		p.bad(line, "ip is not an address; write it as 192.0.2.7, or leave it empty where the query returns one")
	}
	if record[0] == "" {
		p.bad(line, "customer_id is empty")
		return
	}
	names := []string{record[0]}
	if e164, ok := schemas.E164(record[0], region); ok {
		names = append(names, p.pseudonyms(e164)...)
	}
	for _, name := range names {
		if first, twice := p.lines[name]; twice {
			p.bad(line, "customer_id is that of line %d; keep one of them", first)
			return
		}
		p.lines[name], p.out[name] = line, Payer{record[0], account, record[2]}
	}
}

const region = "KG" // where national numbers of a payment platform are read

// Number reads a payer's telephone number as the platform takes it: digits
// alone. What is no valid number but could be one to the platform (9 to 15
// digits) is kept as it stands, and is not valid; ok is false for anything else.
func Number(text string) (digits string, valid, ok bool) {
	if e164, valid := schemas.E164(text, region); valid {
		return strings.TrimPrefix(e164, "+"), true, true
	}
	ok = len(text) >= 9 && len(text) <= 15 && strings.Trim(text, "0123456789") == ""
	return text, false, ok
}
