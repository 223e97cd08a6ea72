// Package camt writes statements of account as the ISO 20022 message
// camt.053.001.08: one Stmt per wallet and currency, also for a wallet that had
// no entry. What is written is a function of the rows, the accounts and Document
// alone. Entries go through one by one; only the accounts are held.
package camt

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/cmd/internal/account"
	"github.com/paylake/paylake/schemas"
)

const namespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

// Document is what a message is about.
type Document struct {
	SHA256   string    // of the snapshot's manifest
	Created  time.Time // when that was committed: the message's own time
	From, To string    // business dates YYYY-MM-DD; To is the first day after
	Accounts []account.Account
}

// ErrBalance is wrapped where an account cannot have a statement because its
// source names no balances.
var ErrBalance = errors.New("its source names no balance, and camt.053 has none without")

// Writer writes one message. It takes the lines of account.Lines, with own
// names, in their order.
type Writer struct {
	tags
	d       Document
	last    string // day of the closing balances
	head    int
	next    int  // of d.Accounts
	open    bool // whether the account before next is open
	entries int64
	sum     big.Int
}

// New begins a message. Nothing is written where an account cannot have a
// statement.
func New(w io.Writer, d Document) (*Writer, error) {
	last, err := time.Parse(time.DateOnly, d.To)
	if err != nil || d.From == "" {
		return nil, errors.New("camt.053 is about a period: name its first day and the first day after")
	}
	for _, a := range d.Accounts {
		if a.Opening == "" || a.Closing == "" {
			return nil, fmt.Errorf("wallet %s of %s: %w", a.Wallet, a.Source, ErrBalance)
		}
	}
	c := &Writer{tags: tags{out: bufio.NewWriterSize(w, 256<<10)}, d: d, last: last.AddDate(0, 0, -1).Format(time.DateOnly)}
	c.raw(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Document xmlns="` + namespace + `"><BkToCstmrStmt><GrpHdr>`)
	c.leaf("MsgId", digest("M", d.SHA256, d.From, d.To, strconv.Itoa(len(d.Accounts))))
	c.leaf("CreDtTm", d.Created.UTC().Format("2006-01-02T15:04:05.000Z"))
	c.close("GrpHdr")
	c.head = c.out.Buffered()
	return c, c.err
}

// Head is how many bytes at the beginning are about the message and not about
// the accounts.
func (c *Writer) Head() int { return c.head }

// digest is an identifier of 34 characters.
func digest(prefix string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return prefix + hex.EncodeToString(sum[:])[:33]
}

// begin writes what stands before an account's entries.
func (c *Writer) begin(a account.Account) error {
	exponent, err := schemas.Exponent(a.Currency)
	if err != nil {
		return fmt.Errorf("wallet %s of %s: %w", a.Wallet, a.Source, err)
	}
	c.raw("\n")
	c.begins("Stmt")
	c.leaf("Id", digest("S", a.Source, a.Wallet, a.Currency, c.d.From, c.d.To))
	c.begins("FrToDt")
	c.leaf("FrDtTm", c.d.From+"T00:00:00")
	c.leaf("ToDtTm", c.last+"T23:59:59")
	c.close("FrToDt")
	id, whole := reference(a.Wallet, 34)
	issuer, _ := reference(a.Source, 35)
	c.begins("Acct", "Id", "Othr")
	c.leaf("Id", id)
	c.raw("<SchmeNm><Prtry>WALLET</Prtry></SchmeNm>")
	c.leaf("Issr", issuer)
	c.close("Othr", "Id")
	c.leaf("Ccy", a.Currency)
	if !whole {
		c.leaf("Nm", cut(a.Wallet, 70))
	}
	c.close("Acct")
	c.balance("OPBD", a.Opening, a.Currency, exponent, c.d.From)
	c.balance("CLBD", a.Closing, a.Currency, exponent, c.last)
	c.totals(a, exponent)
	c.open, c.entries = true, 0
	c.sum.SetInt64(0)
	return c.err
}

func (c *Writer) balance(code, minor, currency string, exponent int, day string) {
	sum, direction, err := decimal(minor, exponent)
	c.fails(err)
	c.raw("\n<Bal><Tp><CdOrPrtry><Cd>" + code + "</Cd></CdOrPrtry></Tp>")
	c.amount("Amt", currency, sum)
	c.leaf("CdtDbtInd", direction)
	c.raw("<Dt><Dt>" + day + "</Dt></Dt></Bal>")
}

// totals are the control sums.
func (c *Writer) totals(a account.Account, exponent int) {
	credit, _ := new(big.Int).SetString(a.Credit, 10)
	debit, _ := new(big.Int).SetString(a.Debit, 10)
	if credit == nil || debit == nil {
		c.fails(fmt.Errorf("wallet %s: the totals %q and %q are no digits", a.Wallet, a.Credit, a.Debit))
		return
	}
	sum := func(n *big.Int) (text, direction string) {
		text, direction, err := decimal(n.String(), exponent)
		c.fails(err)
		return text, direction
	}
	gross, _ := sum(new(big.Int).Sub(credit, debit))
	net, direction := sum(new(big.Int).Add(credit, debit))
	credits, _ := sum(credit)
	debits, _ := sum(debit)
	c.raw("\n<TxsSummry><TtlNtries>")
	c.leaf("NbOfNtries", strconv.FormatInt(a.Entries, 10))
	c.leaf("Sum", gross)
	c.raw("<TtlNetNtry><Amt>" + net + "</Amt><CdtDbtInd>" + direction + "</CdtDbtInd></TtlNetNtry></TtlNtries>")
	for _, side := range []struct {
		name, sum string
		n         int64
	}{{"TtlCdtNtries", credits, a.Credits}, {"TtlDbtNtries", debits, a.Debits}} {
		c.begins(side.name)
		c.leaf("NbOfNtries", strconv.FormatInt(side.n, 10))
		c.leaf("Sum", side.sum)
		c.close(side.name)
	}
	c.close("TxsSummry")
}

// end closes the account that is open, and compares what went through with its
// control sums.
func (c *Writer) end() error {
	if !c.open {
		return c.err
	}
	c.open = false
	a := c.d.Accounts[c.next-1]
	credit, _ := new(big.Int).SetString(a.Credit, 10)
	debit, _ := new(big.Int).SetString(a.Debit, 10)
	if a.Entries != c.entries || credit.Add(credit, debit).Cmp(&c.sum) != 0 {
		return fmt.Errorf("wallet %s of %s: %d entries of %s minor units came, the control sums say %d of %s", a.Wallet, a.Source, c.entries, &c.sum, a.Entries, credit)
	}
	if missing := a.Breaks(); missing.Sign() != 0 {
		exponent, _ := schemas.Exponent(a.Currency)
		text, direction, err := decimal(missing.String(), exponent)
		c.fails(err)
		if direction == "DBIT" {
			text = "-" + text
		}
		c.leaf("AddtlStmtInf", "The entries do not lead from the opening to the closing balance: "+text+" "+a.Currency+" is missing.")
	}
	c.close("Stmt")
	return c.err
}

// turn makes the given account the open one; those before it have no entries.
func (c *Writer) turn(is func(account.Account) bool) error {
	for !c.open || !is(c.d.Accounts[c.next-1]) {
		if err := c.end(); err != nil {
			return err
		}
		if c.next == len(c.d.Accounts) {
			return errors.New("an entry came for an account that is not in this message, or in another order")
		}
		c.next++
		if err := c.begin(c.d.Accounts[c.next-1]); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the message; without it the file is not complete.
func (c *Writer) Close() error {
	for c.err == nil {
		if err := c.end(); err != nil {
			return err
		}
		if c.next == len(c.d.Accounts) {
			break
		}
		c.next++
		if err := c.begin(c.d.Accounts[c.next-1]); err != nil {
			return err
		}
	}
	c.close("BkToCstmrStmt", "Document")
	c.raw("\n")
	if c.err != nil {
		return c.err
	}
	return c.out.Flush()
}

// decimal is an amount without its sign, which becomes the direction. The
// message has room for 18 digits.
func decimal(minor string, exponent int) (text, direction string, err error) {
	direction = "CRDT"
	digits, negative := strings.CutPrefix(minor, "-")
	if negative {
		direction = "DBIT"
	}
	if missing := exponent + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if len(digits) > 18 {
		return "", "", fmt.Errorf("%s minor units have more digits than camt.053 has room for, 18", minor)
	}
	if exponent == 0 {
		return digits, direction, nil
	}
	return digits[:len(digits)-exponent] + "." + digits[len(digits)-exponent:], direction, nil
}
