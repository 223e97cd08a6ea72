package clickhouse

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// planted is a world of payments in which nothing is wrong, and what was then
// made wrong in it: by kind and rows, as findings name them.
type planted struct {
	dice    *rand.Rand
	wallets [][]row // ledger lines by wallet, in the order of time
	events  [][]row // assurance events by wallet
	ops     []row
	fees    []row
	level   []int64 // the platform's balance at noon of every day
	intents []row
	days    int
	want    map[string]int
	used    map[string]bool // lines that stand beside something planted
	serial  int
}

// bill is a provider and what its bills come to, in minor units.
var plantedBills = []struct {
	code   string
	lo, hi int64
}{{"WATER", 900, 2400}, {"POWER", 2000, 6000}, {"NET", 1800, 3500}, {"PHONE", 300, 1000}, {"LOAN", 26_000, 60_000}}

const linesEachDay = 24

func newPlanted(seed uint64, wallets, days int) *planted {
	p := &planted{dice: rand.New(rand.NewPCG(seed, 1)), wallets: make([][]row, wallets), events: make([][]row, wallets), days: days, want: map[string]int{}, used: map[string]bool{}}
	for w := range wallets {
		for d := range days {
			for i := range linesEachDay {
				p.line(w, day0.AddDate(0, 0, d).Add(time.Duration(i)*time.Hour+time.Duration(p.dice.IntN(3000))*time.Second))
			}
		}
	}
	p.platform()
	return p
}

func (p *planted) id(prefix string) string {
	p.serial++
	return fmt.Sprintf("%s%07d", prefix, p.serial)
}

func (p *planted) line(w int, at time.Time) {
	wallet := fmt.Sprintf("wlt_%03d", w)
	more := row{"wallet_id": wallet, "session_id": fmt.Sprintf("ses_%d_%s", w, at.Format("0102"))}
	id, amount := p.id("led_"), int64(0)
	switch n := p.dice.IntN(10); {
	case n < 6:
		b := plantedBills[p.dice.IntN(len(plantedBills))]
		amount = -(b.lo + p.dice.Int64N(b.hi-b.lo+1))
		more["provider_code"], more["subscriber_ref"], more["external_reference"] = b.code, fmt.Sprintf("****%03d", w%900+100), p.id("REF")
	case n < 8:
		more["type"], more["provider_code"], more["counterparty"] = "transfer_out", "", fmt.Sprintf("p1_%032x", p.dice.IntN(400))
		amount = -(500 + p.dice.Int64N(20_000))
	default:
		more["type"], more["provider_code"] = "topup", ""
		amount = 30_000 + p.dice.Int64N(20_000)
	}
	p.wallets[w] = append(p.wallets[w], ledgerRow(id, at, amount, more))
	if -amount >= 250_00 {
		if p.dice.IntN(4) == 0 { // signed for the whole session
			p.sign(w, at.Add(-time.Minute), more["session_id"].(string), "")
		} else {
			p.sign(w, at.Add(-20*time.Second), more["session_id"].(string), id)
		}
	}
}

func (p *planted) sign(w int, at time.Time, session, line string) {
	e := assuranceRow(p.id("asr_"), at, "step_up_completed", session, line, "A3")
	e["wallet_id"] = fmt.Sprintf("wlt_%03d", w)
	p.events[w] = append(p.events[w], e)
}

// platform fills the payment platform: sales, some refunds, fees, balances.
func (p *planted) platform() {
	balance, n := int64(100_000_000), 40*len(p.wallets)
	perDay := max(n/p.days, 1)
	for d := range p.days {
		for i := range perDay {
			minute := d*1440 + i*1440/perDay
			o := op(p.id("pay_"), minute, p.id(""), "sale", "success", "mbank", 50_000+p.dice.Int64N(350_000))
			amount := o["amount_minor"].(int64)
			o["converted_minor"], o["converted_currency"], o["payment_minor"], o["payment_currency"] = amount, "KGS", amount, "KGS"
			p.ops = append(p.ops, o)
			fee := amount * 18 / 1000
			p.fees = append(p.fees, row{"source": "psp", "project_id": int64(210), "operation_id": o["operation_id"], "payment_id": o["payment_id"], "type": "sale", "status": "success", "created_at": o["created_at"],
				"completed_at": o["completed_at"], "business_date": o["business_date"], "fee_minor": fee, "fee_currency": "KGS", "amount_minor": amount, "currency": "KGS", "provider_code": "mbank", "method": "mbank"})
			if i*1440/perDay < 12*60 {
				balance += amount - fee
			}
		}
		p.level = append(p.level, balance)
		for i := range perDay {
			if i*1440/perDay < 12*60 {
				continue
			}
			last := len(p.ops) - perDay + i
			balance += p.ops[last]["amount_minor"].(int64) - p.fees[last]["fee_minor"].(int64)
		}
	}
}

