package reconcile

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// MaxLines is how many lines an expectation file may have.
const MaxLines = 100_000

// What says which money a line is about.
type What string

// Spend, refunds and net are the words of spend_by_provider; debit and credit
// are everything that left or reached the wallets, transfers and top-ups too.
const (
	Spend   What = "spend"
	Refunds What = "refunds"
	Net     What = "net" // spend minus refunds
	Debit   What = "debit"
	Credit  What = "credit"
)

// Whats are all of them.
var Whats = []What{Spend, Refunds, Net, Debit, Credit}

// None stands for rows that have no provider or category, where an empty value
// stands for all rows.
const None = "-"

// Line is one line of an expectation file, as it is written.
type Line struct {
	At                                   int // line of the file
	Wallet, Provider, Category, Currency string
	What                                 What
	Amount, AmountMinor                  string // one of the two
	Count                                *int64
}

// Columns are those of a file, in the order of the documentation.
var Columns = []string{"wallet_id", "provider_code", "category", "currency", "what", "amount", "amount_minor", "count"}

// canonical is the column that a name means.
func canonical(name string) (string, bool) {
	name = strings.TrimSpace(name)
	if name == "wallet" {
		name = "wallet_id"
	}
	return name, slices.Contains(Columns, name)
}

// ReadLines reads an expectation file, CSV or YAML by its name. The error names
// every line that is wrong.
func ReadLines(file string, text []byte) ([]Line, error) {
	f := &expectFile{name: filepath.Base(file)}
	switch ext := strings.ToLower(filepath.Ext(file)); ext {
	case ".csv":
		f.csv(text)
	case ".yaml", ".yml":
		f.yaml(text)
	default:
		return nil, fmt.Errorf("%s is neither .csv nor .yaml, and how it is to be read cannot be told", file)
	}
	if len(f.wrong) == 0 && len(f.lines) == 0 {
		return nil, fmt.Errorf("%s expects nothing: it has no lines", f.name)
	}
	return f.lines, f.err()
}

// expectFile is a file that is being read.
type expectFile struct {
	name  string
	lines []Line
	wrong []error
	more  int  // wrong lines beyond maxWrong
	full  bool // it has too many lines
}

const maxWrong = 20

func (f *expectFile) bad(line int, format string, args ...any) {
	if len(f.wrong) == maxWrong {
		f.more++
		return
	}
	f.wrong = append(f.wrong, fmt.Errorf("%s:%d: %s", f.name, line, fmt.Sprintf(format, args...)))
}

func (f *expectFile) err() error {
	if f.more > 0 {
		return errors.Join(append(slices.Clone(f.wrong), fmt.Errorf("and %d problems more", f.more))...)
	}
	return errors.Join(f.wrong...)
}

// add takes the values of one line.
func (f *expectFile) add(at int, values map[string]string) {
	if len(f.lines) == MaxLines {
		if !f.full {
			f.bad(at, "it has more than %d lines; expect less at once", MaxLines)
		}
		f.full = true
		return
	}
	l := Line{At: at, Wallet: values["wallet_id"], Provider: values["provider_code"], Category: values["category"], Currency: values["currency"],
		What: What(values["what"]), Amount: values["amount"], AmountMinor: values["amount_minor"]}
	if l.What == "" {
		l.What = Spend
	}
	before := len(f.wrong) + f.more
	if !slices.Contains(Whats, l.What) {
		f.bad(at, "what is %q; write spend (the default), refunds, net, debit or credit", l.What)
	}
	if (l.Amount == "") == (l.AmountMinor == "") {
		f.bad(at, "it needs an amount, or amount_minor in minor units: one of the two")
	}
	if text := values["count"]; text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || strings.HasPrefix(text, "+") {
			f.bad(at, "count is %q; write how many rows there are, in digits, or leave it empty", text)
		}
		l.Count = &n
	}
	if l.Wallet == None || l.Currency == None {
		f.bad(at, "every row has a wallet and a currency; - stands for none and is for provider_code and category")
	}
	if len(f.wrong)+f.more == before {
		f.lines = append(f.lines, l)
	}
}
