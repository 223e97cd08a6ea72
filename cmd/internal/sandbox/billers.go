// The bill providers: names in three languages, what people pay them and when.

package sandbox

// biller is one row of the catalogue and the habits around it.
type biller struct {
	code, az, en, ru  string
	category, service string
	class             string // home, office, mobile, net, bank, store, other, cash
	weight            float64
	fixed             []int64 // minor units; else lo … hi in steps
	lo, hi, step      int64
	days              [2]int // days of the month on which it is mostly paid; zero: any
	winter            bool   // twice as much and as often from November to March
	fee               int64  // commission in basis points; 0: none
	reference         string // prefix of its references
}

var topUps = []int64{100, 200, 300, 500, 500, 500, 1000, 1000, 2000, 3000}

// billers is the vocabulary. The last ones take cash or are no bills at all.
var billers = []biller{
	{"AZERSU_RES", "Azərsu (əhali)", "Azersu (residential)", "Азерсу (население)", "utilities", "WATER", "home", 3, nil, 380, 4_600, 1, [2]int{8, 22}, false, 0, "asu"},
	{"AZERIQAZ_RES", "Azəriqaz (əhali)", "Azeriqaz (residential)", "Азеригаз (население)", "utilities", "GAS", "home", 3, nil, 600, 9_800, 1, [2]int{5, 20}, true, 0, "aqz"},
	{"AZERISHIQ_RES", "Azərişıq (əhali)", "Azerishiq (residential)", "Азеришыг (население)", "utilities", "POWER", "home", 4, nil, 700, 11_500, 1, [2]int{1, 18}, true, 0, "ais"},
	{"AZERISTILIK_RES", "Azəristiliktəchizat", "Azeristiliktejhizat (district heating)", "Азеристиликтеджхизат (отопление)", "utilities", "HEAT", "home", 2, nil, 1_200, 6_000, 10, [2]int{}, false, 0, "ait"},
	{"AZERSU_COM", "Azərsu (qeyri-əhali)", "Azersu (business)", "Азерсу (организации)", "utilities", "WATER", "office", 2, nil, 2_500, 48_000, 1, [2]int{10, 25}, false, 0, "asb"},
	{"AZERIQAZ_COM", "Azəriqaz (qeyri-əhali)", "Azeriqaz (business)", "Азеригаз (организации)", "utilities", "GAS", "office", 2, nil, 4_000, 90_000, 1, [2]int{8, 24}, true, 0, "aqb"},
	{"AZERISHIQ_COM", "Azərişıq (qeyri-əhali)", "Azerishiq (business)", "Азеришыг (организации)", "utilities", "POWER", "office", 3, nil, 5_000, 120_000, 1, [2]int{5, 20}, true, 0, "aib"},
	{"MOB_AZERCELL", "Azercell", "Azercell", "Azercell", "mobile", "TOPUP", "mobile", 5, topUps, 0, 0, 0, [2]int{}, false, 0, "acr"},
	{"MOB_BAKCELL", "Bakcell", "Bakcell", "Bakcell", "mobile", "TOPUP", "mobile", 4, topUps, 0, 0, 0, [2]int{}, false, 0, "bkc"},
	{"MOB_NAR", "Nar", "Nar", "Nar", "mobile", "TOPUP", "mobile", 3, topUps, 0, 0, 0, [2]int{}, false, 0, "nar"},
	{"MOB_NAXTEL", "Naxtel", "Naxtel", "Naxtel", "mobile", "TOPUP", "mobile", .4, topUps, 0, 0, 0, [2]int{}, false, 0, "nxt"},
	{"MOB_FONEX", "FONEX", "FONEX", "FONEX", "mobile", "TOPUP", "mobile", .3, topUps, 0, 0, 0, [2]int{}, false, 0, "fnx"},
	{"NET_AZTELEKOM", "Aztelekom", "Aztelekom", "Азтелеком", "internet", "FIBRE", "net", 3, []int64{1800, 2000, 2500, 3500}, 0, 0, 0, [2]int{1, 12}, false, 0, "azt"},
	{"NET_AZTELEKOM_ADSL", "Aztelekom ADSL", "Aztelekom ADSL", "Азтелеком ADSL", "internet", "ADSL", "net", 1, []int64{1000, 1200, 1500}, 0, 0, 0, [2]int{1, 12}, false, 0, "azd"},
	{"NET_BAKTELECOM", "Baktelekom", "Baktelecom", "Бактелеком", "internet", "FIBRE", "net", 3, []int64{1800, 2200, 3000}, 0, 0, 0, [2]int{1, 12}, false, 0, "bkt"},
	{"NET_AZEUROTEL", "AzEuroTel", "AzEuroTel", "AzEuroTel", "internet", "FIBRE", "net", 1.4, []int64{1500, 2000, 2900}, 0, 0, 0, [2]int{1, 14}, false, 0, "aet"},
	{"NET_CITYNET", "CityNet", "CityNet", "CityNet", "internet", "FIBRE", "net", 1.8, []int64{2000, 2500, 3900}, 0, 0, 0, [2]int{1, 14}, false, 0, "ctn"},
	{"TV_KATV1", "KATV1", "KATV1", "KATV1", "internet", "CABLE_TV", "net", 1.6, []int64{700, 1000, 1400}, 0, 0, 0, [2]int{3, 15}, false, 0, "ktv"},
	{"BANK_KAPITAL", "Kapital Bank", "Kapital Bank", "Kapital Bank", "bank", "LOAN", "bank", 3, nil, 6_000, 48_000, 10, [2]int{1, 10}, false, 50, "kpb"},
	{"BANK_ABB", "ABB", "ABB", "ABB", "bank", "LOAN", "bank", 2, nil, 5_000, 60_000, 10, [2]int{5, 15}, false, 50, "abb"},
	{"BANK_PASHA", "PAŞA Bank", "PASHA Bank", "PASHA Bank", "bank", "CARD_REPAYMENT", "bank", 1, nil, 4_000, 70_000, 10, [2]int{10, 20}, false, 75, "psh"},
	{"BANK_LEO", "Leobank", "Leobank", "Leobank", "bank", "CARD_REPAYMENT", "bank", 1.5, nil, 2_000, 30_000, 10, [2]int{20, 28}, false, 0, "leo"},
	{"STORE_KONTAKT", "Kontakt Home", "Kontakt Home", "Kontakt Home", "store_credit", "INSTALMENT", "store", 2, nil, 2_500, 19_900, 10, [2]int{1, 12}, false, 0, "kth"},
	{"STORE_IRSAD", "İrşad", "Irshad", "Иршад", "store_credit", "INSTALMENT", "store", 2, nil, 2_000, 17_500, 10, [2]int{5, 18}, false, 0, "irs"},
	{"STORE_BAKU_ELECTRONICS", "Bakı Elektroniks", "Baku Electronics", "Baku Electronics", "store_credit", "INSTALMENT", "store", 1.5, nil, 2_400, 22_000, 10, [2]int{1, 15}, false, 0, "bel"},
	{unlisted, "", "", "", "parking", "PARKING", "other", 1, []int64{100, 200, 400}, 0, 0, 0, [2]int{}, false, 0, "prk"},
	{"TERM_MPAY", "MPAY terminalı", "MPAY terminal", "Терминал MPAY", "terminal", "CASH_IN", "cash", 3, nil, 0, 0, 0, [2]int{}, false, 0, "mpt"},
	{"TERM_EMANAT", "eManat", "eManat", "eManat", "terminal", "CASH_IN", "cash", 3, nil, 0, 0, 0, [2]int{}, false, 0, "emn"},
	{"TERM_MILLION", "MilliÖn", "MilliOn", "MilliÖn", "terminal", "CASH_IN", "cash", 2, nil, 0, 0, 0, [2]int{}, false, 0, "mil"},
	{"WAL_M10", "m10", "m10", "m10", "wallet", "CASH_IN", "cash", 1, nil, 0, 0, 0, [2]int{}, false, 0, "m10"},
}

const (
	// unlisted is a provider of the ledger that the catalogue lacks.
	unlisted = "PARK_AZPARKING"
	// heating joins the catalogue with the season, adsl leaves it.
	heating = "AZERISTILIK_RES"
	adsl    = "NET_AZTELEKOM_ADSL"
	// renamed and moved change their name and their category with the season.
	renamed = "AZERIQAZ_RES"
	moved   = "TV_KATV1"
)

// price is what a bill costs in a month.
func (b *biller) price(d *dice, winter bool) int64 {
	if len(b.fixed) > 0 {
		return b.fixed[d.below(int64(len(b.fixed)))]
	}
	hi := b.hi
	if b.winter && winter {
		hi = hi * 9 / 5
	}
	return d.skewed(b.lo, hi, b.step)
}

// commission is what the wallet takes for paying a bill.
func (b *biller) commission(amount int64) int64 {
	if b.fee == 0 {
		return 0
	}
	return max(amount*b.fee/10_000, 20)
}