// settle computes balances; what is made wrong after it breaks the chain.
func (p *planted) settle() {
	for w := range p.wallets {
		slices.SortStableFunc(p.wallets[w], func(a, b row) int { return a["posted_at"].(time.Time).Compare(b["posted_at"].(time.Time)) })
		balance := int64(5_000_000)
		for _, r := range p.wallets[w] {
			balance += r["amount_minor"].(int64)
			r["balance_after_minor"] = balance
		}
	}
}

func (p *planted) expect(kind string, rows ...string) { p.want[kind+" "+strings.Join(rows, ",")]++ }

// pick finds a line of some wallet that has neighbours, none of which stands
// beside something planted.
func (p *planted) pick(fits func(r row) bool) (w, i int) {
	for range 100_000 {
		w = p.dice.IntN(len(p.wallets))
		lines := p.wallets[w]
		i = 1 + p.dice.IntN(len(lines)-2)
		free := true
		for _, r := range lines[i-1 : i+2] {
			free = free && !p.used[r["entry_id"].(string)]
		}
		if free && fits(lines[i]) {
			for _, r := range lines[i-1 : i+2] {
				p.used[r["entry_id"].(string)] = true
			}
			return w, i
		}
	}
	panic("the world is too small for so much that is wrong")
}

func id(r row) string { return r["entry_id"].(string) }

func billed(r row) bool { return r["type"] == "bill_pay" }

func shortBill(r row) bool { return billed(r) && r["provider_code"] != "LOAN" }

// beforeBalances plants what leaves the chain whole.
func (p *planted) beforeBalances(kind string) {
	end := day0.AddDate(0, 0, p.days-4)
	again := func(after time.Duration, reference string) {
		w, i := p.pick(func(r row) bool { return shortBill(r) && r["posted_at"].(time.Time).Before(end) })
		first := p.wallets[w][i]
		second := row{}
		for k, v := range first {
			second[k] = v
		}
		second["entry_id"], second["posted_at"] = p.id("led_"), first["posted_at"].(time.Time).Add(after)
		if reference != "" {
			second["external_reference"] = reference
		}
		p.used[id(second)] = true
		p.wallets[w] = append(p.wallets[w], second)
		p.expect(schemas.DuplicatePayment, id(first), id(second))
	}
	switch kind {
	case "duplicate by reference":
		again(time.Duration(1+p.dice.IntN(70*60))*time.Minute, "")
	case "double click":
		again(time.Duration(1+p.dice.IntN(110))*time.Second, p.id("REF"))
	case "velocity":
		w := p.dice.IntN(len(p.wallets))
		begin, person, out := day0.AddDate(0, 0, p.dice.IntN(p.days)).Add(time.Hour), fmt.Sprintf("p1_burst%d", p.serial), []string{}
		for n := range 30 + p.dice.IntN(10) {
			r := ledgerRow(p.id("led_"), begin.Add(time.Duration(n)*7*time.Second), -(100 + p.dice.Int64N(900)),
				row{"wallet_id": fmt.Sprintf("wlt_%03d", w), "type": "transfer_out", "provider_code": "", "counterparty": person, "business_date": begin})
			p.wallets[w] = append(p.wallets[w], r)
			p.used[id(r)] = true
			out = append(out, id(r))
		}
		p.expect(schemas.VelocityFinding, out...)
	case "scale of the history":
		w, i := p.pick(func(r row) bool { return r["provider_code"] == "NET" })
		p.wallets[w][i]["amount_minor"] = p.wallets[w][i]["amount_minor"].(int64) * 10
		if r := p.wallets[w][i]; -r["amount_minor"].(int64) >= 250_00 {
			p.sign(w, r["posted_at"].(time.Time), "", id(r))
		}
		p.expect(schemas.ScaleFinding, id(p.wallets[w][i]))
	}
}

