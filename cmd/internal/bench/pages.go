package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

var providers = []string{"AZERSU_RES", "AZERIQAZ_RES", "AZERISHIQ_RES", "MOB_AZERCELL", "MOB_BAKCELL", "MOB_NAR",
	"NET_CITYNET", "NET_AZTELEKOM", "TV_KATV1", "STORE_PUBG", "BANK_ABB", "BANK_LEO"}

var categories = []string{"utilities", "utilities", "utilities", "mobile", "mobile", "mobile",
	"internet", "internet", "internet", "store_credit", "bank", "bank"}

// render writes every page of every wallet and day once.
func (u *upstream) render() {
	perWallet := u.o.rows / u.o.wallets
	for w := range u.o.wallets {
		balance := int64(500_000_000)
		for n := 0; n < perWallet; {
			day := firstDay.AddDate(0, 0, n/u.o.window)
			date := day.Format(time.DateOnly)
			left := min(u.o.window, perWallet-n)
			var pages [][]byte
			for done := 0; done < left; done += pageRows {
				rows := min(pageRows, left-done)
				next := ""
				if done+rows < left {
					next = date + ":" + strconv.Itoa(len(pages)+1)
				}
				page := appendPage(nil, w, n+done, rows, day, done, left, &balance, next)
				u.bytes += int64(len(page))
				pages = append(pages, page)
			}
			u.days[walletID(w)+"/"+date] = pages
			n += left
		}
	}
}

func appendPage(b []byte, wallet, first, rows int, day time.Time, done, left int, balance *int64, next string) []byte {
	b = append(b, `{"currency":"AZN","rows":[`...)
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		at := day.Add(time.Duration(done+i) * (24 * time.Hour / time.Duration(left+1)))
		b = appendRow(b, wallet, first+i, at, balance)
	}
	b = append(b, `],"next_cursor":`...)
	if next == "" {
		return append(b, `null}`...)
	}
	return append(strconv.AppendQuote(b, next), '}')
}

// appendRow writes about 278 bytes: ten fields, as believable as they need be.
func appendRow(b []byte, wallet, n int, at time.Time, balance *int64) []byte {
	p := n % len(providers)
	amount := -int64(100 + (n*7919)%20000)
	kind := "bill_pay"
	if n%10 == 9 {
		kind, amount = "topup", 110_000
	}
	*balance += amount
	b = append(b, `{"id":"txn_`...)
	b = strconv.AppendInt(b, int64(wallet)*1e9+int64(n)+1e9, 16)
	b = append(b, `","posted_at":"`...)
	b = at.AppendFormat(b, "2006-01-02T15:04:05.000000-07:00")
	b = append(append(append(b, `","type":"`...), kind...), `","amount":`...)
	b = appendMinor(b, amount)
	b = append(b, `,"currency":"AZN"`...)
	if kind == "bill_pay" {
		b = append(append(append(b, `,"provider_code":"`...), providers[p]...), `","category":"`...)
		b = append(append(b, categories[p]...), `","subscriber_ref":"****`...)
		b = append(strconv.AppendInt(b, int64(100+n%900), 10), '"')
	}
	b = append(b, `,"channel":"balance","status":"posted","external_reference":"acr_`...)
	b = strconv.AppendInt(b, int64(n)+10_000_000, 10)
	b = append(b, `","balance_after":`...)
	return append(appendMinor(b, *balance), '}')
}

func appendMinor(b []byte, v int64) []byte {
	if v < 0 {
		b = append(b, '-')
		v = -v
	}
	b = strconv.AppendInt(b, v/100, 10)
	return append(b, '.', byte('0'+v/10%10), byte('0'+v%10))
}

// writeJSONEachRow writes the same rows as ClickHouse's own format, one a line.
func (u *upstream) writeJSONEachRow(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for _, pages := range u.days {
		for _, p := range pages {
			var page struct{ Rows []json.RawMessage }
			if err := json.Unmarshal(p, &page); err != nil {
				return fmt.Errorf("own page: %w", err)
			}
			for _, row := range page.Rows {
				_, _ = w.Write(row)
				_ = w.WriteByte('\n')
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
