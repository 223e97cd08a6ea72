// Words for slots: ids, references, receipts, people.

package sandbox

import (
	"strconv"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

const (
	hexDigits = "0123456789abcdef"
	base58    = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// entryID is unique in the world: mix is a bijection and places differ.
func (w *World) entryID(wallet int, r ref) string {
	x := mix(place(wallet, int(r.day), int(r.slot)) ^ mix(w.seed^purposeID))
	return coded("txn_", hexDigits, x, 16)
}

// coded writes n characters of an alphabet that a number decides.
func coded(prefix, alphabet string, x uint64, n int) string {
	var buf [48]byte
	out := append(buf[:0], prefix...)
	for range n {
		out = append(out, alphabet[x%uint64(len(alphabet))])
		x /= uint64(len(alphabet))
	}
	return string(out)
}

// entry is slot i of a day as the upstream shows it at an instant.
func (w *World) entry(b *walletBook, day, i int, s *slot, now int64) mpaytest.Entry {
	self := ref{int32(day) + 1, int32(i)}
	d := diceAt(w.seed, purposeText, place(b.index, day, i))
	e := mpaytest.Entry{
		ID: w.entryID(b.index, self), PostedAt: time.Unix(s.at, 0).In(w.cal.zone), AmountMinor: s.amount, FeeMinor: s.fee, Status: "posted",
	}
	if s.reversed <= now {
		e.Status = "reversed"
		e.ReversalCode = reversalCode(s.reversed)
	}
	if s.kind == kindPending {
		e.Status = "pending"
	} else {
		balance := s.balance
		e.BalanceAfterMinor = &balance
	}
	if s.biller != noBiller {
		w.nameBiller(&e, b, s, &d)
	}
	w.nameKind(&e, b, s, &d, self)
	if d.below(10) < 7 {
		e.SessionID = w.sessionID(b, day)
	}
	if w.planted.paid(b, day, i) {
		e.ExternalReference = w.planted.payment
	}
	return e
}

// nameBiller names provider, service, and, for most rows, the category.
func (w *World) nameBiller(e *mpaytest.Entry, b *walletBook, s *slot, d *dice) {
	bl := &billers[s.biller]
	e.ProviderCode, e.ServiceCode = bl.code, bl.service
	if d.below(10) < 8 {
		e.Category = bl.category
		if bl.code == moved && !e.PostedAt.Before(w.season.change) {
			e.Category = "tv"
		}
	}
	if bl.class == "cash" {
		return
	}
	n := d.below(int64(b.who.meters * 2))
	sub := diceAt(w.seed, purposePeer, place(b.index, int(s.biller)+1, int(n)))
	if bl.class == "mobile" {
		e.SubscriberRef = "****" + strconv.FormatInt(sub.between(1000, 9999), 10)
		return
	}
	e.SubscriberRef = "****" + strconv.FormatInt(sub.between(100, 999), 10)
}

// nameKind says what kind of row it is and adds what that kind carries.
func (w *World) nameKind(e *mpaytest.Entry, b *walletBook, s *slot, d *dice, self ref) {
	switch s.kind {
	case kindBill:
		e.Type, e.Channel = "bill_pay", "balance"
		if w.byCard(b, self, s) {
			e.Channel = "card"
		}
		e.ExternalReference = reference(billers[s.biller].reference, w.entrySeed(b, self))
		if billers[s.biller].class != "bank" && d.below(10) < 8 {
			e.VATReceipt = coded(coded("", base58, d.next(), 6), base58, d.next(), 6)
		}
	case kindOut:
		e.Type, e.Channel = "transfer_out", "balance"
		e.Counterparty = peer(w.seed, b.index, int(d.skewed(0, peers, 1)))
	case kindIn:
		e.Type, e.Channel = "transfer_in", "balance"
		e.Counterparty = peer(w.seed, b.index, int(d.skewed(0, peers, 1)))
	case kindTopup, kindPending:
		w.nameTopup(e, b, s, self)
	case kindFee:
		e.Type, e.Channel, e.SubscriberRef = "fee", "balance", ""
	case kindReversal:
		e.Type, e.Channel = "reversal", "balance"
		e.ReversalOf, e.ReversalCode = w.entryID(b.index, s.ref), reversalCode(s.at)
	case kindRefund:
		e.Type, e.Channel = "refund", "balance"
		e.ExternalReference = reference(billers[s.biller].reference, w.entrySeed(b, s.ref))
	}
}

// nameTopup names the way the money came; a settled card payment carries the
// reference of the pending row before it.
func (w *World) nameTopup(e *mpaytest.Entry, b *walletBook, s *slot, self ref) {
	e.Type, e.Channel = "topup", "card"
	prefix, of := "crd", self
	if s.biller != noBiller {
		e.Channel, prefix = "terminal", billers[s.biller].reference
	}
	if s.ref.some() {
		of = s.ref
	}
	e.ExternalReference = reference(prefix, w.entrySeed(b, of))
}

func (w *World) entrySeed(b *walletBook, r ref) uint64 {
	return mix(place(b.index, int(r.day), int(r.slot)) ^ mix(w.seed))
}

func reference(prefix string, x uint64) string {
	return prefix + "_" + strconv.FormatUint(x%9_000_000_000+1_000_000_000, 10)
}

var reversalCodes = []string{"PROVIDER_REJECTED", "SUBSCRIBER_NOT_FOUND", "DUPLICATE_PAYMENT", "TIMEOUT"}

// reversalCode is the same in the reversed row and in the row that reverses it.
func reversalCode(at int64) string { return reversalCodes[mix(uint64(at))%uint64(len(reversalCodes))] }