// afterBalances plants what breaks a chain, or has nothing to do with it.
func (p *planted) afterBalances(kind string) {
	power := []int64{10, 100}[p.dice.IntN(2)]
	free := func() int {
		for { // those that a payment has added have no fee
			i := p.dice.IntN(len(p.fees))
			if name := p.ops[i]["operation_id"].(string); !p.used[name] {
				p.used[name] = true
				return i
			}
		}
	}
	switch kind {
	case "missing row":
		w, i := p.pick(shortBill)
		p.expect(schemas.ChainBreak, id(p.wallets[w][i-1]), id(p.wallets[w][i+1]))
		p.wallets[w] = slices.Delete(p.wallets[w], i, i+1)
	case "wrong amount":
		w, i := p.pick(shortBill)
		r := p.wallets[w][i]
		r["amount_minor"] = r["amount_minor"].(int64) - 7
		p.expect(schemas.ChainBreak, id(p.wallets[w][i-1]), id(r))
	case "scale of a statement":
		w, i := p.pick(shortBill)
		r := p.wallets[w][i]
		r["amount_minor"] = r["amount_minor"].(int64) * power
		if -r["amount_minor"].(int64) >= 250_00 {
			p.sign(w, r["posted_at"].(time.Time), "", id(r))
		}
		p.expect(schemas.ChainBreak, id(p.wallets[w][i-1]), id(r))
		p.expect(schemas.ScaleFinding, id(r))
	case "no step-up":
		w, i := p.pick(func(r row) bool { return r["provider_code"] == "LOAN" })
		r := p.wallets[w][i]
		r["session_id"] = "ses_unsigned"
		p.events[w] = slices.DeleteFunc(p.events[w], func(e row) bool { return e["ledger_id"] == id(r) })
		p.expect(schemas.StepUpMissing, id(r))
	case "scale of a payment":
		o := p.ops[free()]
		o["payment_minor"] = o["payment_minor"].(int64) * power
		p.expect(schemas.ScaleFinding, o["operation_id"].(string))
	case "scale of a conversion":
		o := p.ops[free()]
		o["converted_minor"] = o["converted_minor"].(int64) * power
		p.expect(schemas.ScaleFinding, o["operation_id"].(string))
	case "scale of a fee list":
		f := p.fees[free()]
		f["amount_minor"] = f["amount_minor"].(int64) * power
		p.expect(schemas.ScaleFinding, f["operation_id"].(string))
	case "platform balance":
		for {
			d := 2 + p.dice.IntN(p.days-3)
			if name := fmt.Sprint("reading ", d); !p.used[name] {
				p.used[name] = true
				for n := d; n < len(p.level); n++ {
					p.level[n] += 1 + int64(p.serial)
				}
				p.expect(schemas.PSPBalance, noon(d-1), noon(d))
				return
			}
		}
	case "payment":
		p.payment()
	}
}

func noon(d int) string {
	return day0.AddDate(0, 0, d).Add(12*time.Hour - 30*time.Second).Format("2006-01-02 15:04:05.000000")
}

// payment orders one that the platform and the register do not agree on.
func (p *planted) payment() {
	at := day0.AddDate(0, 0, p.dice.IntN(p.days-3)).Add(3 * time.Hour)
	name := p.id("pl_")
	it := row{"source": "psp", "payment_id": name, "version": int64(3), "changed_at": at, "business_date": at, "status": "success", "amount_minor": int64(120_000), "currency": "KGS", "project_id": int64(210),
		"sent_at": at, "settled_at": at, "told": "success", "provider_code": "WATER", "method": "mbank"}
	sale := func(amount int64) string {
		o := op(name, int(at.Sub(day0).Minutes()), p.id(""), "sale", "success", "mbank", amount)
		o["completed_at"] = nil // so that the platform's balance is not about it
		p.ops = append(p.ops, o)
		return o["operation_id"].(string)
	}
	switch p.dice.IntN(4) {
	case 0:
		p.expect(schemas.PaymentDifference, name)
	case 1:
		it["status"] = "decline"
		p.expect(schemas.PaymentDifference, name, sale(120_000))
	case 2:
		p.expect(schemas.PaymentDifference, name, sale(120_001))
	default:
		it["status"], it["settled_at"] = "accepted", nil
		p.expect(schemas.PaymentDifference, name)
	}
	p.intents = append(p.intents, it)
}

// parts are everything as a source would have read it, in windows of a week.
func (p *planted) parts() [][]sinks.Part {
	whole := days(0, p.days+1)
	var out [][]sinks.Part
	for w := range p.wallets {
		wallet := fmt.Sprintf("wlt_%03d", w)
		var list []sinks.Part
		for d := 0; d < p.days; d += 7 {
			span := schemas.Window{From: day0.AddDate(0, 0, d), To: day0.AddDate(0, 0, min(d+7, p.days))}
			var rows []row
			for _, r := range p.wallets[w] {
				if span.Contains(r["posted_at"].(time.Time)) {
					rows = append(rows, r)
				}
			}
			one := part(schemas.Ledger, "mpay", wallet, span, rows...)
			one.Past = true
			list = append(list, one)
		}
		out = append(out, list, []sinks.Part{part(schemas.AssuranceEvents, "mpay", wallet, schemas.Window{From: whole.From.AddDate(0, 0, -1), To: whole.To}, p.events[w]...)})
	}
	slices.SortFunc(p.ops, func(a, b row) int { return cmp.Compare(a["operation_id"].(string), b["operation_id"].(string)) })
	out = append(out, []sinks.Part{part(schemas.Operations, "psp", "", whole, p.ops...)}, []sinks.Part{part(schemas.OperationFees, "psp", "", whole, p.fees...)})
	var readings []row
	for d, level := range p.level {
		at := day0.AddDate(0, 0, d).Add(12*time.Hour - 30*time.Second)
		readings = append(readings, row{"source": "psp", "observed_at": at, "business_date": at, "name": "main", "currency": "KGS", "amount_minor": level})
	}
	out = append(out, []sinks.Part{part(schemas.PSPBalances, "psp", "", schemas.Window{}, readings...)})
	if len(p.intents) > 0 {
		out = append(out, []sinks.Part{part(schemas.PaymentIntents, "psp", "", schemas.Window{}, p.intents...)})
	}
	return out
}
